package kmod_test

import (
	"fmt"
	"testing"

	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod/kmodtest"
)

// The modules that a Pi 4 mounts its root with, in the order to load them.
func Example() {
	_ = func(t *testing.T) {
		tree, err := kmod.Open(kmodtest.Tree(t, map[string][]string{
			"kernel/fs/nfs/nfsv4.ko":                        {"depends=nfs,sunrpc"},
			"kernel/fs/nfs/nfs.ko":                          {"depends=sunrpc"},
			"kernel/drivers/net/ethernet/broadcom/genet.ko": {"softdep=pre: mdio-bcm-unimac"},
		}, "kernel/net/sunrpc/sunrpc.ko"))
		if err != nil {
			t.Fatal(err)
		}
		modules, err := tree.Closure("genet", "nfsv4")
		if err != nil {
			t.Fatal(err) // lists each name that is missing, and what is like it
		}
		for _, m := range modules {
			fmt.Println(m.Path, m.Info.Firmware)
		}
	}
}
