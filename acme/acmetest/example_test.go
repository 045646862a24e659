package acmetest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"testing"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
)

// An authority that is out of order twice, and then is not.
func ExampleNewCA() {
	broken := 2
	ca := acmetest.NewCA(new(testing.T), acmetest.CAOptions{
		InMemory: true,
		Intercept: func(w http.ResponseWriter, _ *http.Request, resource string) bool {
			if resource != acmetest.CANewAccount || broken == 0 {
				return false
			}
			broken--
			acmetest.WriteProblem(w, http.StatusServiceUnavailable, "serverInternal", "come back later")
			return true
		},
	})
	key, err := acme.NewKey(acme.EC256)
	if err != nil {
		log.Fatal(err)
	}
	client := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: key}
	account, err := client.Register(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(account.Status, ca.Requests(acmetest.CANewAccount))
	// Output: valid 4
}
