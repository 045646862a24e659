package nfsroottest

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/mythic-beasts/hostkit/nfsroot/build"
)

var _ build.Runner = (*Runner)(nil)

// Runner is a [build.Runner] that runs nothing: in place of a bootstrapping tool
// it writes the tree of [GoldenTree]. The zero value is ready to use.
type Runner struct {
	// Log is what the tool says.
	Log []string
	// ExitCode, when not 0, has the tool fail, after it wrote the tree.
	ExitCode int
	// Tree, when set, changes the tree in dir before it is handed over.
	Tree func(dir string) error
	// Block, when set, holds the tool back until it is closed or the run's
	// context ends.
	Block <-chan struct{}

	mu   sync.Mutex // guards what follows
	runs []build.Command
}

// ExitError is a tool's exit status.
type ExitError int

func (e ExitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// ExitCode returns the status, as that of *exec.ExitError does.
func (e ExitError) ExitCode() int { return int(e) }

// Runs returns the commands so far.
func (r *Runner) Runs() []build.Command {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]build.Command(nil), r.runs...)
}

// Run implements [build.Runner].
func (r *Runner) Run(ctx context.Context, c build.Command) error {
	r.mu.Lock()
	r.runs = append(r.runs, c)
	r.mu.Unlock()
	if r.Block != nil {
		select {
		case <-r.Block:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, line := range r.Log {
		fmt.Fprintln(c.Log, line)
	}
	if err := r.tree(c); err != nil {
		return err
	}
	if r.ExitCode != 0 {
		return ExitError(r.ExitCode)
	}
	return nil
}

// tree writes the tree to where the command wants it.
func (r *Runner) tree(c build.Command) (err error) {
	dir := c.Root
	if c.Stdout != nil {
		if dir, err = os.MkdirTemp("", "nfsroottest"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if err := WriteTree(dir); err != nil {
		return err
	}
	if r.Tree != nil {
		if err := r.Tree(dir); err != nil {
			return err
		}
	}
	if c.Stdout != nil {
		return writeTar(c.Stdout, dir)
	}
	return nil
}

// writeTar is "tar --create --directory dir .": names begin with "./", and all
// is root's.
func writeTar(w io.Writer, dir string) error {
	out := tar.NewWriter(w)
	err := filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return addTar(out, dir, name, info)
	})
	return errors.Join(err, out.Close())
}

func addTar(out *tar.Writer, dir, name string, info os.FileInfo) error {
	link := ""
	var err error
	if info.Mode()&os.ModeSymlink != 0 {
		if link, err = os.Readlink(name); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	below, err := filepath.Rel(dir, name)
	if err != nil {
		return err
	}
	h.Name = "./" + filepath.ToSlash(below)
	h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
	if err := out.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(out, f)
	return err
}
