package initramfs_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/mythic-beasts/hostkit/nfsroot/initramfs"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod/kmodtest"
)

// An initramfs out of a kernel's modules and a program.
func ExampleBuild() {
	_ = func(t *testing.T) {
		tree, err := kmod.Open(kmodtest.Tree(t, map[string][]string{
			"kernel/fs/nfs/nfsv3.ko":                {"depends=nfs"},
			"kernel/fs/nfs/nfs.ko":                  nil,
			"kernel/drivers/net/usb/smsc95xx.ko.xz": nil,
		}, "kernel/fs/nfs/nfsv4.ko"))
		if err != nil {
			t.Fatal(err)
		}
		modules, err := initramfs.Pi().Closure(tree)
		if err != nil {
			t.Fatal(err)
		}
		init, err := initramfs.CompileInit(t.Context(), "arm64")
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		report, err := initramfs.Build(&b, initramfs.Options{Init: init, Modules: modules})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(report.Size, report.Modules)
	}
}
