package nfsroottest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// GoldenTree writes a small Debian root into a directory of the test and returns
// that directory. It is what a good base for NFS looks like: merged /usr,
// dpkg's database of eight packages with the files that they list, accounts,
// systemd units, an ifupdown that leaves eth0 alone; and it has no identity, so
// [nfsroot.Lint] finds nothing in it. It needs no root: the files belong to the
// user of the test.
//
// [nfsroot.Lint]: https://pkg.go.dev/github.com/mythic-beasts/hostkit/nfsroot#Lint
func GoldenTree(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	if err := WriteTree(dir); err != nil {
		t.Fatalf("nfsroottest: golden tree: %v", err)
	}
	return dir
}

// WriteTree writes the tree of [GoldenTree] into a directory, which it makes.
// The same bytes, modes and links come out each time, whatever the umask.
func WriteTree(dir string) error {
	if err := mkdir(dir); err != nil {
		return err
	}
	for _, name := range goldenDirs {
		if err := mkdir(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for _, l := range goldenLinks {
		if err := writeLink(filepath.Join(dir, l.name), l.target); err != nil {
			return err
		}
	}
	for _, f := range goldenFiles {
		if err := writeFile(filepath.Join(dir, f.name), f.mode, f.text); err != nil {
			return err
		}
	}
	for _, p := range goldenPackages {
		if err := writePackage(dir, p); err != nil {
			return err
		}
	}
	status := filepath.Join(dir, "var/lib/dpkg/status")
	return writeFile(status, 0, goldenStatus())
}

func writePackage(dir string, p goldenPackage) error {
	list := []string{"/."}
	for _, f := range p.files {
		if err := writeFile(filepath.Join(dir, f.name), f.mode, f.text); err != nil {
			return err
		}
		for at := filepath.Dir(f.name); at != "."; at = filepath.Dir(at) {
			list = append(list, "/"+at)
		}
		list = append(list, "/"+f.name)
	}
	slices.Sort(list)
	list = slices.Compact(list)
	name := filepath.Join(dir, "var/lib/dpkg/info", p.name+".list")
	return writeFile(name, 0, strings.Join(list, "\n")+"\n")
}

func goldenStatus() string {
	var b strings.Builder
	for _, p := range goldenPackages {
		fmt.Fprintf(&b, "Package: %s\nStatus: install ok installed\nPriority: optional\n", p.name)
		fmt.Fprintf(&b, "Architecture: amd64\nVersion: %s\nDescription: part of the golden tree\n\n", p.version)
	}
	return b.String()
}

func mkdir(name string) error {
	if err := os.MkdirAll(name, 0o755); err != nil {
		return err
	}
	return os.Chmod(name, 0o755)
}

func writeFile(name string, mode fs.FileMode, text string) error {
	if mode == 0 {
		mode = 0o644
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Chmod(name, mode)
}

func writeLink(name, target string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.Symlink(target, name)
}
