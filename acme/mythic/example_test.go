package mythic_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/mythic"
)

// Add a record, and delete exactly that again.
func ExampleV2() {
	ctx := context.Background()
	provider := &mythic.V2{KeyID: "abcd1234", Secret: "correct horse"}
	record := dns01.TXT{Name: "_acme-challenge.example.com.", Value: "LoqXcYV8"}
	if err := provider.AddTXT(ctx, record); errors.Is(err, mythic.ErrDenied) {
		fmt.Println("the key needs more permissions:", err)
		return
	}
	defer func() { _ = provider.DeleteTXT(ctx, record) }()
	visible, err := provider.Visible(ctx, record)
	fmt.Println(visible, err)
}

// A name is in the longest domain that it ends with, whole labels compared.
func ExampleV1_ZoneOf() {
	ctx := context.Background()
	provider := &mythic.V1{Passwords: map[string]mythic.Secret{"example.com": "one", "shop.example.com": "two"}}
	zone, err := provider.ZoneOf(ctx, "_acme-challenge.www.shop.example.com.")
	fmt.Println(zone, err)
	_, err = provider.ZoneOf(ctx, "_acme-challenge.notexample.com.")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// shop.example.com. <nil>
	// true
}

// A secret cannot be printed by accident.
func ExampleSecret() {
	provider := &mythic.V2{KeyID: "abcd1234", Secret: "correct horse"}
	fmt.Printf("%v %q\n", provider, provider.Secret)
	// Output: mythic.V2("abcd1234") [redacted]
}
