package etcdstore_test

import (
	"context"
	"log"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/etcdstore"
	"github.com/mythic-beasts/hostkit/acme/renew"
)

// The same program on several nodes: one of them renews.
func Example() {
	store, err := etcdstore.New(etcdstore.Options{
		Endpoints: []string{"http://127.0.0.1:2379"},
		Prefix:    "/hostkit/",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	var client *acme.Client
	var solver acme.Solver
	m := renew.Manager{Issuer: client, Solver: solver, Store: store}
	if err := m.Add("example.org", acme.Request{Names: []string{"example.org"}}); err != nil {
		log.Print(err)
	}
	log.Print(m.Run(context.Background()))
}
