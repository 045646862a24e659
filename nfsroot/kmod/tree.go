package kmod

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// Tree is the modules of one kernel: a folder /lib/modules/VERSION, which may be
// below any root. Its methods may be called from many goroutines.
type Tree struct {
	dir     string
	files   fs.FS
	paths   map[string]string // of module files, by name
	builtin map[string]bool   // names of what is part of the kernel itself
}

// Open reads the names of a folder lib/modules/VERSION or usr/lib/modules/VERSION,
// and of no module more than its name. A folder without a single module, built in
// or not, is an error that is fs.ErrNotExist.
func Open(dir string) (*Tree, error) {
	t := &Tree{dir: dir, files: os.DirFS(dir), paths: make(map[string]string)}
	if err := t.index(); err != nil {
		return nil, fmt.Errorf("kmod: modules of %s: %w", dir, err)
	}
	if err := t.readBuiltin(); err != nil {
		return nil, fmt.Errorf("kmod: built-in modules of %s: %w", dir, err)
	}
	if len(t.paths)+len(t.builtin) == 0 {
		return nil, fmt.Errorf("kmod: %s holds no kernel modules: %w", dir, fs.ErrNotExist)
	}
	return t, nil
}

// Canonical is the name by which a module goes in this package: '-' and '_' are
// the same to the kernel's tools, and '_' is what the kernel shows.
func Canonical(name string) string { return strings.ReplaceAll(name, "-", "_") }

// Has reports whether the kernel has the module, as a file or built in.
func (t *Tree) Has(name string) bool {
	return t.BuiltIn(name) || t.paths[Canonical(name)] != ""
}

// BuiltIn reports whether the module is part of the kernel itself, as its
// modules.builtin says.
func (t *Tree) BuiltIn(name string) bool { return t.builtin[Canonical(name)] }

// Names are the names of the module files, sorted.
func (t *Tree) Names() []string { return slices.Sorted(maps.Keys(t.paths)) }

// index notes each module file. Of two by the same name, the one in updates/ is
// the kernel tools' choice, and then the first.
func (t *Tree) index() error {
	return fs.WalkDir(t.files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, ok := moduleName(path.Base(p))
		if !ok || !d.Type().IsRegular() {
			return nil
		}
		if _, taken := t.paths[name]; !taken || strings.HasPrefix(p, "updates/") {
			t.paths[name] = p
		}
		return nil
	})
}

// moduleName cuts the endings of a module's file name.
func moduleName(file string) (name string, ok bool) {
	for _, ext := range []string{".xz", ".gz", ".zst"} {
		file = strings.TrimSuffix(file, ext)
	}
	name, ok = strings.CutSuffix(file, ".ko")
	return Canonical(name), ok && name != ""
}

// maxBuiltin bounds modules.builtin, of which Debian's has about 15 KiB.
const maxBuiltin = 1 << 20

func (t *Tree) readBuiltin() error {
	t.builtin = make(map[string]bool)
	text, err := readFile(t.files, "modules.builtin", maxBuiltin)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a kernel without any, or from before 2.6.33
	}
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		if name, ok := moduleName(path.Base(strings.TrimSpace(lines.Text()))); ok {
			t.builtin[name] = true
		}
	}
	return lines.Err()
}
