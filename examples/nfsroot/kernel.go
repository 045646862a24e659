package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/deb"
	"github.com/mythic-beasts/hostkit/nfsroot/initramfs"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
)

// packages is where kernels and firmware come from.
func (c *config) packages(spec nfsroot.Spec) *deb.Source {
	s := &deb.Source{
		Dir:   filepath.Join(c.Cache, "packages", spec.Suite+"-"+string(spec.Arch)),
		Suite: spec.Suite, Arch: spec.Arch, Keyring: spec.Keyring, Snapshot: spec.Snapshot,
	}
	for _, m := range spec.Mirrors {
		m.Components = []string{"main", "contrib", "non-free-firmware"}
		s.Mirrors = append(s.Mirrors, m)
	}
	return s
}

func (c *config) kernelPackage() string { return c.Root.kernelPackage(c.Root.spec().Arch) }

// kernel is a kernel's package, taken apart.
type kernel struct {
	pkg     string
	dir     string // of the package's files
	release string // such as "6.1.0-40-arm64"
}

// unpackKernel fetches a kernel and unpacks it into dir.
func unpackKernel(ctx context.Context, src *deb.Source, name, dir string) (*kernel, error) {
	pkg, err := src.Kernel(ctx, name)
	if err != nil {
		return nil, err
	}
	file, _, err := src.Fetch(ctx, pkg.Name)
	if err != nil {
		return nil, err
	}
	k := &kernel{pkg: pkg.Name, dir: dir}
	k.remove() // what an earlier run left
	if err := deb.Unpack(ctx, file, dir); err != nil {
		return nil, err
	}
	images, err := filepath.Glob(filepath.Join(dir, "boot", "vmlinuz-*"))
	if err == nil && len(images) != 1 {
		err = fmt.Errorf("package %s has %d kernels", pkg.Name, len(images))
	}
	if err != nil {
		k.remove()
		return nil, err
	}
	k.release = strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")
	return k, nil
}

func (k *kernel) remove() { os.RemoveAll(k.dir) }

func (k *kernel) image() ([]byte, error) {
	return os.ReadFile(filepath.Join(k.dir, "boot", "vmlinuz-"+k.release))
}

// modules are the kernel's.
func (k *kernel) modules() (*kmod.Tree, error) {
	for _, lib := range []string{"usr/lib/modules", "lib/modules"} {
		tree, err := kmod.Open(filepath.Join(k.dir, lib, k.release))
		if !errors.Is(err, os.ErrNotExist) {
			return tree, err
		}
	}
	return nil, fmt.Errorf("kernel %s has no modules: %w", k.release, os.ErrNotExist)
}

// initramfs builds what mounts the root.
func (c *config) initramfs(ctx context.Context, tree *kmod.Tree) ([]byte, *initramfs.Report, error) {
	arch := c.Root.spec().Arch
	preset := initramfs.Pi()
	if arch == nfsroot.AMD64 {
		preset = initramfs.Virt()
	}
	preset.Required = append(slices.Clone(preset.Required), c.Root.Initramfs...)
	modules, err := preset.Closure(tree)
	if err != nil {
		return nil, nil, err
	}
	program, err := c.nfsinit(ctx, arch)
	if err != nil {
		return nil, nil, err
	}
	var out bytes.Buffer
	report, err := initramfs.Build(&out, initramfs.Options{Init: program, Modules: modules})
	return out.Bytes(), report, err
}

// nfsinit is the program that becomes /init: a file, or compiled here.
func (c *config) nfsinit(ctx context.Context, arch nfsroot.Arch) ([]byte, error) {
	if c.Init != "" {
		return os.ReadFile(c.Init)
	}
	return initramfs.CompileInit(ctx, arch)
}
