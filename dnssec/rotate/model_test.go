package rotate_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

// model explores all that can happen to a world, hour by hour: each order is carried
// out at once or late, RRsets are signed anew in any order, each name server of
// the parent follows when it likes, the manager looks or does not. What can be cached is
// not explored but kept: a world knows every RRset that some cache can hold.
type model struct {
	late  int                // hours by which an order may be late
	event func(*world) error // may happen once, at any hour; nil if nothing does
	spoil func(*world)       // after each step, to see that it is noticed
	seen  map[string]struct{}
	ends  int // worlds in which nothing is left to do
}

// explore returns what is found bogus; "" if nothing can be.
func (m *model) explore(start *world) (string, error) {
	m.seen = map[string]struct{}{}
	stack := []*world{start}
	for len(stack) > 0 {
		w := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		key := w.print()
		if _, ok := m.seen[key]; ok {
			continue
		}
		m.seen[key] = struct{}{}
		next, err := m.hour(w)
		if err != nil {
			return "", err
		}
		for _, w := range next {
			w.cache()
			if found := w.bogus(); found != "" {
				return found + ": " + w.summary(), nil
			}
			if w.done() {
				m.ends++
			}
			w.now++
			for i := range w.orders {
				w.orders[i].age++
			}
			stack = append(stack, w)
		}
	}
	return "", nil
}

// hour returns all worlds that one can be at the end of an hour.
func (m *model) hour(w *world) ([]*world, error) {
	begin := []*world{w}
	if m.event != nil && !w.happened {
		other := w.clone()
		other.happened = true
		if err := m.event(other); err == nil {
			begin = append(begin, other)
		} else if !errors.Is(err, rotate.ErrTooLate) && !errors.Is(err, rotate.ErrNothing) {
			return nil, err
		}
	}
	var out []*world
	for _, w := range begin {
		for _, w := range m.carryOut(w) {
			if !w.skipped {
				lazy := w.clone()
				lazy.skipped = true
				out = append(out, lazy)
			}
			w.skipped = false
			if err := w.step(); err != nil {
				return nil, err
			}
			if m.spoil != nil {
				m.spoil(w)
			}
			out = append(out, w)
			if prompt := w.clone(); prompt.carryOutNew() {
				out = append(out, prompt)
			}
		}
	}
	return out, nil
}

// carryOut returns a world for each set of orders that are carried out now.
func (m *model) carryOut(w *world) []*world {
	worlds := []*world{w.clone()}
	for i, o := range w.orders {
		if !o.pending {
			continue
		}
		for _, w := range worlds {
			if o.age < m.late {
				worlds = append(worlds, w.clone())
			}
			w.apply(i)
		}
	}
	return worlds
}

// carryOutNew carries out at once what was just ordered, and tells whether there was
// anything.
func (w *world) carryOutNew() bool {
	found := false
	for i, o := range w.orders {
		if o.pending && o.age == 0 {
			w.apply(i)
			found = true
		}
	}
	return found
}

// scenario is a procedure to explore.
type scenario struct {
	name   string
	policy func(*rotate.Policy)
	signed bool // it begins with a signed zone
	begin  func(*world) error
	event  func(*world) error
	ttl    func(*worldTTLs)
}

func rolls(r rotate.Roll) func(*world) error {
	return func(w *world) (err error) {
		w.state, err = w.state.Roll(r)
		return err
	}
}

func aborts(w *world) (err error) {
	w.state, err = w.state.Abort()
	return err
}

func asks(change func(*rotate.Policy)) func(*world) error {
	return func(w *world) error {
		change(&w.policy)
		return nil
	}
}

func csk(p *rotate.Policy)      { p.Scheme = rotate.SingleKey }
func split(p *rotate.Policy)    { p.Scheme = rotate.KSKZSK }
func doubleDS(p *rotate.Policy) { p.KSKMethod = rotate.DoubleDS }
func standby(p *rotate.Policy)  { p.StandbyKSK = 1 }
func ed25519(p *rotate.Policy)  { p.Algorithm = 15 }
func p256(p *rotate.Policy)     { p.Algorithm = 13 }
func insecure(p *rotate.Policy) { p.Insecure = true }
func secure(p *rotate.Policy)   { p.Insecure = false }
func asItIs(*rotate.Policy)     {}

var scenarios = []scenario{
	{name: "initial signing", policy: asItIs},
	{name: "initial signing with a CSK", policy: csk},
	{name: "ZSK pre-publish", policy: asItIs, signed: true, begin: rolls(rotate.Roll{Role: rotate.ZSK})},
	{name: "double-KSK", policy: asItIs, signed: true, begin: rolls(rotate.Roll{Role: rotate.KSK})},
	{name: "double-DS", policy: doubleDS, signed: true, begin: rolls(rotate.Roll{Role: rotate.KSK})},
	{name: "CSK", policy: csk, signed: true, begin: rolls(rotate.Roll{Role: rotate.CSK})},
	{name: "algorithm", policy: asItIs, signed: true, begin: asks(ed25519)},
	{name: "algorithm of a CSK", policy: csk, signed: true, begin: asks(ed25519)},
	{name: "two keys to one", policy: asItIs, signed: true, begin: asks(csk)},
	{name: "one key to two", policy: csk, signed: true, begin: asks(split)},
	{name: "standby takes over", policy: standby, signed: true, begin: rolls(rotate.Roll{Role: rotate.KSK, Emergency: true})},
	{name: "go insecure", policy: asItIs, signed: true, begin: asks(insecure)},
	{name: "ZSK aborted", policy: asItIs, signed: true, begin: rolls(rotate.Roll{Role: rotate.ZSK}), event: aborts},
	{name: "double-KSK aborted", policy: asItIs, signed: true, begin: rolls(rotate.Roll{Role: rotate.KSK}), event: aborts},
	{name: "double-DS aborted", policy: doubleDS, signed: true, begin: rolls(rotate.Roll{Role: rotate.KSK}), event: aborts},
	{name: "algorithm aborted", policy: csk, signed: true, begin: asks(ed25519), event: aborts},
	{name: "algorithm and back", policy: csk, signed: true, begin: asks(ed25519), event: asks(p256)},
	{name: "insecure and back", policy: asItIs, signed: true, begin: asks(insecure), event: asks(secure)},
	{name: "insecure amid a roll", policy: csk, signed: true, begin: rolls(rotate.Roll{Role: rotate.CSK}), event: asks(insecure)},
}

func (s scenario) start(t *testing.T) *world {
	t.Helper()
	p, ttl := policy(), ttls
	s.policy(&p)
	if s.ttl != nil {
		s.ttl(&ttl)
	}
	w := newWorld(p, ttl)
	if s.signed {
		w.run(t)
	}
	if s.begin != nil {
		require.NoError(t, s.begin(w))
	}
	return w
}

// TestModel explores every procedure, and finds no cache that is bogus.
func TestModel(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			m := model{late: 1, event: s.event}
			began := time.Now()
			found, err := m.explore(s.start(t))
			require.NoError(t, err)
			require.Empty(t, found)
			t.Log(fmt.Sprintf("%d worlds, %d ends", len(m.seen), m.ends), time.Since(began))
		})
	}
}
