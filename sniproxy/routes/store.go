package routes

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
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

// Follower keeps a [Set] to the sites of a [Store].
type Follower struct {
	Set    *Set
	Store  Store
	Prefix string // of the sites' keys; what is behind it is the site's name
	// Settle is how long changes are collected before they are applied at once.
	// Zero means 100 ms.
	Settle time.Duration
	// Synced is told when what the store held at first is in force. Nil means
	// nobody.
	Synced func()
	Logger *slog.Logger // nil discards

	mu      sync.Mutex // guards all below
	sites   map[string]Site
	synced  bool
	changed chan struct{}
}

// Run follows the store until ctx ends. When the store fails it is watched anew
// a second later, and until then the routes stay as they are: a proxy does not
// need its store to work.
//
// A site that makes no sense is logged and stays as it was; others go on.
func (f *Follower) Run(ctx context.Context) error {
	f.changed = make(chan struct{}, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { f.applyChanges(ctx) })
	for {
		err := f.watch(ctx)
		if ctx.Err() != nil {
			return nil
		}
		f.log().Error("the store of routes is lost, the routes stay", "prefix", f.Prefix, "err", err)
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
	fresh := make(map[string]Site)
	inSync := false
	return f.Store.Watch(ctx, f.Prefix, func(key string, val []byte, _ int64) {
		f.mu.Lock()
		defer f.mu.Unlock()
		switch {
		case key == "" && !inSync:
			inSync, f.synced, f.sites = true, true, fresh
			f.touch()
		case key == "":
		case val == nil:
			delete(fresh, key)
			f.touch()
		default:
			site, err := f.parse(key, val)
			if err != nil {
				f.log().Error("a site makes no sense and stays as it was", "key", key, "err", err)
				old, ok := f.sites[key]
				if !ok {
					return
				}
				site = old
			}
			fresh[key] = site
			f.touch()
		}
	})
}

// parse reads a site. Its name is that of its key.
func (f *Follower) parse(key string, val []byte) (Site, error) {
	var s Site
	d := json.NewDecoder(strings.NewReader(string(val)))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	s.Name = strings.TrimPrefix(key, f.Prefix)
	if s.Name == "" {
		return s, fmt.Errorf("%w: the key has no name behind %q", ErrDocument, f.Prefix)
	}
	if err := s.check(f.Set); err != nil {
		return s, err
	}
	return s, make(claims).add(&s) // its names are names
}

// touch says that there is something to apply.
func (f *Follower) touch() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// applyChanges brings changes into force, those that come together at once.
func (f *Follower) applyChanges(ctx context.Context) {
	told := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.changed:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(f.settle()):
		}
		if !f.apply() || told {
			continue
		}
		told = true
		if f.Synced != nil {
			f.Synced()
		}
	}
}

func (f *Follower) settle() time.Duration {
	if f.Settle == 0 {
		return 100 * time.Millisecond
	}
	return f.Settle
}

// apply replaces the set's content once the store was read in full. A site that
// wants what another has is left out, the later one by key: a customer's mistake
// is nobody else's outage.
func (f *Follower) apply() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.synced {
		return false
	}
	var d Document
	taken := make(claims, 2*len(f.sites))
	for _, key := range slices.Sorted(maps.Keys(f.sites)) {
		site := f.sites[key]
		if err := taken.add(&site); err != nil {
			f.log().Error("a site is left out", "key", key, "err", err)
			continue
		}
		d.Sites = append(d.Sites, site)
	}
	if err := f.Set.Replace(d); err != nil {
		f.log().Error("the routes stay as they were", "err", err)
		return false
	}
	return true
}

func (f *Follower) log() *slog.Logger {
	if f.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return f.Logger
}
