package deb_test

import (
	"context"
	"fmt"
	"log"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/deb"
)

// The kernel that Debian's metapackage stands for, unpacked.
func Example() {
	_ = func(ctx context.Context) {
		src := &deb.Source{Dir: "/var/cache/hostkit/trixie-arm64", Suite: "trixie", Arch: nfsroot.ARM64}
		kernel, err := src.Kernel(ctx, "linux-image-arm64")
		if err != nil {
			log.Fatal(err)
		}
		path, _, err := src.Fetch(ctx, kernel.Name)
		if err != nil {
			log.Fatal(err)
		}
		if err := deb.Unpack(ctx, path, "kernel"); err != nil {
			log.Fatal(err)
		}
	}
}

func ExampleCompareVersions() {
	fmt.Println(deb.CompareVersions("6.1.0-9", "6.1.0-50") < 0, deb.CompareVersions("1.0~rc1", "1.0") < 0)
	// Output: true true
}
