// Command initramfs writes our initramfs for a kernel, for the comparison with
// Debian's in initramfs.sh.
//
//	initramfs -arch amd64 -preset virt -modules lib/modules/VERSION -o FILE
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/initramfs"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
)

func main() {
	arch := flag.String("arch", "amd64", "Debian's `name` of the architecture")
	preset := flag.String("preset", "virt", "virt or pi")
	modules := flag.String("modules", "", "the kernel's `folder` lib/modules/VERSION")
	out := flag.String("o", "initramfs.gz", "`file` to write")
	flag.Parse()
	if err := run(nfsroot.Arch(*arch), *preset, *modules, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arch nfsroot.Arch, preset, modules, out string) error {
	start := time.Now()
	presets := map[string]initramfs.Preset{"virt": initramfs.Virt(), "pi": initramfs.Pi()}
	p, ok := presets[preset]
	if !ok {
		return fmt.Errorf("preset %q is neither virt nor pi", preset)
	}
	init, err := initramfs.CompileInit(context.Background(), arch)
	if err != nil {
		return err
	}
	tree, err := kmod.Open(modules)
	if err != nil {
		return err
	}
	closure, err := p.Closure(tree)
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	report, err := initramfs.Build(f, initramfs.Options{Init: init, Modules: closure})
	if err != nil {
		return err
	}
	fmt.Printf("%d bytes, %d modules, /init of %d bytes, made in %.1f s, sha256 %x\n",
		report.Size, len(report.Modules), len(init), time.Since(start).Seconds(), report.SHA256)
	return f.Close()
}
