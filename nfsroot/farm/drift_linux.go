package farm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// remove deletes what was pushed before, is in the source no longer, and has not
// changed.
func (r *rootDir) remove(ctx context.Context, target string, s *stage, before *pushedTree, rep *PiReport) error {
	now := s.tree()
	for _, rel := range sortedKeys(before.Files) {
		if _, ok := now.Files[rel]; ok {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := r.removeFile(target, rel, before.Files[rel], rep); err != nil {
			return fmt.Errorf("delete %q: %w", path.Join(target, rel), err)
		}
	}
	for _, rel := range slices.Backward(before.Dirs) { // children first
		if slices.Contains(now.Dirs, rel) {
			continue
		}
		parent, err := openBelow(r.f, path.Join(target, path.Dir(rel)))
		if err != nil {
			continue // gone, or no folder any more
		}
		unix.Unlinkat(int(parent.Fd()), path.Base(rel), unix.AT_REMOVEDIR) //nolint:errcheck // others use it
		parent.Close()
	}
	return nil
}

func (r *rootDir) removeFile(target, rel, sum string, rep *PiReport) error {
	is, err := r.compare(target, rel, sum)
	switch {
	case err != nil:
		return err
	case is == missing:
		return nil
	case is == changed:
		rep.Kept = append(rep.Kept, rel)
		return nil
	}
	dir, err := openBelow(r.f, path.Join(target, path.Dir(rel)))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Unlinkat(int(dir.Fd()), path.Base(rel), 0); err != nil {
		return err
	}
	rep.Deleted = append(rep.Deleted, rel)
	return nil
}

func (r *rootDir) compare(target, rel, sum string) (verdict, error) {
	dir, err := openBelow(r.f, path.Join(target, path.Dir(rel)))
	if errors.Is(err, unix.ENOENT) || err != nil && notFolder(err) {
		return missing, nil
	}
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	f, st, err := openPlain(dir, path.Base(rel))
	switch {
	case err != nil:
		return 0, err
	case st == nil:
		return missing, nil
	case f == nil:
		return changed, nil
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, io.LimitReader(f, st.Size)); err != nil {
		return 0, err
	}
	if hex.EncodeToString(hash.Sum(nil)) != sum {
		return changed, nil
	}
	return as, nil
}

// drift compares a root with what was pushed.
func (r *rootDir) drift(ctx context.Context, target string, t *pushedTree, rep *PiReport) error {
	for _, rel := range sortedKeys(t.Files) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		is, err := r.compare(target, rel, t.Files[rel])
		if err != nil {
			return fmt.Errorf("%q: %w", path.Join(target, rel), err)
		}
		switch is {
		case changed:
			rep.Changed = append(rep.Changed, rel)
		case missing:
			rep.Missing = append(rep.Missing, rel)
		default:
			rep.Unchanged++
		}
	}
	for _, rel := range append([]string{"."}, t.Dirs...) {
		dir, err := openBelow(r.f, path.Join(target, rel))
		if err != nil {
			continue // its files are missing
		}
		err = extras(dir, rel, t, rep)
		dir.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
