package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/dnssec/filestore"
)

func Example() {
	dir, err := os.MkdirTemp("", "filestore")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := filestore.New(filepath.Join(dir, "state"))
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	// One process at a time works on the zone; the last write says which revision it
	// has seen, so that even a lock that was lost does no harm.
	held, unlock, err := store.Lock(context.Background(), "zone/example.com")
	if err != nil {
		log.Fatal(err)
	}
	rev, err := store.Put(held, "zone/example.com", []byte("signed"), 0)
	fmt.Println(rev, err)
	_, err = store.Put(held, "zone/example.com", []byte("from what was read long ago"), 0)
	fmt.Println("lost:", errors.Is(err, fs.ErrExist))
	fmt.Println(unlock())
	// Output:
	// 1 <nil>
	// lost: true
	// <nil>
}
