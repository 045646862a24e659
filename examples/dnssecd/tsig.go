package main

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

func checkTSIGAlgorithm(name string) error {
	known := []string{"", serve.HMACSHA256, serve.HMACSHA384, serve.HMACSHA512}
	if !slices.Contains(known, name) {
		return fmt.Errorf("%q is not one of %v", name, known[1:])
	}
	return nil
}

func checkTSIGSecret(s daemon.Secret) error {
	if s.Empty() {
		return errors.New("is missing")
	}
	if _, err := base64.StdEncoding.DecodeString(s.Reveal()); err != nil { // which quotes a part of it
		return errors.New("is not base64")
	}
	return nil
}

// keys are those of transfers.
func (s *Settings) keys() []serve.Key {
	keys := make([]serve.Key, len(s.TSIG))
	for i, k := range s.TSIG {
		secret, _ := base64.StdEncoding.DecodeString(k.Secret.Reveal()) // checked
		name, _ := canonical(k.Name)
		keys[i] = serve.Key{Name: name, Algorithm: cmp.Or(k.Algorithm, serve.HMACSHA256), Secret: secret}
	}
	return keys
}

// key finds one of them; without a name it is none.
func (s *Settings) key(name string) *serve.Key {
	want, err := canonical(name)
	for _, k := range s.keys() {
		if err == nil && k.Name == want {
			return &k
		}
	}
	return nil
}

// parentKey is one for updates.
func (s *Settings) parentKey(name string) parent.TSIG {
	k := s.key(name)
	if k == nil {
		return parent.TSIG{}
	}
	return parent.TSIG{Name: k.Name, Algorithm: k.Algorithm + ".", Secret: parent.Secret(base64.StdEncoding.EncodeToString(k.Secret))}
}
