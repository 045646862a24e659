package etcdstore_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/etcdstore"
)

func Example() {
	store, err := etcdstore.New(etcdstore.Options{
		Endpoints: []string{"http://127.0.0.1:2379"},
		Prefix:    "/hostkit/dnssec/",
		LockTTL:   10 * time.Second,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	err = store.Watch(context.Background(), "zone/", func(key string, val []byte, rev int64) {
		switch {
		case key == "":
			fmt.Println("that was all there is")
		case val == nil:
			fmt.Println(key, "is gone")
		default:
			fmt.Println(key, len(val), rev)
		}
	})
	log.Print(err)
}
