package farm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/mythic-beasts/hostkit/nfsroot/clone"
)

// recover finishes or undoes what was begun by processes that are gone. What is
// locked by one that lives is left to it.
func (f *Farm) recover(ctx context.Context) error {
	unlock, err := lockFile(filepath.Join(f.dir, "lock"))
	if errors.Is(err, errLocked) {
		return nil // somebody is adding Pis, and opened the farm before
	}
	if err != nil {
		return err
	}
	defer unlock()
	names, err := f.known()
	if err != nil {
		return err
	}
	for _, name := range names {
		// What a Pi does to its root must not keep the others from being served.
		if err := f.recoverPi(ctx, name); err != nil {
			f.o.Log.Error("Pi not recovered", "name", name, "err", err)
		}
	}
	var errs []error
	for _, dir := range []string{f.staging(), filepath.Join(f.dir, "bases"), f.trash()} {
		errs = append(errs, clone.Sweep(ctx, dir))
	}
	return errors.Join(append(errs, f.sweepStages(ctx), f.emptyTrash(ctx))...)
}

// known returns the names of all Pis of which there is anything.
func (f *Farm) known() ([]string, error) {
	names, err := f.Names()
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{"serve", "generations", "staging"} {
		inside, err := children(filepath.Join(f.dir, dir))
		if err != nil {
			return nil, err
		}
		for _, path := range inside {
			name, staged := stagedName(filepath.Base(path))
			if !staged {
				name = filepath.Base(path)
			}
			if CheckName(name) == nil {
				names = append(names, name)
			}
		}
	}
	return distinct(names)
}

func (f *Farm) recoverPi(ctx context.Context, name string) error {
	unlock, err := lockFile(f.lock(name))
	if errors.Is(err, errLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	s, err := f.load(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = f.forget(name)
	} else if err == nil {
		err = f.repair(ctx, s)
	}
	if err != nil {
		return err
	}
	return f.discardStaged(ctx, name)
}

func (f *Farm) discardStaged(ctx context.Context, name string) error {
	staged, err := f.stagedOf(name)
	for _, path := range staged {
		err = errors.Join(err, f.discard(ctx, path))
	}
	return err
}

// stagedOf returns the roots that are being made for a Pi.
func (f *Farm) stagedOf(name string) ([]string, error) {
	all, err := children(f.staging())
	return slices.DeleteFunc(all, func(path string) bool {
		of, ok := stagedName(filepath.Base(path))
		return !ok || of != name
	}), err
}

// children returns the paths of what is in a folder: nothing if it is not there.
func children(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths, nil
}

// repair makes the places of a Pi's roots agree with its state, and its state
// with a swap that was begun: done when the new root is served, else undone.
func (f *Farm) repair(ctx context.Context, s *State) error {
	places, err := f.places(s)
	if err != nil {
		return err
	}
	if s.Swap != nil {
		if err := f.finish(ctx, s, places[s.Swap.To] == f.served(s.Name)); err != nil {
			return err
		}
		if places, err = f.places(s); err != nil {
			return err
		}
	}
	if err := f.serveCurrent(s, places); err != nil {
		return err
	}
	return f.tidy(s)
}

func (f *Farm) finish(ctx context.Context, s *State, done bool) error {
	if done {
		s.swapped(f.o.Now())
		return f.save(s)
	}
	undone := *s.Swap
	s.Swap = nil
	if !undone.Rollback {
		s.drop(undone.To)
	}
	if err := f.save(s); err != nil || undone.Rollback {
		return err
	}
	return errors.Join(f.discard(ctx, f.staged(s.Name, undone.To)), f.discard(ctx, f.generation(s.Name, undone.To)))
}

// places finds each generation by its handle.
func (f *Farm) places(s *State) (map[int]string, error) {
	candidates := []string{f.served(s.Name)}
	for _, dir := range []string{f.generations(s.Name), f.serve(s.Name)} {
		inside, err := children(dir)
		if err != nil {
			return nil, err
		}
		candidates = append(candidates, inside...)
	}
	staged, err := f.stagedOf(s.Name)
	if err != nil {
		return nil, err
	}
	candidates = append(candidates, staged...)
	handles := make(map[string]string)
	for _, path := range candidates {
		if handle, err := handleOf(path); err == nil {
			handles[handle] = path
		}
	}
	places := make(map[int]string)
	for _, g := range s.Generations {
		if path, ok := handles[g.Handle]; ok {
			places[g.ID] = path
		}
	}
	return places, nil
}

// serveCurrent puts the current generation where it is served, if it is not.
func (f *Farm) serveCurrent(s *State, places map[int]string) error {
	served := f.served(s.Name)
	at, ok := places[s.Current]
	if at == served {
		return nil
	}
	if !ok {
		return fmt.Errorf("the root of generation %d is gone from %q: roll back or rebuild: %w", s.Current, served, fs.ErrNotExist)
	}
	if err := os.Mkdir(f.serve(s.Name), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(served); err == nil {
		return exchange(at, served)
	}
	return os.Rename(at, served)
}

// tidy gives generations that are not served their places, and throws away what
// is none, also of what a Pi put beside its root.
func (f *Farm) tidy(s *State) error {
	old, err := children(f.generations(s.Name))
	if err != nil {
		return err
	}
	beside, err := children(f.serve(s.Name))
	if err != nil {
		return err
	}
	known := make(map[string]int)
	for _, g := range s.Generations {
		known[g.Handle] = g.ID
	}
	wrong := make(map[string]int) // what generation is at a path
	for _, path := range append(old, beside...) {
		handle, err := handleOf(path)
		id, ok := known[handle]
		switch {
		case path == f.served(s.Name), path == f.generation(s.Name, id):
		case err == nil && ok:
			wrong[path] = id
		default:
			if err := f.toTrash(path); err != nil {
				return err
			}
		}
	}
	if len(wrong) > 0 {
		if err := os.MkdirAll(f.generations(s.Name), 0o700); err != nil {
			return err
		}
	}
	for path, id := range wrong {
		if err := os.Rename(path, f.generation(s.Name, id)); err != nil {
			return err
		}
	}
	return nil
}
