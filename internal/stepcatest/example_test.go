package stepcatest_test

import (
	"fmt"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/stepcatest"
)

// An authority for a client to be tried against.
func Example() {
	_ = func(t *testing.T) {
		ca := stepcatest.New(t, stepcatest.Options{})
		fmt.Println(ca.URL(), ca.Root().Subject)
	}
}
