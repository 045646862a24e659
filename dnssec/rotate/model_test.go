package rotate_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

// model explores all that can happen to a world, hour by hour: each order is carried
// out at once or late, RRsets are signed anew in any order, each name server of
// the parent follows when it likes, the manager looks or does not. What can be cached is
// not explored but kept: a world knows every RRset that some cache can hold.
type model struct {
	late  int                // hours by which an order may be late
	idle  int                // hours for which the manager may not look
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
				if w.orders[i].pending {
					w.orders[i].age++
				}
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
			if w.skipped < m.idle {
				lazy := w.clone()
				lazy.skipped++
				out = append(out, lazy)
			}
			w.skipped = 0
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
	large  bool // orders come within 3 hours, not 4
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
	{name: "both keys", policy: asItIs, signed: true, begin: func(w *world) error {
		return errors.Join(rolls(rotate.Roll{Role: rotate.KSK})(w), rolls(rotate.Roll{Role: rotate.ZSK})(w))
	}},
	{name: "two keys to one", policy: asItIs, signed: true, begin: asks(csk)},
	{name: "one key to two", policy: csk, signed: true, begin: asks(split)},
	{name: "standby takes over", policy: standby, signed: true, begin: rolls(rotate.Roll{Role: rotate.KSK, Emergency: true})},
	{name: "go insecure", policy: asItIs, signed: true, begin: asks(insecure)},
	{name: "ZSK aborted", policy: asItIs, signed: true, begin: rolls(rotate.Roll{Role: rotate.ZSK}), event: aborts},
	{name: "double-KSK aborted", policy: asItIs, signed: true, begin: rolls(rotate.Roll{Role: rotate.KSK}), event: aborts},
	{name: "double-DS aborted", policy: doubleDS, signed: true, begin: rolls(rotate.Roll{Role: rotate.KSK}), event: aborts},
	{name: "algorithm aborted", policy: csk, signed: true, begin: asks(ed25519), event: aborts},
	{name: "algorithm and back", policy: csk, signed: true, begin: asks(ed25519), event: asks(p256)},
	{name: "algorithm of two keys aborted", policy: asItIs, signed: true, begin: asks(ed25519), event: aborts},
	{name: "two keys to one aborted", policy: asItIs, signed: true, begin: asks(csk), event: aborts},
	{name: "method changes", policy: asItIs, signed: true, begin: rolls(rotate.Roll{Role: rotate.KSK}), event: asks(doubleDS)},
	{name: "scheme amid an algorithm", policy: asItIs, signed: true, begin: asks(ed25519), event: asks(csk), large: true},
	{name: "insecure and back", policy: asItIs, signed: true, begin: asks(insecure), event: asks(secure), large: true},
	lowered("ZSK, TTLs lowered", rolls(rotate.Roll{Role: rotate.ZSK})),
	lowered("KSK, TTLs lowered", rolls(rotate.Roll{Role: rotate.KSK})),
	raised("CSK, TTLs raised", csk, rolls(rotate.Roll{Role: rotate.CSK})),
	raised("double-DS, TTLs raised", doubleDS, rolls(rotate.Roll{Role: rotate.KSK})),
	{name: "insecure amid a roll", policy: csk, signed: true, begin: rolls(rotate.Roll{Role: rotate.CSK}), event: asks(insecure), large: true},
}

// lowered is a roll during which, at any hour, all TTLs become shorter, in the world and
// in the policy. What was served with the old ones is in caches for as long as it said.
func lowered(name string, begin func(*world) error) scenario {
	return scenario{
		name: name, signed: true, begin: begin,
		policy: func(p *rotate.Policy) { p.DNSKEYTTL, p.MaxZoneTTL, p.DSTTL = 4*hour, 4*hour, 4*hour },
		ttl:    func(ttl *worldTTLs) { ttl.key, ttl.zone, ttl.ds = 4, 4, 4 },
		event: func(w *world) error {
			w.ttl.key, w.ttl.zone, w.ttl.ds = 1, 1, 1
			w.policy.DNSKEYTTL, w.policy.MaxZoneTTL, w.policy.DSTTL = hour, hour, hour
			return nil
		},
	}
}

// raised is a roll during which all TTLs become longer in the world, and the policy does
// not know.
func raised(name string, p func(*rotate.Policy), begin func(*world) error) scenario {
	return scenario{name: name, signed: true, begin: begin, policy: p, large: true, event: func(w *world) error {
		w.ttl.key, w.ttl.zone, w.ttl.ds = 4, 4, 4
		return nil
	}}
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
			m := model{late: 4, idle: 2, event: s.event}
			if s.large {
				m.late, m.idle = 3, 1
			}
			found, err := m.explore(s.start(t))
			require.NoError(t, err)
			require.Empty(t, found)
			t.Logf("%d worlds, %d ends", len(m.seen), m.ends)
		})
	}
}

// shorten lets a wait for records of these kinds in that state end an hour early.
func shorten(state rotate.RecordState, kinds ...rotate.Kind) func(*world) {
	return func(w *world) {
		for i := range w.state.Keys {
			for _, kind := range kinds {
				if rec := w.state.Keys[i].Record(kind); rec.State == state && rec.Seen.Equal(w.time()) {
					rec.Seen, rec.Until = rec.Seen.Add(-hour), rec.Until.Add(-hour)
				}
			}
		}
	}
}

// forget loses which TTLs were served.
func forget(w *world) { w.state.TTLs = rotate.TTLs{} }

// TestModelNotices breaks each wait on purpose, and the model finds it. The one that is
// not here, for signatures that were withdrawn, cannot be broken: until the new
// ones are everywhere the rules keep the old ones from being forgotten.
func TestModelNotices(t *testing.T) {
	for _, tt := range []struct {
		name     string
		scenario string
		policy   func(*rotate.Policy)
		spoil    func(*world)
	}{
		{"DNSKEY of a ZSK published", "ZSK pre-publish", nil, shorten(rotate.Rumoured, rotate.DNSKEY)},
		{"DNSKEY of a KSK published", "double-KSK", nil, shorten(rotate.Rumoured, rotate.DNSKEY, rotate.KRRSIG)},
		{"DNSKEY of a KSK swapped", "double-DS", nil, shorten(rotate.Rumoured, rotate.DNSKEY, rotate.KRRSIG)},
		{"DNSKEY of a CSK published", "CSK", nil, shorten(rotate.Rumoured, rotate.DNSKEY, rotate.KRRSIG)},
		{"first DNSKEY published", "initial signing", nil, shorten(rotate.Rumoured, rotate.DNSKEY, rotate.KRRSIG)},
		{"DNSKEY of an algorithm withdrawn", "algorithm of a CSK", nil, shorten(rotate.Unretentive, rotate.DNSKEY, rotate.KRRSIG)},
		{"signatures of an algorithm published", "algorithm of a CSK", nil, shorten(rotate.Rumoured, rotate.ZRRSIG)},
		{"signatures of a ZSK published", "ZSK pre-publish", nil, shorten(rotate.Rumoured, rotate.ZRRSIG)},
		{"DS published", "double-DS", nil, shorten(rotate.Rumoured, rotate.DSRecord)},
		{"DS withdrawn", "double-KSK", nil, shorten(rotate.Unretentive, rotate.DSRecord)},
		{"DS withdrawn for good", "go insecure", nil, shorten(rotate.Unretentive, rotate.DSRecord)},
		{"zone's servers", "ZSK pre-publish", func(p *rotate.Policy) { p.ZonePropagation = -1 }, nil},
		{"parent's servers", "double-KSK", func(p *rotate.Policy) { p.ParentPropagation = -1 }, nil},
		{"memory of the zone's TTLs", "ZSK, TTLs lowered", nil, forget},
		{"memory of the parent's TTL", "KSK, TTLs lowered", nil, forget},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == tt.scenario })
			w := scenarios[i].start(t)
			if tt.policy != nil {
				tt.policy(&w.policy)
			}
			m := model{late: 4, idle: 2, event: scenarios[i].event, spoil: tt.spoil}
			found, err := m.explore(w)
			require.NoError(t, err)
			require.NotEmpty(t, found, "%d worlds", len(m.seen))
			t.Log(found)
		})
	}
}
