package netboot

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Tracker follows every machine's boot. It is an [Observer]: give it to the
// DHCP and the file servers. It passes each event on, and adds Stalled and
// GaveUp when nothing happens for too long. The zero value works; [Tracker.Run]
// must be running for the two to be noticed.
type Tracker struct {
	// Next is told of every event, the tracker's own among them. Nil means
	// nobody.
	Next Observer
	// Patience sets the delays. Zero means the defaults.
	Patience Patience

	mu       sync.Mutex
	machines map[string]*Status
	at       map[place]string // machine last offered an address there
	watchers map[chan Status]struct{}
	changed  chan struct{} // wakes Run
}

// place is where a file request comes from, which is all it tells.
type place struct {
	iface string
	addr  netip.Addr
}

var _ Observer = (*Tracker)(nil)

// Observe takes one event. An event that names no machine is tied to the one
// that was last offered the address it comes from; one that still belongs to
// none is only passed on.
func (t *Tracker) Observe(e Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	t.mu.Lock()
	t.init()
	e.Machine = t.machineOf(e)
	if e.Machine != "" {
		t.update(e)
	}
	t.mu.Unlock()
	if t.Next != nil {
		t.Next.Observe(e)
	}
}

// init is called with mu held.
func (t *Tracker) init() {
	if t.machines == nil {
		t.machines = make(map[string]*Status)
		t.at = make(map[place]string)
		t.watchers = make(map[chan Status]struct{})
		t.changed = make(chan struct{}, 1)
	}
}

func (t *Tracker) machineOf(e Event) string {
	p := place{e.Client.Interface, e.Addr}
	if !p.addr.IsValid() {
		p.addr = e.Client.Addr
	}
	if e.Machine == "" {
		return t.at[p]
	}
	if p.addr.IsValid() && (e.Kind == Offered || e.Kind == Leased || e.Kind == OSLease) {
		t.at[p] = e.Machine
	}
	return e.Machine
}

// update is called with mu held.
func (t *Tracker) update(e Event) {
	s := t.machines[e.Machine]
	if s == nil {
		s = &Status{Machine: e.Machine}
		t.machines[e.Machine] = s
	}
	*s = step(*s, e)
	t.publish(*s)
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

func (t *Tracker) publish(s Status) {
	for w := range t.watchers {
		select {
		case w <- s:
		default: // a slow watcher misses steps; it is told of the next one
		}
	}
}

// Status returns how the boot of the named machine stands; ok is false when it
// was never heard of.
func (t *Tracker) Status(machine string) (s Status, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.machines[machine]
	if p == nil {
		return Status{}, false
	}
	return *p, true
}

// All returns the status of every machine heard of, by name.
func (t *Tracker) All() []Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Status, 0, len(t.machines))
	for _, s := range t.machines {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Machine, b.Machine) })
	return all
}

// Watch calls fn with the status of a machine whenever it changes, until ctx
// ends. A watcher that is too slow for the rate of changes misses some in
// between, never the wish to be told: read [Tracker.All] from time to time.
func (t *Tracker) Watch(ctx context.Context, fn func(Status)) {
	w := make(chan Status, 256)
	t.mu.Lock()
	t.init()
	t.watchers[w] = struct{}{}
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		delete(t.watchers, w)
		t.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-w:
			fn(s)
		}
	}
}

// Forget drops what is known of a machine, such as one that left the
// inventory.
func (t *Tracker) Forget(machine string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.machines, machine)
	for p, m := range t.at {
		if m == machine {
			delete(t.at, p)
		}
	}
}

// Run notices boots that stall, until ctx ends. It returns ctx's error.
func (t *Tracker) Run(ctx context.Context) error {
	t.mu.Lock()
	t.init()
	t.mu.Unlock()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.changed:
		case <-timer.C:
		}
		if wake, ok := t.expire(time.Now()); ok {
			timer.Reset(time.Until(wake))
		} else {
			timer.Stop()
		}
	}
}

// expire tells what came due by now, and returns when the next thing will.
func (t *Tracker) expire(now time.Time) (wake time.Time, ok bool) {
	var news []Event
	t.mu.Lock()
	for _, s := range t.machines {
		at, kind, is := due(*s, t.Patience)
		if is && !at.After(now) {
			*s = expire(*s, kind, now)
			t.publish(*s)
			news = append(news, Event{At: now, Kind: kind, Machine: s.Machine, Client: s.Client, Addr: s.Addr, Diagnosis: s.Diagnosis})
			at, _, is = due(*s, t.Patience)
		}
		if is && (!ok || at.Before(wake)) {
			wake, ok = at, true
		}
	}
	t.mu.Unlock()
	if t.Next != nil {
		for _, e := range news {
			t.Next.Observe(e)
		}
	}
	return wake, ok
}
