package mythic_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/acme/mythic"
)

// A secret cannot be printed by accident.
func ExampleSecret() {
	provider := &mythic.V2{KeyID: "abcd1234", Secret: "correct horse"}
	fmt.Printf("%s %q\n", provider.KeyID, provider.Secret)
	// Output: abcd1234 [redacted]
}
