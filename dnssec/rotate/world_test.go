package rotate_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// hour is the tick of the simulated world: everything happens on the hour.
const hour = time.Hour

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// keySet is a set of keys by their number in world.keys.
type keySet uint16

func (s keySet) has(i int) bool { return s&(1<<i) != 0 }

// keyRRset is a version of the DNSKEY RRset: its keys, and which of them sign it.
type keyRRset struct{ keys, signers keySet }

// worldTTLs are what the world really does, whatever the policy says; in hours.
type worldTTLs struct{ key, negative, zone, ds, zoneLag, parentLag int }

// rrsets is how many RRsets the zone has, each signed anew at a time of its own; servers
// how many name servers the parent has.
const rrsets, servers = 2, 2

// order is a change that is on its way, and for how many hours it has been.
type order struct {
	pending bool
	age     int
}

// world is a zone, its parent and all that resolvers may have cached of them.
type world struct {
	policy rotate.Policy
	state  rotate.State
	status rotate.Status
	ttl    worldTTLs
	now    int
	keys   []rotate.NewKey
	algs   []uint8

	dnskey, wantDNSKEY keyRRset
	sigs               [rrsets]keySet
	wantSigs           keySet
	ds                 [servers]keySet
	wantDS             keySet
	orders             [1 + rrsets + servers]order // DNSKEY, RRsets, parent's servers

	approved  bool            // for the next step
	blind     bool            // the parent cannot be asked
	confirmed map[string]bool // what a person says of it

	skipped  int  // for how many hours the manager did not look
	happened bool // the event of the model's has been

	// What may be in some cache, and until which hour.
	keyCache map[keyRRset]int
	sigCache [rrsets]map[keySet]int
	dsCache  map[keySet]int
}

func newWorld(p rotate.Policy, ttl worldTTLs) *world {
	w := &world{policy: p, ttl: ttl, keyCache: map[keyRRset]int{}, dsCache: map[keySet]int{}}
	for i := range w.sigCache {
		w.sigCache[i] = map[keySet]int{}
	}
	w.cache()
	return w
}

func (w *world) clone() *world {
	c := *w
	c.keys = slices.Clip(w.keys)
	c.algs = slices.Clip(w.algs)
	c.keyCache = live(w.keyCache, w.now)
	c.dsCache = live(w.dsCache, w.now)
	for i := range c.sigCache {
		c.sigCache[i] = live(w.sigCache[i], w.now)
	}
	return &c
}

func live[V comparable](cache map[V]int, now int) map[V]int {
	out := make(map[V]int, len(cache))
	for v, until := range cache {
		if until >= now {
			out[v] = until
		}
	}
	return out
}

func (w *world) time() time.Time { return epoch.Add(time.Duration(w.now) * hour) }

// facts are what can be seen at the zone's primary and at the parent's servers.
func (w *world) facts() rotate.Facts {
	zone := &rotate.ZoneFacts{
		Keys:   map[string]rotate.KeyFacts{},
		MaxTTL: time.Duration(w.ttl.zone) * hour, DNSKEYTTL: time.Duration(w.ttl.key) * hour, NegativeTTL: time.Duration(w.ttl.negative) * hour,
	}
	ds := &rotate.DSFacts{TTL: time.Duration(w.ttl.ds) * hour, Servers: make([]rotate.ServerDS, servers)}
	for i, key := range w.keys {
		signed := 0
		for _, set := range w.sigs {
			if set.has(i) {
				signed++
			}
		}
		zone.Keys[key.ID] = rotate.KeyFacts{
			DNSKEY: everywhere(w.dnskey.keys.has(i)), KRRSIG: everywhere(w.dnskey.signers.has(i)),
			ZRRSIG: []rotate.Presence{0: rotate.Nowhere, 1: rotate.Somewhere, rrsets: rotate.Everywhere}[signed],
		}
		for n := range ds.Servers {
			ds.Servers[n].Name, ds.Servers[n].Answered = fmt.Sprintf("ns%d", n), true
			if w.ds[n].has(i) {
				ds.Servers[n].DS = append(ds.Servers[n].DS, key.Digests...)
			}
		}
	}
	asked := func(k rotate.NewKey) bool {
		return slices.ContainsFunc(w.state.Pending, func(r rotate.Request) bool { return r.Number == k.Request })
	}
	var fresh []rotate.NewKey
	for _, k := range w.keys {
		if asked(k) {
			fresh = append(fresh, k)
		}
	}
	f := rotate.Facts{Zone: zone, DS: ds, NewKeys: fresh, ConfirmedDS: w.confirmed, Approved: w.approved}
	if w.blind {
		f.DS = nil
	}
	return f
}

func everywhere(yes bool) rotate.Presence {
	if yes {
		return rotate.Everywhere
	}
	return rotate.Nowhere
}

// step lets the manager work, and orders what it wants.
func (w *world) step() error {
	next, actions, status, err := rotate.Step(w.state, w.policy, w.facts(), w.time())
	if err != nil {
		return err
	}
	w.state, w.status = next, status
	for _, a := range actions {
		switch a := a.(type) {
		case rotate.GenerateKey:
			w.generate(a)
		case rotate.RejectKey:
			if a.Why != "it was not asked for" { // any more
				return fmt.Errorf("key %q was rejected: %s", a.ID, a.Why)
			}
		case rotate.SetDNSKEY:
			w.wantDNSKEY = keyRRset{w.set(a.Keys), w.set(a.SignedBy)}
		case rotate.SignZone:
			w.wantSigs = w.set(a.With)
		case rotate.SetDS:
			w.wantDS = 0
			for i, key := range w.keys {
				if len(key.Digests) > 0 && slices.Contains(a.Want, key.Digests[0]) {
					w.wantDS |= 1 << i
				}
			}
		}
	}
	w.reorder()
	return nil
}

// reorder notes what is on its way after the wishes changed.
func (w *world) reorder() {
	for i := range w.orders {
		if pending := w.differs(i); pending != w.orders[i].pending {
			w.orders[i] = order{pending: pending}
		}
	}
}

func (w *world) differs(i int) bool {
	switch {
	case i == 0:
		return w.dnskey != w.wantDNSKEY
	case i <= rrsets:
		return w.sigs[i-1] != w.wantSigs
	default:
		return w.ds[i-1-rrsets] != w.wantDS
	}
}

// apply carries an order out.
func (w *world) apply(i int) {
	switch {
	case i == 0:
		w.dnskey = w.wantDNSKEY
	case i <= rrsets:
		w.sigs[i-1] = w.wantSigs
	default:
		w.ds[i-1-rrsets] = w.wantDS
	}
	w.orders[i] = order{}
}

// generate makes a key. Tags are far apart.
func (w *world) generate(g rotate.GenerateKey) {
	if slices.ContainsFunc(w.keys, func(k rotate.NewKey) bool { return k.Request == g.Request }) {
		return
	}
	w.keys = append(w.keys, newKey(g, len(w.keys)))
	w.algs = append(w.algs, g.Algorithm)
}

func newKey(g rotate.GenerateKey, i int) rotate.NewKey {
	key := rotate.NewKey{Request: g.Request, ID: fmt.Sprintf("key%d", i), Tag: uint16(1000 * (i + 1))}
	if g.Role != rotate.ZSK {
		key.Digests = []rotate.DS{{
			Tag: key.Tag, Algorithm: g.Algorithm, DigestType: 2, Digest: strings.Repeat(fmt.Sprintf("%02x", i+1), 32),
		}}
	}
	return key
}

func (w *world) set(ids []string) keySet {
	var set keySet
	for i, key := range w.keys {
		if slices.Contains(ids, key.ID) {
			set |= 1 << i
		}
	}
	return set
}

// cache puts what is served into the caches: it may be served until the last server
// has followed, and be used until its TTL has run out.
func (w *world) cache() {
	keep := w.ttl.key
	if w.dnskey.keys == 0 {
		keep = w.ttl.negative
	}
	w.keyCache[w.dnskey] = max(w.keyCache[w.dnskey], w.now+w.ttl.zoneLag+keep)
	for i, set := range w.sigs {
		w.sigCache[i][set] = max(w.sigCache[i][set], w.now+w.ttl.zoneLag+w.ttl.zone)
	}
	for _, set := range w.ds {
		w.dsCache[set] = max(w.dsCache[set], w.now+w.ttl.parentLag+w.ttl.ds)
	}
}

// bogus returns what some resolver can have in its caches and find bogus; "" if
// there is nothing. It insists on all that the strictest validators do: each algorithm
// of the DS RRset has a chain, each of the DNSKEY RRset a signature (RFC 4035
// section 2.2).
func (w *world) bogus() string {
	for ds, until := range w.dsCache {
		if until < w.now || ds == 0 {
			continue
		}
		for keys, until := range w.keyCache {
			if until < w.now {
				continue
			}
			if !w.covers(ds, ds&keys.keys&keys.signers) {
				return fmt.Sprintf("hour %d: DS %b, DNSKEY %b signed by %b", w.now, ds, keys.keys, keys.signers)
			}
			for _, cache := range w.sigCache {
				for sigs, until := range cache {
					if until >= w.now && !w.covers(keys.keys, keys.keys&sigs) {
						return fmt.Sprintf("hour %d: DS %b, DNSKEY %b, RRSIG by %b", w.now, ds, keys.keys, sigs)
					}
				}
			}
		}
	}
	return ""
}

// covers tells whether each algorithm of all is one of good's.
func (w *world) covers(all, good keySet) bool {
	var need, have [16]bool
	for i, alg := range w.algs {
		need[alg] = need[alg] || all.has(i)
		have[alg] = have[alg] || good.has(i)
	}
	for alg := range need {
		if need[alg] && !have[alg] {
			return false
		}
	}
	return true
}

// done tells whether nothing is to be done or waited for.
func (w *world) done() bool {
	return len(w.state.Keys) > 0 && len(w.state.Pending) == 0 && len(w.status.Blockers) == 0 && !slices.ContainsFunc(w.orders[:], func(o order) bool { return o.pending })
}

// print is what tells this world from another: equal ones have the same future.
func (w *world) print() string {
	out := fmt.Appendf(nil, "%v%v%v%v%v%v%v%d", w.dnskey, w.wantDNSKEY, w.sigs, w.wantSigs, w.ds, w.wantDS, w.orders, len(w.keys))
	out = fmt.Append(out, w.ttl, w.policy.Algorithm, w.policy.Scheme, w.policy.Insecure, w.skipped, w.happened, w.state.Held, w.state.Insecure, w.state.Rolls, len(w.state.Pending))
	at := func(t time.Time) {
		if t.IsZero() {
			out = append(out, '-')
			return
		}
		out = binary.AppendVarint(out, max(int64(t.Sub(w.time())/hour), -40))
	}
	for i := range w.state.Keys {
		k := &w.state.Keys[i]
		out = append(append(out, k.ID...), byte(k.Use))
		for kind := rotate.DNSKEY; kind <= rotate.DSRecord; kind++ {
			rec := k.Record(kind)
			out = append(out, byte(rec.State))
			at(rec.Seen)
			at(rec.Until)
		}
	}
	for _, list := range [][]rotate.ServedTTL{w.state.TTLs.DNSKEY, w.state.TTLs.Zone, w.state.TTLs.DS} {
		for _, e := range list {
			out = binary.AppendVarint(out, int64(e.TTL/hour))
			at(e.Last)
		}
		out = append(out, ';')
	}
	out = appendCache(out, w.now, w.keyCache)
	out = appendCache(out, w.now, w.dsCache)
	for _, cache := range w.sigCache {
		out = appendCache(out, w.now, cache)
	}
	return string(out)
}

func appendCache[V comparable](out []byte, now int, cache map[V]int) []byte {
	var entries []string
	for v, until := range cache {
		if until >= now {
			entries = append(entries, fmt.Sprint(v, until-now))
		}
	}
	slices.Sort(entries)
	return append(append(out, strings.Join(entries, ",")...), ';')
}
