package etcdstore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/mythic-beasts/hostkit/sniproxy/etcdstore"
)

func Example() {
	store, err := etcdstore.New(etcdstore.Options{
		Endpoints: []string{"http://127.0.0.1:2379"},
		Prefix:    "/hostkit/sniproxy/",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	err = store.List(context.Background(), "sites/", func(key string, val []byte, rev int64) error {
		fmt.Println(key, len(val), rev)
		return nil
	})
	log.Print(err)
}
