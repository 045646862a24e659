package kmod

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Module is a module file of a [Tree].
type Module struct {
	Name string // with '_', never '-'
	Path string // below the Tree's folder, such as kernel/fs/nfs/nfs.ko.xz
	Info Info

	files fs.FS
	elf   []byte // nil unless the file had to be decompressed to read Info
}

// Data is the ELF file, decompressed, as finit_module(2) takes it. The caller
// must not change it.
func (m Module) Data() ([]byte, error) {
	if m.elf != nil {
		return m.elf, nil
	}
	if m.files == nil {
		return nil, fmt.Errorf("kmod: module %q is of no tree: %w", m.Name, fs.ErrNotExist)
	}
	b, err := readFile(m.files, m.Path, MaxSize)
	if err == nil {
		b, err = decompress(m.Path, b)
	}
	if err != nil {
		return nil, fmt.Errorf("kmod: read %s: %w", m.Path, err)
	}
	return b, nil
}

// NotFoundError is of a module that the kernel has neither as a file nor built
// in. It is fs.ErrNotExist.
type NotFoundError struct {
	Name     string
	NeededBy string   // the module that depends on it; empty if the caller asked for it
	Near     []string // names that are like it, the likest first
}

func (e *NotFoundError) Error() string {
	text := fmt.Sprintf("no module %q", e.Name)
	if e.NeededBy != "" {
		text += ", which " + e.NeededBy + " needs"
	}
	if len(e.Near) > 0 {
		text += " (there is " + strings.Join(e.Near, ", ") + ")"
	}
	return text
}

// Is reports true for fs.ErrNotExist.
func (e *NotFoundError) Is(target error) bool { return target == fs.ErrNotExist }

// Module reads what one module says of itself.
func (t *Tree) Module(name string) (Module, error) {
	name = Canonical(name)
	p, ok := t.paths[name]
	if !ok {
		return Module{}, fmt.Errorf("kmod: %s: %w", t.dir, t.notFound(name, ""))
	}
	m := Module{Name: name, Path: p, files: t.files}
	if err := t.read(&m); err != nil {
		return Module{}, fmt.Errorf("kmod: read %s of %s: %w", p, t.dir, err)
	}
	return m, nil
}

// read fills in the module's Info.
func (t *Tree) read(m *Module) error {
	var r io.ReaderAt
	if compressed(m.Path) {
		b, err := readFile(t.files, m.Path, MaxSize)
		if err != nil {
			return err
		}
		if m.elf, err = decompress(m.Path, b); err != nil {
			return err
		}
		r = bytes.NewReader(m.elf)
	} else {
		f, err := t.files.Open(m.Path)
		if err != nil {
			return err
		}
		defer f.Close()
		var ok bool
		if r, ok = f.(io.ReaderAt); !ok {
			return fmt.Errorf("read at an offset: %w", errors.ErrUnsupported)
		}
	}
	var err error
	m.Info, err = ReadInfo(r)
	return err
}

// Closure returns the named modules and all that they depend on, each after its
// dependencies: the order to load them. The order depends on nothing but the
// names' and the modules' own. Of what modules depend on softly, what is missing
// is left out. Modules that depend on each other in a circle, as soft
// dependencies may, come in the order in which they are reached.
//
// A missing module is a [*NotFoundError]; there may be many in one error, see
// [errors.Join].
func (t *Tree) Closure(names ...string) ([]Module, error) {
	c := closure{tree: t, seen: make(map[string]bool)}
	for _, name := range names {
		c.add(Canonical(name), "")
	}
	if c.errs != nil {
		return nil, fmt.Errorf("kmod: modules of %s: %w", t.dir, errors.Join(c.errs...))
	}
	return c.order, nil
}

type closure struct {
	tree  *Tree
	seen  map[string]bool
	order []Module
	errs  []error
}

func (c *closure) add(name, neededBy string) {
	if c.seen[name] || c.tree.builtin[name] {
		return
	}
	c.seen[name] = true
	p, ok := c.tree.paths[name]
	if !ok {
		c.errs = append(c.errs, c.tree.notFound(name, neededBy))
		return
	}
	m := Module{Name: name, Path: p, files: c.tree.files}
	if err := c.tree.read(&m); err != nil {
		c.errs = append(c.errs, fmt.Errorf("read %s: %w", p, err))
		return
	}
	for _, dep := range m.Info.Pre {
		if c.tree.Has(dep) {
			c.add(dep, name)
		}
	}
	for _, dep := range m.Info.Depends {
		c.add(dep, name)
	}
	c.order = append(c.order, m)
}
