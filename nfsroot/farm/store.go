package farm

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func (f *Farm) load(name string) (*State, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(f.state(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no Pi is named %q: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("state of %q: %w", name, err)
	}
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("state of %q: %w", name, err)
	}
	if s.Name != name {
		return nil, fmt.Errorf("state of %q is that of %q: %w", name, s.Name, fs.ErrInvalid)
	}
	return &s, nil
}

// save puts a state on disk: after a crash there is the old one or this one.
func (f *Farm) save(s *State) error { return f.saveAll([]*State{s}) }

// saveAll puts all of them on disk by one sync, for many take no longer than one.
// What was done to the farm before is on disk then, too.
func (f *Farm) saveAll(states []*State) error {
	for _, s := range states {
		text, err := json.MarshalIndent(s, "", "\t")
		if err != nil {
			return fmt.Errorf("state of %q: %w", s.Name, err)
		}
		if err := os.WriteFile(f.state(s.Name)+".new", append(text, '\n'), 0o600); err != nil {
			return fmt.Errorf("state of %q: %w", s.Name, err)
		}
	}
	if err := syncAll(f.dir); err != nil {
		return err
	}
	for _, s := range states {
		if err := os.Rename(f.state(s.Name)+".new", f.state(s.Name)); err != nil {
			return fmt.Errorf("state of %q: %w", s.Name, err)
		}
	}
	return syncFolder(f.states())
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// lockPi keeps others from changing a Pi.
func (f *Farm) lockPi(ctx context.Context, name string) (unlock func(), err error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	return lockWait(ctx, f.lock(name))
}

// lockFarm keeps others from adding and removing Pis and bases.
func (f *Farm) lockFarm(ctx context.Context) (unlock func(), err error) {
	return lockWait(ctx, filepath.Join(f.dir, "lock"))
}

// lockWait tries again and again, less and less often, so that it can be
// cancelled.
func lockWait(ctx context.Context, path string) (unlock func(), err error) {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		unlock, err := lockFile(path)
		if !errors.Is(err, errLocked) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("lock %s: %w", path, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

var errLocked = errors.New("locked by another process")

// change loads the state of a Pi under its lock, for fn to change and save.
func (f *Farm) change(ctx context.Context, name string, fn func(*State) error) error {
	unlock, err := f.lockPi(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := f.load(name)
	if err != nil {
		return err
	}
	if s.Swap != nil { // an error came between
		if err := f.repair(ctx, s); err != nil {
			return err
		}
	}
	return fn(s)
}

// discard removes a tree, or whatever a Pi put in its place.
func (f *Farm) discard(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return os.Remove(path)
	}
	return f.o.Cloner.Remove(ctx, path)
}

// toTrash takes a name away at once; what it named is removed later.
func (f *Farm) toTrash(path string) error {
	return os.Rename(path, filepath.Join(f.trash(), rand.Text()))
}

// emptyTrash removes what was thrown away. Two may do so at the same time.
func (f *Farm) emptyTrash(ctx context.Context) error {
	all, err := children(f.trash())
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range all {
		if strings.HasPrefix(filepath.Base(path), ".") { // being removed
			continue
		}
		if err := f.discard(ctx, path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
