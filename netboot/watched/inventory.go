package watched

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
)

// Store is where machines are. A client of etcd is one.
type Store interface {
	// Watch calls fn for every present key, then once with key "" (in sync), then for
	// each change, val nil meaning that the key is gone. It returns when ctx ends, or
	// with the store's error.
	Watch(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64)) error
	// Ping returns nil when the store answers, with what is written last.
	Ping(ctx context.Context) error
}

// Inventory is the machines of a store, and a few that are always there. Before the store
// was read in full, there are only those.
type Inventory struct {
	Store  Store
	Prefix string // of machines' keys; what is behind it is the machine's name
	// Parse makes a reservation of what the store has under a name. The machine gets
	// that name.
	Parse func(name string, val []byte) (netboot.Reservation, error)
	// Probe is how often the store is asked whether it answers, and how long it may
	// take. Zero means 5 s.
	Probe time.Duration
	// Changed is told after each change that is in force. It must not block. Nil means
	// nobody.
	Changed func()
	Logger  *slog.Logger // nil discards

	current atomic.Pointer[netboot.Static]

	mu       sync.Mutex // guards all below
	fixed    []netboot.Reservation
	machines map[string]netboot.Reservation // of the store, by name
	refused  map[string]string              // by name, why
	status   Status
	watching error // why the watch ended; nil while there is one
	pinging  error // why the last ping failed
}

var _ netboot.Inventory = (*Inventory)(nil)

// Status is how an [Inventory] is.
type Status struct {
	// Synced says that the store was read in full.
	Synced bool
	// Machines is how many there are, Refused how many others the store has.
	Machines, Refused int
	// Err is why the store does not answer; nil when it does.
	Err error
	// Since is when it did not answer first, for Err; else it is zero.
	Since time.Time
}

// Fix makes the machines those that are there whatever the store has. They are before
// those of the store.
func (i *Inventory) Fix(rs ...netboot.Reservation) {
	i.mu.Lock()
	i.fixed = slices.Clone(rs)
	i.apply()
	i.mu.Unlock()
	i.changed()
}

// Lookup implements [netboot.Inventory].
func (i *Inventory) Lookup(ctx context.Context, c netboot.Client) (*netboot.Machine, error) {
	now := i.current.Load()
	if now == nil {
		return nil, netboot.ErrUnknown
	}
	return now.Lookup(ctx, c)
}

// Machines returns every machine: first the fixed ones, then those of the store by name.
func (i *Inventory) Machines() []*netboot.Machine {
	now := i.current.Load()
	if now == nil {
		return nil
	}
	return now.Machines()
}

// Status returns how the inventory is.
func (i *Inventory) Status() Status {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.status
}

// apply makes the machines those in force. The caller holds mu.
func (i *Inventory) apply() {
	rs := slices.Clone(i.fixed)
	for _, name := range slices.Sorted(maps.Keys(i.machines)) {
		rs = append(rs, i.machines[name])
	}
	refused := make(map[string]string)
	next := netboot.NewStaticPart(rs, func(r *netboot.Reservation, err error) {
		name := r.Machine.Name
		refused[name] = err.Error()
		if i.refused[name] != err.Error() {
			i.log().Error("a machine is left out", "machine", name, "err", err)
		}
	})
	if before := i.current.Load(); before != nil {
		next.Learn(before)
	}
	i.refused = refused
	i.status.Machines, i.status.Refused = len(next.Machines()), len(refused)
	i.current.Store(next)
}

func (i *Inventory) changed() {
	if i.Changed != nil {
		i.Changed()
	}
}

// Run follows the store until ctx ends, and returns nil. When the store fails it is
// watched anew a second later, and the machines stay as they are. One Run may run at a
// time.
func (i *Inventory) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { i.probe(ctx) })
	for {
		err := i.watch(ctx)
		if ctx.Err() != nil {
			return nil
		}
		i.note(&i.watching, fmt.Errorf("watch %q: %w", i.Prefix, err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retry):
		}
	}
}

// retry is the wait before a store that failed is asked again.
const retry = time.Second

// watch reads the store. What was there before and is not any more is gone.
func (i *Inventory) watch(ctx context.Context) error {
	fresh := make(map[string]netboot.Reservation)
	synced := false
	return i.Store.Watch(ctx, i.Prefix, func(key string, val []byte, _ int64) {
		if key == "" {
			i.note(&i.watching, nil)
		}
		i.mu.Lock()
		name := strings.TrimPrefix(key, i.Prefix)
		switch {
		case key == "":
			synced, i.machines, i.status.Synced = true, fresh, true
		case val == nil:
			delete(fresh, name)
		default:
			i.put(fresh, name, val)
		}
		if synced {
			i.apply()
		}
		i.mu.Unlock()
		if synced {
			i.changed()
		}
	})
}

// put takes a machine over, if it makes sense. The caller holds mu.
func (i *Inventory) put(fresh map[string]netboot.Reservation, name string, val []byte) {
	r, err := i.Parse(name, val)
	if err == nil && name == "" {
		err = errors.New("its key has no name")
	}
	if err != nil {
		i.log().Error("a machine makes no sense and stays as it was", "machine", name, "err", err)
		if old, ok := i.machines[name]; ok {
			fresh[name] = old
		}
		return
	}
	r.Machine.Name = name
	fresh[name] = r
}

// probe asks the store now and then whether it answers.
func (i *Inventory) probe(ctx context.Context) {
	every := i.Probe
	if every == 0 {
		every = 5 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		asked, cancel := context.WithTimeout(ctx, every)
		err := i.Store.Ping(asked)
		cancel()
		if ctx.Err() != nil {
			return
		}
		i.note(&i.pinging, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// note takes down how one of the ways to the store is, nil for well.
func (i *Inventory) note(way *error, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	*way = err
	before := i.status.Err
	i.status.Err = errors.Join(i.watching, i.pinging)
	switch {
	case before == nil && i.status.Err != nil:
		i.status.Since = time.Now()
		i.log().Error("the store of machines does not answer, they stay", "prefix", i.Prefix, "err", err)
	case before != nil && i.status.Err == nil:
		i.log().Info("the store of machines answers again", "prefix", i.Prefix, "after", time.Since(i.status.Since).Round(time.Millisecond))
		i.status.Since = time.Time{}
	}
}

// String is for people.
func (s Status) String() string {
	switch {
	case s.Err != nil:
		return fmt.Sprintf("%d machines, as they were %v ago: the store does not answer: %v", s.Machines, time.Since(s.Since).Round(time.Second), s.Err)
	case !s.Synced:
		return "the store is being read"
	}
	return fmt.Sprintf("%d machines, %d refused", s.Machines, s.Refused)
}

func (i *Inventory) log() *slog.Logger {
	if i.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return i.Logger
}
