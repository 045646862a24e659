package memkv_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/mythic-beasts/hostkit/internal/memkv"
)

func Example() {
	ctx := context.Background()
	var s memkv.Store
	rev, err := s.Put(ctx, "zone/example.com", []byte("signed"), 0)
	fmt.Println(rev, err)
	_, err = s.Put(ctx, "zone/example.com", []byte("mine"), 0)
	fmt.Println("lost:", errors.Is(err, fs.ErrExist))
	val, rev, err := s.Get(ctx, "zone/example.com")
	fmt.Printf("%s %d %v\n", val, rev, err)
	// Output:
	// 1 <nil>
	// lost: true
	// signed 1 <nil>
}
