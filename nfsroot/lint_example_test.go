package nfsroot_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

// A root that was built by hand is looked through, and mended.
func ExampleLint() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	root := filepath.Join(dir, "root")
	if err := nfsroottest.WriteTree(root); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/fstab"), []byte("UUID=738a none swap sw 0 0\n"), 0o644); err != nil {
		log.Fatal(err)
	}

	findings, err := nfsroot.Lint(ctx, root)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	if err := nfsroot.Fix(ctx, root, findings); err != nil {
		log.Fatal(err)
	}
	findings, err = nfsroot.Lint(ctx, root)
	fmt.Println(len(findings), err)
	// Output:
	// error: etc/fstab: is swap: "UUID=738a none swap sw 0 0" (fstab)
	// 0 <nil>
}
