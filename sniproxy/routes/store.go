package routes

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Store is where many proxies read sites from. A client of etcd is one.
type Store interface {
	// Watch calls fn for every present key, then once with key "" (in sync), then
	// for each change, val nil meaning that the key is gone. It returns when ctx
	// ends, or with the store's error.
	Watch(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64)) error
}

// Pinger is a [Store] that can be asked whether it answers. Without that nobody knows
// whether a watch that says nothing has nothing to say.
type Pinger interface {
	// Ping returns nil when the store answers, with what is written last.
	Ping(ctx context.Context) error
}

// Follower keeps a [Set] to the sites of a [Store]: once that was read in full, the set
// has its sites and no others. Changes are applied one by one, or at once those that come
// while others are applied, at a cost that does not depend on how many sites there are.
//
// A site that makes no sense is logged and stays as it was; others go on. Of sites that
// want one name the first by key has it and the others are left out until they can have
// all that they want: a customer's mistake is nobody else's outage, and all proxies
// decide the same.
type Follower struct {
	Set    *Set
	Store  Store
	Prefix string // of the sites' keys; what is behind it is the site's name
	// Probe is how often a store that is a [Pinger] is asked, and how long it may take
	// to answer. Zero means 5 s.
	Probe time.Duration
	// Synced is told when what the store held at first is in force. Nil means nobody.
	Synced func()
	// Applied is told which sites a change brought into force and which it took out, by
	// name, once it has. It holds up the next change. Nil means nobody.
	Applied func(come, gone []string)
	Logger  *slog.Logger // nil discards

	mu       sync.Mutex // guards all below
	known    *arbiter   // sites that the store has
	whole    bool       // nothing of the store is in force yet
	synced   bool       // the store was read in full
	state    FollowerStatus
	watching error // why the watch ended; nil while there is one
	pinging  error // why the last ping failed
	changed  chan struct{}
}

// Run follows the store until ctx ends, and returns nil. When the store fails it is
// watched anew a second later, and until then the routes stay as they are: a proxy does
// not need its store to work. One Run may run at a time.
func (f *Follower) Run(ctx context.Context) error {
	f.mu.Lock()
	f.known, f.whole, f.synced = newArbiter(), true, false
	f.state, f.watching, f.pinging = FollowerStatus{}, nil, nil
	f.changed = make(chan struct{}, 1)
	f.mu.Unlock()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { f.applyChanges(ctx) })
	if store, ok := f.Store.(Pinger); ok {
		wg.Go(func() { f.probe(ctx, store) })
	}
	for {
		err := f.watch(ctx)
		if ctx.Err() != nil {
			return nil
		}
		f.mu.Lock()
		f.note(&f.watching, fmt.Errorf("watch %q: %w", f.Prefix, err))
		f.mu.Unlock()
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
func (f *Follower) watch(ctx context.Context) error {
	seen := make(map[string]bool) // nil once in sync
	return f.Store.Watch(ctx, f.Prefix, func(key string, val []byte, _ int64) {
		f.mu.Lock()
		defer f.mu.Unlock()
		switch {
		case key == "" && seen != nil:
			for old := range f.known.sites {
				if !seen[old] {
					f.known.remove(old)
				}
			}
			seen, f.synced = nil, true
			f.note(&f.watching, nil)
		case key == "":
			return
		case val == nil:
			f.known.remove(key)
		default:
			if seen != nil {
				seen[key] = true
			}
			f.put(key, val)
		}
		f.touch()
	})
}

// put takes a site over from the store, if it makes sense.
func (f *Follower) put(key string, val []byte) {
	site, claims, err := f.parse(key, val)
	if err != nil {
		f.log().Error("a site makes no sense and stays as it was", "key", key, "err", err)
		return
	}
	if old := f.known.sites[key]; old != nil && old.site.same(&site) {
		return // the store was read again
	}
	f.known.put(key, site, claims)
}

// parse reads a site. Its name is that of its key.
func (f *Follower) parse(key string, val []byte) (Site, []claim, error) {
	var s Site
	d := json.NewDecoder(strings.NewReader(string(val)))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	s.Name = strings.TrimPrefix(key, f.Prefix)
	if s.Name == "" {
		return s, nil, fmt.Errorf("%w: the key has no name behind %q", ErrDocument, f.Prefix)
	}
	if err := s.check(f.Set); err != nil {
		return s, nil, err
	}
	claims, err := s.claims() // its names are names
	return s, claims, err
}

// touch says that there is something to apply.
func (f *Follower) touch() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// applyChanges brings changes into force, those that came meanwhile at once.
func (f *Follower) applyChanges(ctx context.Context) {
	told := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.changed:
		}
		come, gone, ok := f.apply()
		if !ok {
			continue
		}
		if f.Applied != nil && len(come)+len(gone) > 0 {
			f.Applied(come, gone)
		}
		if !told && f.Synced != nil {
			f.Synced()
		}
		told = true
	}
}

// apply changes the set, once the store was read in full.
func (f *Follower) apply() (come, gone []string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.synced {
		return nil, nil, false
	}
	var d Document
	for _, key := range f.known.settle() {
		name := strings.TrimPrefix(key, f.Prefix)
		switch s := f.known.sites[key]; {
		case s != nil && s.in:
			d.Sites = append(d.Sites, s.site)
			come = append(come, name)
		case s != nil:
			f.log().Error("a site is left out: another has a name of it", "key", key, "other", s.rival)
			fallthrough
		default:
			gone = append(gone, name)
		}
	}
	var err error
	if f.whole {
		err = f.Set.Replace(f.all())
	} else {
		err = f.Set.Update(d, gone...)
	}
	f.whole = err != nil
	if err != nil {
		f.log().Error("the routes stay as they were", "err", err)
		return nil, nil, false
	}
	f.count()
	return come, gone, true
}

// all is what is to be in force.
func (f *Follower) all() Document {
	var d Document
	for _, s := range f.known.sites {
		if s.in {
			d.Sites = append(d.Sites, s.site)
		}
	}
	slices.SortFunc(d.Sites, func(a, b Site) int { return strings.Compare(a.Name, b.Name) })
	return d
}

func (f *Follower) log() *slog.Logger {
	if f.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return f.Logger
}
