package farm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot/clone"
)

// Power cycles the power of a Pi. It returns when the power is on again.
type Power interface {
	Cycle(ctx context.Context, name string) error
}

// Options of a farm.
type Options struct {
	// Cloner clones bases. Nil means the first driver that [clone.Try] finds
	// to work in the farm and that needs no mounts.
	Cloner clone.Cloner
	// Personalize writes into a new root what is the Pi's own, as
	// identity.Personalize does. Nil leaves all roots alike.
	Personalize func(root *os.Root, name string) error
	// Power is asked for a power cycle after each swap. Nil leaves that, and the
	// time of it, to the caller.
	Power Power
	// Quota and Limit, when set, bound what a root may hold, in bytes.
	Quota clone.Quota
	Limit uint64
	// BootTimeout, Cycles and Keep are those of [Policy].
	BootTimeout time.Duration
	Cycles      int
	Keep        int
	// Workers is how many Pis are worked on at the same time. 0 means twice the
	// number of processors.
	Workers int
	// Step, when set, is called before each step of a change of a Pi, for several
	// at the same time.
	Step func(name, step string)
	// Log takes what happens to Pis. Nil discards.
	Log *slog.Logger
	// Now is the time. Nil means time.Now.
	Now func() time.Time
}

// Farm is a folder with the roots of many Pis. Its methods may be called at the
// same time, from several processes too.
type Farm struct {
	layout
	o Options
}

// PiError is what went wrong with one Pi of several.
type PiError struct {
	Name string
	Err  error
}

// Error names the Pi.
func (e *PiError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns what went wrong.
func (e *PiError) Unwrap() error { return e.Err }

// Open makes or opens the farm in dir, and finishes or undoes what a process that
// was killed had begun. The folder and all below it must be on one filesystem.
func Open(dir string, o Options) (*Farm, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Workers <= 0 {
		o.Workers = 2 * runtime.GOMAXPROCS(0)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("farm: open %q: %w", dir, err)
	}
	f := &Farm{layout: layout{abs}, o: o}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("farm: open %q: %w", dir, err)
	}
	return f, nil
}

func (f *Farm) open() error {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return err
	}
	for name, mode := range folders {
		if err := os.Mkdir(filepath.Join(f.dir, name), fs.FileMode(mode)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	ctx := context.Background()
	if f.o.Cloner == nil {
		c, err := probe(ctx, f.staging())
		if err != nil {
			return err
		}
		f.o.Cloner = c
	}
	if f.o.Cloner.Capabilities().NeedsMount {
		return fmt.Errorf("clones by %s are mounts, which cannot be exchanged: %w", f.o.Cloner.Capabilities().Name, errors.ErrUnsupported)
	}
	return f.recover(ctx)
}

// probe finds a driver for farms, which put many clones on disk at once.
func probe(ctx context.Context, dir string) (clone.Cloner, error) {
	var errs []error
	for _, t := range clone.Try(ctx, dir) {
		if t.Err != nil {
			errs = append(errs, t.Err)
			continue
		}
		switch t.Cloner.(type) {
		case clone.Reflink:
			return clone.Reflink{NoSync: true}, nil
		case clone.Copy:
			return clone.Copy{NoSync: true}, nil
		}
		if !t.Cloner.Capabilities().NeedsMount {
			return t.Cloner, nil
		}
	}
	return nil, errors.Join(errs...)
}

// Cloner is the driver that is in use.
func (f *Farm) Cloner() clone.Cloner { return f.o.Cloner }

// Policy is the one of the options.
func (f *Farm) Policy() Policy {
	return Policy{BootTimeout: f.o.BootTimeout, Cycles: f.o.Cycles, Keep: f.o.Keep, PowerCycle: f.o.Power != nil}
}

// Names returns the names of all Pis, sorted.
func (f *Farm) Names() ([]string, error) {
	entries, err := os.ReadDir(f.states())
	if err != nil {
		return nil, fmt.Errorf("farm: list Pis: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, found := strings.CutSuffix(e.Name(), ".json"); found && CheckName(name) == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

// Status returns what is known of all Pis, sorted by name.
func (f *Farm) Status() ([]State, error) {
	names, err := f.Names()
	if err != nil {
		return nil, err
	}
	var all []State
	for _, name := range names {
		s, err := f.load(name)
		if errors.Is(err, fs.ErrNotExist) { // it was removed this moment
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("farm: %w", err)
		}
		all = append(all, *s)
	}
	return all, nil
}

// Get returns what is known of a Pi. One that is not there is [fs.ErrNotExist].
func (f *Farm) Get(name string) (State, error) {
	s, err := f.load(name)
	if err != nil {
		return State{}, fmt.Errorf("farm: %w", err)
	}
	return *s, nil
}

// Root is where the current root of a Pi is. Whoever opens it must expect that
// the Pi has changed it into anything, a link to the server's files too.
func (f *Farm) Root(name string) string { return f.served(name) }

// ImportBase keeps a copy of the tree src as the base name, which is the hash of
// its manifest, say: letters, digits, dots, dashes and underscores. A base does
// not change any more. One that is there is [fs.ErrExist].
func (f *Farm) ImportBase(ctx context.Context, name, src string) error {
	if err := checkBase(name); err != nil {
		return fmt.Errorf("farm: import: %w", err)
	}
	unlock, err := f.lockFarm(ctx)
	if err != nil {
		return fmt.Errorf("farm: import %q: %w", name, err)
	}
	defer unlock()
	if im, ok := f.o.Cloner.(clone.Importer); ok {
		err = im.Import(ctx, src, f.base(name))
	} else {
		err = f.o.Cloner.Clone(ctx, src, f.base(name))
	}
	if err == nil {
		err = syncAll(f.dir)
	}
	if err != nil {
		return fmt.Errorf("farm: import base %q: %w", name, err)
	}
	return nil
}

// Bases returns the names of all bases, sorted.
func (f *Farm) Bases() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.dir, "bases"))
	if err != nil {
		return nil, fmt.Errorf("farm: list bases: %w", err)
	}
	var names []string
	for _, e := range entries {
		if checkBase(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// RemoveBase removes a base. Roots that were cloned from it stay as they are.
func (f *Farm) RemoveBase(ctx context.Context, name string) error {
	if err := checkBase(name); err != nil {
		return fmt.Errorf("farm: remove: %w", err)
	}
	unlock, err := f.lockFarm(ctx)
	if err == nil {
		defer unlock()
		err = f.o.Cloner.Remove(ctx, f.base(name))
	}
	if err != nil {
		return fmt.Errorf("farm: remove base %q: %w", name, err)
	}
	return nil
}

// each calls fn for all names, some at the same time, and joins the errors.
func (f *Farm) each(names []string, fn func(i int, name string) error) error {
	slots, errs := make(chan struct{}, f.o.Workers), make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := fn(i, name); err != nil {
				errs[i] = &PiError{Name: name, Err: err}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (f *Farm) step(name, step string) {
	if f.o.Step != nil {
		f.o.Step(name, step)
	}
}

// distinct refuses bad names and removes doubles.
func distinct(names []string) ([]string, error) {
	for _, name := range names {
		if err := CheckName(name); err != nil {
			return nil, err
		}
	}
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names), nil
}
