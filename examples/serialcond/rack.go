package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/handover"
)

// rack is all consoles, of which a reload adds, ends and replaces some.
type rack struct {
	ctx      context.Context // of the consoles
	settings *Settings
	store    *conlog.Store
	engine   serialcon.Engine
	shipper  *shipper
	hook     *matchHook
	log      *slog.Logger
	counts   eventCounter

	mu        sync.Mutex
	consoles  map[string]*console
	inherited map[string]*os.File // of the process before this one
}

func newRack(ctx context.Context, s *Settings, log *slog.Logger) *rack {
	return &rack{
		ctx: ctx, settings: s, log: log, consoles: make(map[string]*console),
		store: &conlog.Store{
			Dir: s.Log.Dir, Quota: s.Log.TotalQuota, SyncEvery: durationOf(s.Log.Sync),
			Options: conlog.Options{
				SegmentSize: s.Log.SegmentSize, SegmentAge: durationOf(s.Log.SegmentAge),
				MaxAge: durationOf(s.Log.MaxAge), Quota: s.Log.Quota, Logger: log,
			},
		},
	}
}

// find returns a console, or nil.
func (r *rack) find(name string) *console {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.consoles[name]
}

// all returns the consoles, by name.
func (r *rack) all() []*console {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*console, 0, len(r.consoles))
	for _, c := range r.consoles {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *console) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// apply makes the consoles those of the configuration. Consoles of which nothing
// changed do not notice. What cannot be opened leaves the others as they should
// be; the error says which it is, and a later apply tries again.
func (r *rack) apply(list []consoleConfig) error {
	want := make(map[string]consoleConfig, len(list))
	for _, c := range list {
		want[c.Name] = c
	}
	var errs []error
	for _, c := range r.all() {
		if now, ok := want[c.Name]; ok && reflect.DeepEqual(now, c.config) {
			delete(want, c.Name)
			continue
		}
		errs = append(errs, r.end(c))
	}
	for _, c := range list {
		if _, missing := want[c.Name]; missing {
			errs = append(errs, r.start(c))
		}
	}
	return errors.Join(errs...)
}

// start opens a console's log and begins to read its port.
func (r *rack) start(cfg consoleConfig) error {
	opener, err := cfg.opener()
	if err != nil {
		return err
	}
	log, err := r.store.Open(cfg.Name)
	if err != nil {
		return fmt.Errorf("console %s: %w", cfg.Name, err)
	}
	r.mu.Lock()
	file := r.inherited[cfg.Name]
	delete(r.inherited, cfg.Name)
	r.mu.Unlock()
	c := r.newConsole(cfg, newKeeper(cfg.Name, opener, file, r.log), log)
	r.mu.Lock()
	r.consoles[cfg.Name] = c
	r.mu.Unlock()
	if err := c.run(r.ctx); err != nil {
		return errors.Join(err, r.end(c)) // so that the next reload tries again
	}
	return nil
}

// end stops a console that is not configured any more, or otherwise.
func (r *rack) end(c *console) error {
	r.mu.Lock()
	delete(r.consoles, c.Name)
	r.mu.Unlock()
	err := c.stop()
	if ferr := handover.Forget(c.Name); ferr != nil && !errors.Is(ferr, errors.ErrUnsupported) {
		r.log.Warn("the service manager keeps a port", "console", c.Name, "err", ferr)
	}
	return err
}

// stop ends all consoles at once.
func (r *rack) stop() error {
	var wg sync.WaitGroup
	all := r.all()
	errs := make([]error, len(all))
	for i, c := range all {
		wg.Go(func() { errs[i] = c.stop() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// keep returns copies of the descriptors of all ports that can be handed over.
func (r *rack) keep() map[string]*os.File {
	files := make(map[string]*os.File)
	for _, c := range r.all() {
		if f := c.keeper.keep(); f != nil {
			files[c.Name] = f
		}
	}
	return files
}
