package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/mythic-beasts/hostkit/nfsroot/boottree"
	"github.com/mythic-beasts/hostkit/nfsroot/deb"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
)

// checkModel refuses what is no model of a Pi.
func checkModel(name string) error {
	if name == "" || slices.Contains(boottree.Models(), boottree.Model(name)) {
		return nil
	}
	return fmt.Errorf("model %q is not one of %q", name, boottree.Models())
}

// models are those of the machines. When one says nothing, it may be any.
func (c *config) models() []boottree.Model {
	var all []boottree.Model
	for _, m := range c.Machines {
		if m.Model == "" {
			return nil
		}
		all = append(all, boottree.Model(m.Model))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// piBoot makes what all Pis load: firmware, kernel, device trees, initramfs.
func (a *app) piBoot(ctx context.Context, c *config, src *deb.Source, dir string) error {
	var modules int
	report, err := boottree.Assemble(ctx, boottree.Options{
		Source: src, Kernel: c.kernelPackage(), Models: c.models(),
		MakeInitrd: func(ctx context.Context, dir string) ([]byte, error) {
			tree, err := kmod.Open(dir)
			if err != nil {
				return nil, err
			}
			initrd, report, err := c.initramfs(ctx, tree)
			if err == nil {
				modules = len(report.Modules)
			}
			return initrd, err
		},
	}, dir)
	if err != nil {
		return err
	}
	a.sayBoot(report.Kernel.Name, modules, report.Size())
	for _, m := range report.Models {
		fmt.Fprintf(a.Stdout, "for a Pi %s\n", m)
	}
	return nil
}

func (a *app) sayBoot(kernel string, modules int, size int64) {
	fmt.Fprintf(a.Stdout, "%s: %.1f MB with an initramfs of %d modules\n", kernel, float64(size)/1e6, modules)
}

// pcBoot makes what all PCs load: kernel and initramfs.
func (a *app) pcBoot(ctx context.Context, c *config, src *deb.Source, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	k, err := unpackKernel(ctx, src, c.kernelPackage(), filepath.Join(dir, ".kernel"))
	if err != nil {
		return err
	}
	defer k.remove()
	tree, err := k.modules()
	if err != nil {
		return err
	}
	initrd, report, err := c.initramfs(ctx, tree)
	if err != nil {
		return err
	}
	image, err := k.image()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "vmlinuz"), image); err != nil {
		return err
	}
	a.sayBoot(k.pkg, len(report.Modules), report.Size+int64(len(image)))
	return writeFile(filepath.Join(dir, "initrd.img"), initrd)
}
