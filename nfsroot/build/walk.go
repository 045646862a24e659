package build

import (
	"context"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// entryAt is a file, folder or link of a tree, with the folder that it is in:
// to open it from there is one system call, from the tree's root one for each
// folder on the way.
type entryAt struct {
	name string // below the tree
	dir  *os.Root
	base string // in dir
	info fs.FileInfo
}

// walk visits a tree in the order of [fs.WalkDir].
func walk(ctx context.Context, root *os.Root, visit func(entryAt) error) error {
	info, err := root.Lstat(".")
	if err != nil {
		return err
	}
	if err := visit(entryAt{".", root, ".", info}); err != nil {
		return err
	}
	return walkDir(ctx, root, "", visit)
}

func walkDir(ctx context.Context, dir *os.Root, at string, visit func(entryAt) error) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	names, err := f.Readdirnames(-1)
	f.Close()
	if err != nil {
		return err
	}
	slices.SortFunc(names, strings.Compare)
	for _, base := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := dir.Lstat(base)
		if err != nil {
			return err
		}
		e := entryAt{path.Join(at, base), dir, base, info}
		if err := visit(e); err != nil {
			return err
		}
		if info.IsDir() {
			if err := walkBelow(ctx, e, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func walkBelow(ctx context.Context, e entryAt, visit func(entryAt) error) error {
	sub, err := e.dir.OpenRoot(e.base)
	if err != nil {
		return err
	}
	defer sub.Close()
	return walkDir(ctx, sub, e.name, visit)
}
