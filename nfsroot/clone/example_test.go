package clone_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/nfsroot/clone"
)

// Clone a tree for a machine in whatever way the filesystem allows.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "roots")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	base, pi := filepath.Join(dir, "base"), filepath.Join(dir, "pi1")
	if err := os.Mkdir(base, 0o755); err != nil {
		log.Fatal(err)
	}
	c, err := clone.Probe(ctx, dir)
	if err != nil {
		log.Print(err) // each driver's reason
		return
	}
	if err := c.Clone(ctx, base, pi); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Capabilities().Name)
	if err := c.Remove(ctx, pi); err != nil {
		log.Fatal(err)
	}
}
