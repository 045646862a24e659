package passkey_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account/passkey"
)

func Example() {
	_, err := passkey.New(passkey.Options{ID: "panel.example.net", Origins: []string{"https://panel.example.net"}})
	fmt.Println(err)
	_, err = passkey.New(passkey.Options{ID: "panel.example.net", Origins: []string{"http://panel.example.net"}})
	fmt.Println(err)
	// Output:
	// <nil>
	// passkey: origin "http://panel.example.net": browsers have passkeys for https, and for http://localhost
}
