package etcdkv_test

import (
	"context"
	"fmt"
	"log"

	"github.com/mythic-beasts/hostkit/internal/etcdkv"
)

func Example() {
	s, err := etcdkv.New(etcdkv.Options{Endpoints: []string{"http://127.0.0.1:2379"}, Prefix: "/hostkit/"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	held, unlock, err := s.Lock(ctx, "leader")
	if err != nil {
		log.Fatal(err)
	}
	defer unlock()
	rev, err := s.Put(held, "zone/example.com", []byte("{}"), 0)
	fmt.Println(rev, err)
}
