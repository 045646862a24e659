package farm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"time"
)

// Add makes the first root of each Pi, a clone of the base. When it fails for
// some, the others are there; the error joins a [PiError] for each. A Pi that is
// there is [fs.ErrExist].
func (f *Farm) Add(ctx context.Context, base string, names ...string) error {
	names, err := distinct(names)
	if err != nil {
		return fmt.Errorf("farm: add: %w", err)
	}
	unlock, err := f.lockFarm(ctx)
	if err != nil {
		return fmt.Errorf("farm: add: %w", err)
	}
	defer unlock()
	if err := f.add(ctx, base, names); err != nil {
		return fmt.Errorf("farm: add: %w", err)
	}
	return nil
}

func (f *Farm) add(ctx context.Context, base string, names []string) error {
	all, err := f.Status()
	if err != nil {
		return err
	}
	numbers := freeNumbers(all)
	states := make([]*State, len(names))
	for i := range states {
		if states[i] = (&State{Name: names[i]}); i < len(numbers) {
			states[i].Number = numbers[i]
		}
	}
	errs := f.each(names, func(i int, name string) error {
		unlock, err := f.lockPi(ctx, name)
		if err != nil {
			return err
		}
		defer unlock()
		s := states[i]
		states[i] = nil
		if _, err := f.load(name); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, fs.ErrExist)
		}
		if s.Number == 0 {
			return fmt.Errorf("%d Pis are all there can be: %w", math.MaxUint16, fs.ErrInvalid)
		}
		g, err := f.build(ctx, s, base)
		if err != nil {
			return err
		}
		now := f.o.Now()
		s.Generations, s.Current, s.Pending, s.Swapped, s.InUse = []Generation{*g}, g.ID, true, now, []int{g.ID}
		states[i] = s
		return nil
	})
	states = slices.DeleteFunc(states, func(s *State) bool { return s == nil })
	return errors.Join(errs, f.settle(ctx, states))
}

// settle puts new Pis on disk and in their places. The farm's lock keeps
// recovery by another process away.
func (f *Farm) settle(ctx context.Context, states []*State) error {
	if len(states) == 0 {
		return nil
	}
	for _, s := range states {
		f.step(s.Name, "record")
	}
	if err := f.saveAll(states); err != nil {
		return err
	}
	var errs []error
	for _, s := range states {
		f.step(s.Name, "place")
		if err := f.repair(ctx, s); err != nil {
			errs = append(errs, &PiError{Name: s.Name, Err: err})
			continue
		}
		f.o.Log.Info("Pi added", "name", s.Name, "base", s.Generations[0].Base)
	}
	return errors.Join(append(errs, syncAll(f.dir))...)
}

// freeNumbers returns numbers of exports that nobody has, those first that
// nobody had for the longest time.
func freeNumbers(all []State) []uint16 {
	used, last := make(map[uint16]bool), uint16(0)
	for _, s := range all {
		used[s.Number], last = true, max(last, s.Number)
	}
	var numbers []uint16
	for i := range uint16(math.MaxUint16) {
		if n := last + 1 + i; n != 0 && !used[n] {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// build makes the next generation of a Pi in the staging folder.
func (f *Farm) build(ctx context.Context, s *State, base string) (g *Generation, err error) {
	if err := checkBase(base); err != nil {
		return nil, err
	}
	if _, err := os.Stat(f.base(base)); err != nil {
		return nil, fmt.Errorf("base %q: %w", base, err)
	}
	id := s.Last + 1
	path := f.staged(s.Name, id)
	defer func() {
		if err != nil {
			err = errors.Join(err, f.discard(context.WithoutCancel(ctx), path))
		}
	}()
	if err := f.discard(ctx, path); err != nil { // what an error left
		return nil, err
	}
	f.step(s.Name, "clone")
	if err := f.o.Cloner.Clone(ctx, f.base(base), path); err != nil {
		return nil, err
	}
	if f.o.Quota != nil && f.o.Limit > 0 {
		if err := f.o.Quota.Limit(ctx, path, f.o.Limit); err != nil {
			return nil, err
		}
	}
	if err := f.personalize(s.Name, path); err != nil {
		return nil, err
	}
	handle, err := handleOf(path)
	if err != nil {
		return nil, err
	}
	s.Last = id
	return &Generation{ID: id, Base: base, Built: f.o.Now(), Handle: handle}, nil
}

func (f *Farm) personalize(name, path string) error {
	if f.o.Personalize == nil {
		return nil
	}
	f.step(name, "personalize")
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := f.o.Personalize(root, name); err != nil {
		return fmt.Errorf("personalize: %w", err)
	}
	return nil
}

// Rebuild makes a new generation of a Pi from the base, or from the base of the
// current one if that is "", while the Pi goes on with the current one; serves it
// instead; and cycles the power, if the farm has a [Power]. What the Pi writes
// until then is in the old one. The Pi is pending until a boot was seen.
//
// The new root is served even when the error is that the power did not cycle.
func (f *Farm) Rebuild(ctx context.Context, name, base string) (Generation, error) {
	var g *Generation
	err := f.change(ctx, name, func(s *State) error {
		if base == "" {
			current, err := s.Generation(s.Current)
			if err != nil {
				return err
			}
			base = current.Base
		}
		var err error
		if g, err = f.build(ctx, s, base); err != nil {
			return err
		}
		s.Generations = append(s.Generations, *g)
		return f.swap(ctx, s, Swap{To: g.ID})
	})
	if err != nil {
		err = fmt.Errorf("farm: rebuild %q: %w", name, err)
	}
	if g == nil {
		g = &Generation{}
	}
	return *g, err
}

// Rollback serves the last generation before this one that was seen to boot, and
// cycles the power as [Farm.Rebuild] does. Without one it is [fs.ErrNotExist].
func (f *Farm) Rollback(ctx context.Context, name string) error {
	err := f.change(ctx, name, func(s *State) error { return f.rollback(ctx, s) })
	if err != nil {
		return fmt.Errorf("farm: roll back %q: %w", name, err)
	}
	return nil
}

func (f *Farm) rollback(ctx context.Context, s *State) error {
	to := s.Previous()
	if to == 0 {
		return fmt.Errorf("no generation before was seen to boot: %w", fs.ErrNotExist)
	}
	if _, err := os.Lstat(f.generation(s.Name, to)); err != nil {
		return err
	}
	return f.swap(ctx, s, Swap{To: to, Rollback: true})
}

// swap exchanges roots: the intent is on disk before and the result after, and
// the handles of the roots tell which of them is where in between.
func (f *Farm) swap(ctx context.Context, s *State, to Swap) error {
	s.Swap = &to
	f.step(s.Name, "record")
	if err := f.save(s); err != nil {
		return err
	}
	next := f.generation(s.Name, to.To)
	if !to.Rollback {
		f.step(s.Name, "place")
		if err := os.MkdirAll(f.generations(s.Name), 0o700); err != nil {
			return err
		}
		if err := os.Rename(f.staged(s.Name, to.To), next); err != nil {
			return err
		}
	}
	f.step(s.Name, "swap")
	if err := exchange(next, f.served(s.Name)); err != nil {
		return err
	}
	f.step(s.Name, "commit")
	if err := f.repair(ctx, s); err != nil {
		return err
	}
	f.o.Log.Info("root swapped", "name", s.Name, "generation", s.Current, "rollback", to.Rollback)
	return f.cycle(ctx, s)
}

func (f *Farm) cycle(ctx context.Context, s *State) error {
	if f.o.Power == nil {
		return nil
	}
	f.step(s.Name, "cycle")
	if err := f.o.Power.Cycle(ctx, s.Name); err != nil {
		return fmt.Errorf("generation %d is served, but the power did not cycle: %w", s.Current, err)
	}
	s.Cycled, s.Cycles = f.o.Now(), s.Cycles+1
	return f.save(s)
}

// Seen tells that a boot of the Pi was seen: by its DHCP request, by its mount.
// at is when the boot began: one that began before the current generation was
// served does not confirm it. A Pi that is not there is [fs.ErrNotExist].
func (f *Farm) Seen(ctx context.Context, name string, at time.Time) error {
	err := f.change(ctx, name, func(s *State) error {
		if s.seen(at) {
			f.o.Log.Info("generation confirmed", "name", name, "generation", s.Current)
		}
		return f.save(s)
	})
	if err != nil {
		return fmt.Errorf("farm: boot of %q: %w", name, err)
	}
	return nil
}

// Confirm says, in the place of an event, that the Pi has booted what is served.
func (f *Farm) Confirm(ctx context.Context, name string) error {
	return f.Seen(ctx, name, f.o.Now())
}

// GC removes what may go ([Collectable]) of the Pis that are named, or of all.
func (f *Farm) GC(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		var err error
		if names, err = f.Names(); err != nil {
			return err
		}
	}
	err := f.each(names, func(_ int, name string) error {
		return f.change(ctx, name, func(s *State) error { return f.collect(s) })
	})
	if err = errors.Join(err, f.emptyTrash(ctx)); err != nil {
		return fmt.Errorf("farm: collect: %w", err)
	}
	return nil
}

// collect forgets generations first: what is left of one that is not removed then
// is found by recovery.
func (f *Farm) collect(s *State) error {
	ids := Collectable(f.Policy(), *s)
	if len(ids) == 0 {
		return nil
	}
	for _, id := range ids {
		s.drop(id)
	}
	f.step(s.Name, "forget")
	if err := f.save(s); err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		f.step(s.Name, "discard")
		if err := f.toTrash(f.generation(s.Name, id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		f.o.Log.Info("generation removed", "name", s.Name, "generation", id)
	}
	return errors.Join(errs...)
}

// Remove removes a Pi and all its generations. The Pi must be off.
func (f *Farm) Remove(ctx context.Context, name string) error {
	unlock, err := f.lockFarm(ctx)
	if err != nil {
		return fmt.Errorf("farm: remove %q: %w", name, err)
	}
	defer unlock()
	err = f.change(ctx, name, func(*State) error {
		if err := os.Remove(f.state(name)); err != nil {
			return err
		}
		if err := syncFolder(f.states()); err != nil {
			return err
		}
		return f.forget(name)
	})
	if err = errors.Join(err, f.emptyTrash(ctx)); err != nil {
		return fmt.Errorf("farm: remove %q: %w", name, err)
	}
	return nil
}

// forget throws away all of a Pi that has no state.
func (f *Farm) forget(name string) error {
	errs := []error{removeIfThere(f.pushed(name))}
	for _, dir := range []string{f.serve(name), f.generations(name)} {
		inside, err := children(dir)
		errs = append(errs, err)
		for _, path := range inside {
			errs = append(errs, f.toTrash(path))
		}
		errs = append(errs, removeIfThere(dir))
	}
	return errors.Join(errs...)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
