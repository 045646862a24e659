package manager_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/internal/memkv"
	"github.com/stretchr/testify/require"
)

const (
	origin = "example.org."
	hour   = time.Hour
	keyTTL = hour
	dsTTL  = 2 * hour
	maxTTL = 2 * hour
)

var errDead = errors.New("the process is dead")

// world is what survives a process: store, keys, zones, parent, and caches that have
// seen all that was published. A process dies at any operation that changes something.
type world struct {
	t     *testing.T
	store memkv.Store
	now   time.Time
	m     *manager.Manager

	mu                    sync.Mutex
	ops, dieAt            int
	after, dead           bool
	keys                  map[string]crypto.Signer // by label
	saved                 *dnssec.Zone
	published             []*dnssec.Zone
	ds                    []rotate.DS
	deaf                  bool  // the parent does nothing
	refuse                error // what it says to that
	observed              error
	vary                  bool                  // that error is never the same
	asked                 [][]rotate.DS         // DS to add, of each submission that has any
	see                   func(*rotate.DSFacts) // what the parent's servers really say
	served                func() (map[string]uint32, error)
	events                []manager.Event
	keyCache, sigCache, d map[string]time.Time // what may be cached, until when; zero is now served
}

func newWorld(t *testing.T) *world {
	w := &world{
		t: t, now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), keys: map[string]crypto.Signer{},
		keyCache: map[string]time.Time{}, sigCache: map[string]time.Time{}, d: map[string]time.Time{"": {}},
	}
	w.start()
	return w
}

// start is a new process.
func (w *world) start() {
	w.dead = false
	w.m = &manager.Manager{
		Keys: &dnssec.SignerKeys{Signers: signers{w}}, Store: diskStore{&w.store, w}, Zones: zones{w}, Publisher: w,
		Parent: func(string) manager.Parent { return parent{w} },
		Now:    func() time.Time { return w.now },
		Events: func(e manager.Event) { w.events = append(w.events, e) },
		Signer: dnssec.Signer{Workers: 1},
		PollDS: 30 * time.Minute,
	}
	if w.served != nil {
		w.m.Served = func(context.Context, string) (map[string]uint32, error) { return w.served() }
	}
}

// do is an operation that changes something, before or after which the process may die.
func (w *world) do(fn func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return errDead
	}
	w.ops++
	if w.ops == w.dieAt {
		if w.after {
			_ = fn()
		}
		w.dead = true
		return errDead
	}
	return fn()
}

func (w *world) read(fn func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return errDead
	}
	return fn()
}

type diskStore struct {
	*memkv.Store
	w *world
}

func (s diskStore) Put(ctx context.Context, key string, val []byte, rev int64) (out int64, err error) {
	err = s.w.do(func() error { out, err = s.Store.Put(ctx, key, val, rev); return err })
	return out, err
}

type signers struct{ w *world }

func (s signers) Generate(_ context.Context, label string, alg uint8, _ int) (key crypto.Signer, err error) {
	err = s.w.do(func() error {
		if s.w.keys[label] != nil {
			return fs.ErrExist
		}
		if alg == 15 {
			_, key, err = ed25519.GenerateKey(rand.Reader)
		} else {
			key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		}
		s.w.keys[label] = key
		return err
	})
	return key, err
}

func (s signers) Find(_ context.Context, label string) (key crypto.Signer, err error) {
	err = s.w.read(func() error {
		if key = s.w.keys[label]; key == nil {
			return fs.ErrNotExist
		}
		return nil
	})
	return key, err
}

func (s signers) List(_ context.Context, prefix string) (labels []string, err error) {
	err = s.w.read(func() error {
		for label := range s.w.keys {
			if strings.HasPrefix(label, prefix) {
				labels = append(labels, label)
			}
		}
		return nil
	})
	return labels, err
}

func (s signers) Remove(_ context.Context, label string) error {
	return s.w.do(func() error { delete(s.w.keys, label); return nil })
}

type zones struct{ w *world }

func (s zones) Load(context.Context, string) (z *dnssec.Zone, err error) {
	err = s.w.read(func() error {
		if z = s.w.saved; z == nil {
			return fs.ErrNotExist
		}
		return nil
	})
	return z, err
}

func (s zones) Save(_ context.Context, z *dnssec.Zone) error {
	return s.w.do(func() error { s.w.saved = z; return nil })
}

type parent struct{ w *world }

func (p parent) Submit(_ context.Context, _ string, add, remove []rotate.DS) error {
	return p.w.do(func() error {
		if len(add) > 0 {
			p.w.asked = append(p.w.asked, add)
		}
		if p.w.refuse != nil {
			return p.w.refuse
		}
		if p.w.deaf {
			return nil
		}
		ds := slices.DeleteFunc(slices.Clone(p.w.ds), func(d rotate.DS) bool { return slices.Contains(remove, d) })
		for _, d := range add {
			if !slices.Contains(ds, d) {
				ds = append(ds, d)
			}
		}
		p.w.setDS(ds)
		return nil
	})
}

func (p parent) Observe(context.Context, string) (f rotate.DSFacts, err error) {
	err = p.w.read(func() error {
		f = rotate.DSFacts{TTL: dsTTL, Servers: []rotate.ServerDS{
			{Name: "ns1", Answered: true, DS: p.w.ds}, {Name: "ns2", Answered: true, DS: p.w.ds},
		}}
		if p.w.see != nil {
			p.w.see(&f)
		}
		if p.w.vary {
			return fmt.Errorf("%w at %v", p.w.observed, p.w.now)
		}
		return p.w.observed
	})
	return f, err
}

// setDS is a new DS RRset. Its caches keep what there was.
func (w *world) setDS(ds []rotate.DS) {
	w.ds = ds
	w.serve(w.d, strings.Fields(ids(ds)), dsTTL)
	w.validate()
}

// ids are DS records as caches have them here.
func ids(ds []rotate.DS) string {
	var ids []string
	for _, d := range ds {
		ids = append(ids, fmt.Sprintf("%d/%d", d.Algorithm, d.Tag))
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// serve puts what is served now in the place of what was.
func (w *world) serve(cache map[string]time.Time, ids []string, ttl time.Duration) {
	slices.Sort(ids)
	next := strings.Join(slices.Compact(ids), " ")
	for v, until := range cache {
		if until.IsZero() && v != next {
			cache[v] = w.now.Add(ttl)
		} else if !until.IsZero() && until.Before(w.now) {
			delete(cache, v)
		}
	}
	cache[next] = time.Time{}
}

// Publish takes what a name server would, and asks a validator.
func (w *world) Publish(_ context.Context, z *dnssec.Zone) error {
	return w.do(func() error {
		if n := len(w.published); n > 0 && w.published[n-1].Serial() != z.Serial() {
			require.Positive(w.t, int32(z.Serial()-w.published[n-1].Serial()), "the serial goes back")
		}
		if n := len(w.published); n > 0 && w.published[n-1] == z {
			w.published = append(w.published, z) // again, by a new process
			return nil
		}
		w.published = append(w.published, z)
		apex := z.Origin()
		signedBy := map[string]int{}
		sets, signed := 0, false
		var keys, signs, all []string
		for _, rr := range z.RRset(apex, dns.TypeDNSKEY) {
			k := rr.(*dns.DNSKEY)
			keys = append(keys, fmt.Sprintf("%d/%d", k.Algorithm, k.KeyTag()))
			w.requireKey(k)
		}
		covered := map[string]bool{}
		for rr := range z.All() {
			sig, ok := rr.(*dns.RRSIG)
			if !ok {
				continue
			}
			signed = true
			id := fmt.Sprintf("%d/%d", sig.Algorithm, sig.KeyTag)
			switch sig.TypeCovered {
			case dns.TypeDNSKEY:
				signs = append(signs, id)
			case dns.TypeCDS, dns.TypeCDNSKEY:
			default:
				signedBy[id]++
				if set := fmt.Sprint(sig.Hdr.Name, sig.TypeCovered); !covered[set] {
					covered[set] = true
					sets++
				}
			}
		}
		for id, n := range signedBy {
			if n == sets {
				all = append(all, id)
			}
		}
		if signed {
			var own []*dns.DNSKEY
			for _, k := range w.list() {
				own = append(own, k.DNSKEY(0))
			}
			require.NoError(w.t, dnssec.Verify(context.Background(), z, dnssec.VerifyOptions{At: w.now, Workers: 1, Unpublished: own}))
		}
		slices.Sort(signs)
		pairs := []string{}
		if len(keys) > 0 {
			pairs = append(keys, "|"+strings.Join(slices.Compact(signs), "|"))
		}
		w.serve(w.keyCache, pairs, keyTTL)
		w.serve(w.sigCache, all, maxTTL)
		w.validate()
		return nil
	})
}

func (w *world) list() []*dnssec.Key {
	keys, err := (&dnssec.SignerKeys{Signers: raw{w}}).List(context.Background(), name(w.t))
	require.NoError(w.t, err)
	return keys
}

// raw is the keys without the process.
type raw struct{ w *world }

func (r raw) Generate(context.Context, string, uint8, int) (crypto.Signer, error) {
	return nil, errors.ErrUnsupported
}
func (r raw) Remove(context.Context, string) error { return errors.ErrUnsupported }
func (r raw) Find(_ context.Context, label string) (crypto.Signer, error) {
	return r.w.keys[label], nil
}
func (r raw) List(context.Context, string) ([]string, error) {
	return slices.Collect(maps.Keys(r.w.keys)), nil
}

func (w *world) requireKey(k *dns.DNSKEY) {
	require.True(w.t, slices.ContainsFunc(w.list(), func(own *dnssec.Key) bool {
		return own.DNSKEY(0).PublicKey == k.PublicKey
	}), "a lost key is published")
}

func name(t *testing.T) dnssec.Name {
	n, err := dnssec.ParseName(origin)
	require.NoError(t, err)
	return n
}

// validate finds what some resolver can have in its caches and find bogus.
func (w *world) validate() {
	live := func(cache map[string]time.Time) (out []string) {
		for v, until := range cache {
			if until.IsZero() || until.After(w.now) {
				out = append(out, v)
			}
		}
		return out
	}
	for _, ds := range live(w.d) {
		if ds == "" {
			continue
		}
		for _, key := range live(w.keyCache) {
			keys, signs := split(key)
			require.True(w.t, covers(strings.Fields(ds), meet(strings.Fields(ds), meet(keys, signs))),
				"DS %q, DNSKEY %q at %v", ds, key, w.now)
			for _, sigs := range live(w.sigCache) {
				require.True(w.t, covers(keys, meet(keys, strings.Fields(sigs))), "DS %q, DNSKEY %q, RRSIG %q at %v", ds, key, sigs, w.now)
			}
		}
	}
}

func split(v string) (keys, signs []string) {
	for f := range strings.FieldsSeq(v) {
		if strings.HasPrefix(f, "|") {
			signs = strings.Split(f[1:], "|")
		} else {
			keys = append(keys, f)
		}
	}
	return keys, signs
}

func meet(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

// covers says whether each algorithm of all is one of good's.
func covers(all, good []string) bool {
	alg := func(s string) string { a, _, _ := strings.Cut(s, "/"); return a }
	return len(good) > 0 && !slices.ContainsFunc(all, func(s string) bool {
		return !slices.ContainsFunc(good, func(g string) bool { return alg(g) == alg(s) })
	})
}

func policy() manager.Policy {
	return manager.Policy{Policy: rotate.Policy{
		DNSKEYTTL: keyTTL, NegativeTTL: hour, MaxZoneTTL: maxTTL, DSTTL: dsTTL,
		ZonePropagation: -1, ParentPropagation: -1, PublishSafety: -1, RetireSafety: -1, SignInterval: hour,
	}}
}

func contents(t *testing.T, serial int, more string) *dnssec.Zone {
	z, err := dnssec.ParseZone(strings.NewReader(fmt.Sprintf(`
@ 3600 SOA ns hostmaster %d 7200 3600 1209600 3600
@ 7200 NS ns
ns 7200 A 192.0.2.1
*.w 3600 TXT wild
d 3600 NS ns.d
ns.d 3600 A 192.0.2.2
`+more, serial)), origin, dnssec.Options{})
	require.NoError(t, err)
	return z
}

// pass lets time go on.
func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(30 * time.Minute)
		_, _ = w.m.TickDue(w.t.Context())
	}
}

func (w *world) status() manager.Status {
	st, err := w.m.Status(w.t.Context(), origin)
	require.NoError(w.t, err)
	return st
}

// until lets time go on until a phase is reached and nothing is waited for.
func (w *world) until(phase string) manager.Status {
	w.t.Helper()
	for range 600 {
		st, err := w.m.Status(w.t.Context(), origin)
		if err == nil && st.Phase == phase && len(st.Blockers) == 0 && st.Problem == nil {
			return st
		}
		w.now = w.now.Add(max(st.NextTick.Sub(w.now), time.Minute))
		_, _ = w.m.TickDue(w.t.Context())
		if w.dead {
			w.resume()
		}
	}
	w.t.Fatalf("not %q: %v", phase, w.status())
	return manager.Status{}
}

// resume is a process after one that died.
func (w *world) resume() {
	w.start()
	_ = w.m.Tick(w.t.Context(), origin)
	if w.dead {
		w.resume()
	}
}

func signed(t *testing.T, p manager.Policy) *world {
	w := newWorld(t)
	require.NoError(t, w.m.SetZone(t.Context(), contents(t, 1, "")))
	require.NoError(t, w.m.Enable(t.Context(), origin, p))
	w.until("signed")
	return w
}

// clone is a world of its own that is as this one, with a new process that has the
// contents of the zone.
func (w *world) clone(t *testing.T) *world {
	c := newWorld(t)
	c.now, c.keys, c.saved, c.published, c.ds = w.now, maps.Clone(w.keys), w.saved, slices.Clip(w.published), w.ds
	c.keyCache, c.sigCache, c.d = maps.Clone(w.keyCache), maps.Clone(w.sigCache), maps.Clone(w.d)
	require.NoError(t, w.store.List(t.Context(), "", func(key string, val []byte, _ int64) error {
		_, err := c.store.Put(t.Context(), key, val, 0)
		return err
	}))
	require.NoError(t, c.m.SetZone(t.Context(), contents(t, 1, "")))
	c.ops = 0
	return c
}
