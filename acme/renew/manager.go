package renew

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
)

// Issuer is an account at an authority. An [acme.Client] is one.
type Issuer interface {
	// Obtain obtains a certificate.
	Obtain(ctx context.Context, r acme.Request, s acme.Solver) (*acme.Certificate, error)
	// RenewalInfo asks when to renew one. No error means "renew now".
	RenewalInfo(ctx context.Context, leaf *x509.Certificate) (acme.RenewalInfo, error)
}

var _ Issuer = (*acme.Client)(nil)

// Manager obtains and renews certificates. Issuer, Solver and Store are required.
// Its methods may be called by many goroutines; its fields must not change after the
// first call.
type Manager struct {
	// Issuer issues the certificates.
	Issuer Issuer
	// Solver proves that the names are ours.
	Solver acme.Solver
	// Store keeps certificates and states. Managers on several nodes may share one:
	// then one of them renews, and the others take over what it stored.
	Store Store
	// Policy says when to renew.
	Policy Policy
	// Parallel is how many certificates are worked on at a time. 0 is 16.
	Parallel int
	// Timeout bounds one try. 0 is 30 minutes.
	Timeout time.Duration
	// Recheck is how often at least to look at a certificate in the store that is not
	// due: another node, or someone by hand, may have replaced it. 0 is 6 hours.
	Recheck time.Duration
	// Default names the certificate for clients that ask for no name, or for one
	// that there is no certificate for. "" is none.
	Default string
	// OnEvent is told what happened, by several goroutines at once. It may call the
	// Manager, and the certificate waits for it. Nil is told nothing.
	OnEvent func(Event)
	// Log gets a line per event. Nil discards.
	Log *slog.Logger
	// Now is the clock. Nil is [time.Now].
	Now func() time.Time

	mu      sync.RWMutex
	entries map[string]*entry // guarded by mu, as all below
	hosts   map[string]*entry // by the names in the certificates
	queue   queue
	free    int
	running bool
	wake    chan struct{}
	clock   clock
}

// entry is a certificate under management. Its fields are guarded by Manager.mu,
// but for work, which is of the goroutine that works on it.
type entry struct {
	name  string
	names []string // of the request, normalized
	req   acme.Request

	due   time.Time
	index int  // in the queue, -1 if it is worked on
	again bool // look again at once when the work is done
	gone  bool // removed

	force   bool      // renew whatever the plan says
	forceAt time.Time // but not before
	calm    time.Time // ask the authority for no window before

	state State
	plan  Plan
	hosts []string         // what Manager.hosts may have of it
	cert  *tls.Certificate // nil: not loaded

	work struct {
		scanned  bool    // looked at before
		unsaved  *Bundle // issued, and not stored yet
		newState State   // with it
		replaces string  // what was stored when it was ordered, a CertID
		kind     Kind    // of the event when it is stored
		failures int     // of the store
	}
}

// Add puts a certificate under management. The name is its name in the store; the
// request's Replaces is not used. A name that there is already gets the new request,
// and a new certificate if the names differ.
func (m *Manager) Add(name string, r acme.Request) error {
	switch err := CheckName(name); {
	case err != nil:
		return err
	case strings.HasPrefix(name, "_"):
		return fmt.Errorf(`renew: %q: %w: a "_" at its beginning is for what the manager keeps`, name, ErrName)
	}
	names, err := acme.CanonicalNames(r.Names)
	if err != nil {
		return fmt.Errorf("renew: certificate %q: %w", name, err)
	}
	if r.Key != nil {
		if _, err := acme.MarshalKey(r.Key); err != nil {
			return fmt.Errorf("renew: certificate %q: its key can not be stored: %w", name, err)
		}
	}
	r.Replaces, r.Names = nil, names
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	e := m.entries[name]
	if e == nil {
		e = &entry{name: name, index: -1}
		m.entries[name] = e
		m.queue.put(e, m.now())
	} else {
		m.soon(e)
	}
	e.req, e.names = r, normal(names)
	m.poke()
	return nil
}

// Remove ends the management of a certificate. What is stored stays.
func (m *Manager) Remove(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.entries[name]; e != nil {
		e.gone = true
		delete(m.entries, name)
		m.unserve(e)
		if e.index >= 0 {
			m.queue.remove(e)
		}
	}
}

// Renew renews a certificate as soon as there is room, though it may not be due:
// when its key is no secret any more, for example. Waits after failures before, and
// the budget of its names, do not count. What fails is tried again as ever. A name that
// was not added is an error that wraps [fs.ErrNotExist].
func (m *Manager) Renew(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[name]
	if e == nil {
		return fmt.Errorf("renew: certificate %q: %w", name, fs.ErrNotExist)
	}
	e.force, e.forceAt = true, time.Time{}
	m.soon(e)
	m.poke()
	return nil
}

// soon makes a certificate due. m.mu is held.
func (m *Manager) soon(e *entry) {
	if e.index < 0 {
		e.again = true
		return
	}
	m.queue.remove(e)
	m.queue.put(e, m.now())
}

// Run looks after the certificates until ctx ends, and returns its error when all
// work has ended. It fails at once if it runs already, or a field is missing.
func (m *Manager) Run(ctx context.Context) error {
	if m.Issuer == nil || m.Solver == nil || m.Store == nil {
		return errors.New("renew: a Manager needs Issuer, Solver and Store")
	}
	m.mu.Lock()
	m.init()
	if m.running {
		m.mu.Unlock()
		return errors.New("renew: the Manager runs already")
	}
	m.running, m.free = true, or(m.Parallel, 16)
	m.mu.Unlock()
	var work sync.WaitGroup
	defer func() {
		work.Wait()
		m.mu.Lock()
		m.running = false
		m.mu.Unlock()
	}()
	for {
		timer := time.NewTimer(m.startDue(ctx, &work))
		select {
		case <-m.wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		timer.Stop()
	}
}

// startDue starts the work on what is due, and returns when to look again. It is
// soon in any case, since the wall clock may jump.
func (m *Manager) startDue(ctx context.Context, work *sync.WaitGroup) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if back := m.clock.back(now); back > 0 {
		m.queue.shift(-back)
	}
	for m.free > 0 && ctx.Err() == nil {
		e := m.queue.due(now)
		if e == nil {
			break
		}
		m.free--
		work.Go(func() { m.attend(ctx, e) })
	}
	wait := 10 * time.Minute
	if m.free > 0 && len(m.queue) > 0 {
		wait = min(wait, max(m.queue[0].due.Sub(now), 0))
	}
	return wait
}

// attend works on a certificate, and says when it is due again.
func (m *Manager) attend(ctx context.Context, e *entry) {
	next := m.look(ctx, e)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free++
	if e.again && ctx.Err() == nil {
		next = m.now()
	}
	e.again = false
	if !e.gone {
		m.queue.put(e, next)
	}
	m.poke()
}

// init makes what the zero value has not. m.mu is held.
func (m *Manager) init() {
	if m.entries == nil {
		m.entries, m.hosts = map[string]*entry{}, map[string]*entry{}
		m.wake = make(chan struct{}, 1)
	}
}

// poke makes Run look at the queue.
func (m *Manager) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *Manager) now() time.Time {
	if m.Now != nil {
		return m.Now().Round(0)
	}
	return time.Now().Round(0) // the wall clock
}

func (m *Manager) log() *slog.Logger {
	if m.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return m.Log
}

// normal is a list of names to compare.
func normal(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.TrimSuffix(strings.ToLower(n), ".")
	}
	slices.Sort(out)
	return slices.Compact(out)
}
