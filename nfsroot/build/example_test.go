package build_test

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/build"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

// The runner of nfsroottest stands for mmdebstrap here.
func ExampleBuilder_BuildTar() {
	cache, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(cache)
	var last build.Event
	b := build.Builder{
		CacheDir: cache,
		TempDir:  cache,
		Run:      &nfsroottest.Runner{},
		Progress: func(e build.Event) { last = e },
	}
	spec := nfsroot.Minimal("bookworm", nfsroot.AMD64)
	manifest, err := b.BuildTar(context.Background(), spec, io.Discard)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(manifest.Suite, manifest.Arch, last.Stage)

	_, err = b.BuildTar(context.Background(), nfsroot.Spec{Suite: "../sid"}, io.Discard)
	fmt.Println(err)
	// Output:
	// bookworm amd64 publish
	// build: nfsroot: spec: suite "../sid" is not the name of a release
}
