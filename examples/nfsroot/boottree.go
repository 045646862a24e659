package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/boottree"
)

// sharedDir is the folder, beside those of the machines, with what all load.
const sharedDir = "shared"

// bootTreeCommand writes what machines load before they have a root: what is the
// same for all into one folder, and into one for each machine what is its own.
func bootTreeCommand(ctx context.Context, a *app, args []string) error {
	names, err := a.Flags(args, "[NAME...]", 0, -1, nil)
	if err != nil {
		return err
	}
	c, f, err := a.open()
	if err != nil {
		return err
	}
	machines, err := c.machines(names)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Boot, 0o755); err != nil {
		return err
	}
	shared, spec := filepath.Join(c.Boot, sharedDir), c.Root.spec()
	arch, src := spec.Arch, c.packages(spec)
	if arch == nfsroot.AMD64 {
		err = a.pcBoot(ctx, c, src, shared)
	} else {
		err = a.piBoot(ctx, c, src, shared)
	}
	if err != nil {
		return err
	}
	for _, m := range machines {
		line, err := m.cmdline(arch, f.Root(m.Name))
		if err != nil {
			return err
		}
		text, err := line.Text()
		if err != nil {
			return err
		}
		name := boottree.CmdlineFile
		if arch == nfsroot.AMD64 {
			name, text = "boot.ipxe", ipxeScript(text)
		}
		if err := writeFile(filepath.Join(c.Boot, m.Name, name), []byte(text)); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.Stdout, "files = [%q, %q]\n", filepath.Join(c.Boot, "NAME"), shared)
	return nil
}

// ipxeScript boots a PC. An EFI kernel finds its initramfs by the name in its
// command line.
func ipxeScript(line string) string {
	return "#!ipxe\nkernel vmlinuz initrd=initrd.img " + line + "initrd initrd.img\nboot\n"
}

// writeFile replaces a file in one step, and makes the folder that it is in.
func writeFile(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(name), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(data)
	for _, step := range []func() error{func() error { return temp.Chmod(0o644) }, temp.Sync, temp.Close} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), name)
}
