package clone

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Clone implements [Cloner].
func (r Reflink) Clone(ctx context.Context, base, dst string) error {
	return wrap("reflink", base, dst, makeTree(ctx, base, dst, newTree(r.Workers, reflink), mkdirPrivate, finish(r.NoSync)))
}

// Import implements [Importer]: it shares blocks where it can.
func (r Reflink) Import(ctx context.Context, src, dst string) error {
	return wrap("import", src, dst, makeTree(ctx, src, dst, newTree(r.Workers, reflinkOrCopy), mkdirPrivate, finish(r.NoSync)))
}

// Remove implements [Cloner].
func (Reflink) Remove(ctx context.Context, dst string) error {
	return wrapRemove(dst, removeTree(ctx, dst))
}

// Clone implements [Cloner].
func (c Copy) Clone(ctx context.Context, base, dst string) error {
	return wrap("copy", base, dst, makeTree(ctx, base, dst, newTree(c.Workers, copyData), mkdirPrivate, finish(c.NoSync)))
}

// Import implements [Importer].
func (c Copy) Import(ctx context.Context, src, dst string) error { return c.Clone(ctx, src, dst) }

// Remove implements [Cloner].
func (Copy) Remove(ctx context.Context, dst string) error {
	return wrapRemove(dst, removeTree(ctx, dst))
}

// makeTree copies src to dst, into a folder that mkdir makes; seal is the last
// thing before it appears.
func makeTree(ctx context.Context, src, dst string, t *tree, mkdir func(int, string) error, seal func(*os.File) error) error {
	p, err := openPlace(dst)
	if err != nil {
		return err
	}
	defer p.close()
	if err := errors.Join(checkApart(src, dst), checkMounts(src, false)); err != nil {
		return err
	}
	from, err := openFolder(src)
	if err != nil {
		return err
	}
	defer from.Close()
	return p.make(ctx, mkdir, func(dir *os.File) error {
		if err := t.copy(ctx, dir, from); err != nil {
			return err
		}
		return seal(dir)
	})
}

// finish puts a whole tree on disk at once.
func finish(noSync bool) func(*os.File) error {
	return func(dir *os.File) error {
		if noSync {
			return nil
		}
		if err := unix.Syncfs(int(dir.Fd())); err != nil {
			return fmt.Errorf("sync: %w", err)
		}
		return nil
	}
}

func wrap(how, base, dst string, err error) error {
	if err != nil {
		return fmt.Errorf("clone: %s %q to %q: %w", how, base, dst, err)
	}
	return nil
}

func wrapRemove(dst string, err error) error {
	if err != nil {
		return fmt.Errorf("clone: remove %q: %w", dst, err)
	}
	return nil
}
