package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/nfsroot/deb"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
)

// kernel puts the modules of the spec's kernel into the tree, and returns the
// kernel's release. The package is taken apart, not installed: its scripts would
// make an initramfs, and boot files for the building machine.
func (r *run) kernel(ctx context.Context, t *tree, temp string) (string, error) {
	k := r.spec.Kernel
	if k == nil {
		return "", nil
	}
	if _, err := exec.LookPath("depmod"); err != nil {
		return "", fmt.Errorf("kernel %s: its modules need depmod, of the package kmod: %w", k.Package, err)
	}
	source := deb.Source{
		Dir:   filepath.Join(r.cacheDir, "kernels", r.spec.Suite+"-"+string(r.spec.Arch)+"-"+r.sourceKey()),
		Suite: r.spec.Suite, Arch: r.spec.Arch, Mirrors: r.spec.Mirrors,
		Keyring: r.spec.Keyring, Snapshot: r.spec.Snapshot, MaxAge: r.b.MaxAge, Log: r.b.Log,
	}
	pkg, err := source.Kernel(ctx, k.Package)
	if err != nil {
		return "", fmt.Errorf("kernel: %w", err)
	}
	file, _, err := source.Fetch(ctx, pkg.Name)
	if err != nil {
		return "", fmt.Errorf("kernel: %w", err)
	}
	if err := deb.Unpack(ctx, file, temp); err != nil {
		return "", fmt.Errorf("kernel: %w", err)
	}
	release, err := t.modules(temp, k.Modules)
	if err != nil {
		return "", fmt.Errorf("kernel %s: %w", k.Package, err)
	}
	// the building machine's, so that nothing of the package runs
	if out, err := exec.CommandContext(ctx, "depmod", "--basedir", t.dir, release).CombinedOutput(); err != nil {
		return "", fmt.Errorf("depmod %s: %w: %s", release, err, out)
	}
	return release, nil
}

// modulesDir is where a kernel package, or a root, has its modules: below /usr
// since Debian 13, and in any root whose /lib is a link there.
func modulesDir(root fs.FS) string {
	for _, dir := range []string{"usr/lib/modules", "lib/modules"} {
		if info, err := fs.Stat(root, dir); err == nil && info.IsDir() {
			return dir
		}
	}
	if info, err := fs.Stat(root, "usr/lib"); err == nil && info.IsDir() {
		return "usr/lib/modules"
	}
	return "lib/modules"
}

// modules copies modules, with what they depend on, out of an unpacked package.
func (t *tree) modules(unpacked string, names []string) (release string, err error) {
	from := os.DirFS(unpacked)
	dir := modulesDir(from)
	releases, err := fs.ReadDir(from, dir)
	if err != nil {
		return "", err
	}
	if len(releases) != 1 {
		return "", fmt.Errorf("%d kernels in one package", len(releases))
	}
	release = releases[0].Name()
	from, err = fs.Sub(from, path.Join(dir, release))
	if err != nil {
		return "", err
	}
	files, err := moduleFiles(from, filepath.Join(unpacked, dir, release), names)
	if err != nil {
		return "", err
	}
	to := path.Join(modulesDir(t.root.FS()), release)
	for _, name := range files {
		if err := t.copyFile(from, name, path.Join(to, name)); err != nil {
			return "", err
		}
	}
	return release, nil
}

// moduleFiles names the files to copy: modules, and the lists that depmod reads.
func moduleFiles(from fs.FS, dir string, names []string) ([]string, error) {
	tree, err := kmod.Open(dir)
	if err != nil {
		return nil, err
	}
	if names == nil {
		names = tree.Names()
	}
	modules, err := tree.Closure(names...)
	if err != nil {
		return nil, err
	}
	files := make([]string, 0, len(modules)+3)
	for _, m := range modules {
		files = append(files, m.Path)
	}
	for _, list := range []string{"modules.builtin", "modules.builtin.modinfo", "modules.order"} {
		if _, err := fs.Stat(from, list); err == nil {
			files = append(files, list)
		}
	}
	return files, nil
}

func (t *tree) copyFile(from fs.FS, name, to string) error {
	in, err := from.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := t.root.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := t.root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close(), t.root.Chtimes(to, info.ModTime(), info.ModTime()))
}
