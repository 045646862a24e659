package clone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Trial is a driver, and why it does not work in some folder.
type Trial struct {
	Cloner Cloner
	Err    error // nil when it works
}

// Try clones a small tree in the folder dir with every driver, in the order of
// preference, and removes it again.
func Try(ctx context.Context, dir string) []Trial {
	trials := []Trial{{Cloner: Btrfs{}}, {Cloner: Reflink{}}, {Cloner: Overlay{}}, {Cloner: Copy{}}}
	for i := range trials {
		t := &trials[i]
		if t.Err = try(ctx, dir, t.Cloner); t.Err != nil {
			t.Err = fmt.Errorf("clone: %s in %q: %w", t.Cloner.Capabilities().Name, dir, t.Err)
		}
	}
	return trials
}

// Probe returns the first driver that works in dir, a folder in which there are
// to be clones. When none does, the error holds the reasons of all.
func Probe(ctx context.Context, dir string) (Cloner, error) {
	var errs []error
	for _, t := range Try(ctx, dir) {
		if t.Err == nil {
			return t.Cloner, nil
		}
		errs = append(errs, t.Err)
	}
	return nil, errors.Join(errs...)
}

func try(ctx context.Context, dir string, c Cloner) (err error) {
	work, remove, err := workFolder(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	src, base, dst := filepath.Join(work, "src"), filepath.Join(work, "base"), filepath.Join(work, "dst")
	if err := os.Mkdir(src, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(src, "file"), []byte("some data"), 0o644); err != nil {
		return err
	}
	if im, ok := c.(Importer); ok {
		err = im.Import(ctx, src, base)
		defer func() { err = errors.Join(err, removeIfThere(context.WithoutCancel(ctx), c, base)) }()
	} else {
		base = src
	}
	if err != nil {
		return err
	}
	if err := c.Clone(ctx, base, dst); err != nil {
		return err
	}
	_, err = os.ReadFile(filepath.Join(dst, "file"))
	return errors.Join(err, c.Remove(context.WithoutCancel(ctx), dst))
}

func removeIfThere(ctx context.Context, c Cloner, path string) error {
	if _, err := os.Lstat(path); err != nil {
		return nil //nolint:nilerr // there is nothing to remove
	}
	return c.Remove(ctx, path)
}
