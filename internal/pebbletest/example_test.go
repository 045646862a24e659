package pebbletest_test

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/pebbletest"
)

func Example() {
	p := pebbletest.New(new(testing.T), pebbletest.Options{})
	r, err := http.NewRequest(http.MethodGet, p.URL(), nil)
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("User-Agent", "example")
	resp, err := p.HTTPClient().Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	var directory map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&directory); err != nil {
		log.Fatal(err)
	}
	fmt.Println(directory["renewalInfo"] != nil, p.Root(0).IsCA)
	// Output: true true
}
