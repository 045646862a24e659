package filekv_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/internal/filekv"
)

func Example() {
	dir, err := os.MkdirTemp("", "filekv")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := filekv.New(filepath.Join(dir, "state"))
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Put(context.Background(), "zone/*.example.com", []byte("{}"), 0); err != nil {
		log.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "state", "zone", "%2a.example.com.kv"))
	fmt.Printf("%s\n%v\n", data, err)
	// Output:
	// hostkit-kv 1 rev 1 length 2 crc32c 297bd0aa
	// {}
	// <nil>
}
