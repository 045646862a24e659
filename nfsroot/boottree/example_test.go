package boottree_test

import (
	"context"
	"fmt"
	"log"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/boottree"
	"github.com/mythic-beasts/hostkit/nfsroot/deb"
)

// A tree for two models, with an initramfs that was made before.
func Example() {
	_ = func(ctx context.Context, initrd []byte) {
		report, err := boottree.Assemble(ctx, boottree.Options{
			Source: &deb.Source{Dir: "/var/cache/hostkit/trixie-arm64", Suite: "trixie", Arch: nfsroot.ARM64},
			Models: []boottree.Model{boottree.Pi4, boottree.Pi5},
			Initrd: initrd,
		}, "/srv/tftp/pi17")
		if err != nil {
			log.Fatal(err)
		}
		for _, f := range report.Files {
			fmt.Println(f.Size, f.Name, f.From)
		}
	}
}
