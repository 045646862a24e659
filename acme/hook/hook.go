package hook

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// Hook serves the calls of clients by a solver, which alone must be set. It may be
// used by many goroutines.
type Hook struct {
	// Solver has the provider and says how names are found and waited for. Only its
	// fields are used, so it may have been used before. It must have no Journal:
	// what one call left there belongs to a client that still runs.
	Solver *dns01.Solver
	// Deploy is called with each new certificate. Nil does nothing.
	Deploy func(ctx context.Context, d Deployment) error
	// State is a folder for what [Hook.Certbot] remembers from one call to the next,
	// made when it is missing. "" remembers nothing.
	State string
	// Log gets what clients report and what is done; nil discards it.
	Log *slog.Logger
}

// Deployment is a new certificate of a client.
type Deployment struct {
	// Names are those of the certificate, or the first of them if the client says no
	// more. They may begin with "*.".
	Names []string
	// Key, Cert, FullChain and Chain are the paths of the files.
	Key, Cert, FullChain, Chain string
	// Time is when it was issued; zero if the client does not say.
	Time time.Time
}

// record is a value at _acme-challenge below a name.
type record struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (r record) challenge() acme.Challenge {
	return acme.Challenge{Type: acme.DNS01, Identifier: r.Name, TXT: r.Value}
}

func (h *Hook) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}

// solver is a fresh one like h.Solver: one that was used shares records that it
// believes to be there, and another process may have deleted them.
func (h *Hook) solver(wrap func(dns01.Provider) dns01.Provider) (*dns01.Solver, error) {
	s := h.Solver
	switch {
	case s == nil || s.Provider == nil:
		return nil, errors.New("hook: no Solver with a Provider is set")
	case s.Journal != nil:
		return nil, errors.New("hook: Solver.Journal must not be set: it would delete the records of clients that still run")
	}
	zones := s.Zones
	if zones == nil {
		zones, _ = s.Provider.(dns01.ZoneFinder)
	}
	return &dns01.Solver{
		Provider: wrap(s.Provider), Zones: zones, Verifier: s.Verifier, DNS: s.DNS,
		Delegation: s.Delegation, FollowCNAME: s.FollowCNAME, TTL: s.TTL,
		Coalesce: s.Coalesce, RequestTimeout: s.RequestTimeout,
		Delay: s.Delay, FirstPoll: s.FirstPoll, MaxPoll: s.MaxPoll, Timeout: s.Timeout,
		Log: s.Log,
	}, nil
}

func changing(p dns01.Provider) dns01.Provider { return p }

// taken is a provider of records that another process has added.
type taken struct{ dns01.Provider }

func (taken) AddTXT(context.Context, ...dns01.TXT) error { return nil }

func taking(p dns01.Provider) dns01.Provider { return taken{p} }

// present adds records. If one fails, none is left behind.
func (h *Hook) present(ctx context.Context, wait bool, records ...record) error {
	s, err := h.solver(changing)
	if err != nil {
		return err
	}
	held, err := hold(ctx, s, records)
	if err == nil && wait {
		err = each(held, func(p acme.Presented) error { return p.Ready(ctx) })
	}
	if err == nil {
		h.log().Info("records added", "records", len(records), "waited", wait)
		return nil
	}
	live := context.WithoutCancel(ctx)
	return errors.Join(err, each(held, func(p acme.Presented) error { return p.CleanUp(live) }))
}

// await waits for records that other processes have added.
func (h *Hook) await(ctx context.Context, records ...record) error {
	s, err := h.solver(taking)
	if err != nil {
		return err
	}
	held, err := hold(ctx, s, records)
	if err != nil {
		return err
	}
	return each(held, func(p acme.Presented) error { return p.Ready(ctx) })
}

// clean deletes records that another process has added.
func (h *Hook) clean(ctx context.Context, records ...record) error {
	s, err := h.solver(taking)
	if err != nil {
		return err
	}
	held, err := hold(ctx, s, records)
	err = errors.Join(err, each(held, func(p acme.Presented) error { return p.CleanUp(ctx) }))
	if err == nil {
		h.log().Info("records deleted", "records", len(records))
	}
	return err
}

// hold presents all records at once and returns those that did not fail.
func hold(ctx context.Context, s *dns01.Solver, records []record) ([]acme.Presented, error) {
	var mu sync.Mutex // guards held
	var held []acme.Presented
	err := each(records, func(r record) error {
		p, err := s.Present(ctx, r.challenge())
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		held = append(held, p)
		return nil
	})
	return held, err
}

// each calls f with all items at once.
func each[T any](items []T, f func(T) error) error {
	errs := make([]error, len(items))
	var all sync.WaitGroup
	for i, item := range items {
		all.Go(func() { errs[i] = f(item) })
	}
	all.Wait()
	return errors.Join(errs...)
}
