package manager_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/internal/memkv"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

// successor is a world with the keys, zone, parent and caches of another, and a manager that
// knows nothing.
func (w *world) successor(t *testing.T) *world {
	n := newWorld(t)
	n.now, n.keys, n.ds = w.now, maps.Clone(w.keys), w.ds
	n.keyCache, n.sigCache, n.d = maps.Clone(w.keyCache), maps.Clone(w.sigCache), maps.Clone(w.d)
	return n
}

// A zone is taken over at rest: the same keys, serial, signatures and DS.
func TestAdopt(t *testing.T) {
	for name, fn := range map[string]func(*manager.Policy){"KSK and ZSK": func(*manager.Policy) {}, "CSK": csk,
		"Ed25519": func(p *manager.Policy) { p.Algorithm = 15 }, "SHA-384": func(p *manager.Policy) { p.Digests = []dnssec.Digest{dnssec.SHA384} }} {
		t.Run(name, func(t *testing.T) {
			p := policy()
			fn(&p)
			old := signed(t, p)
			w := old.successor(t)
			p.Algorithm, p.Digests = 0, nil // both are those of the keys
			require.NoError(t, w.m.Adopt(t.Context(), old.saved, p))
			require.Same(t, old.saved, w.published[0])
			require.NotEqual(t, "signed", w.status().Phase, "nothing is known for certain yet")
			st := w.until("signed")
			require.Len(t, w.published, 1)
			require.Equal(t, old.saved.Serial(), st.Serial)
			require.Equal(t, old.keys, w.keys)
			require.Equal(t, old.ds, w.ds)
			require.Empty(t, w.asked)
			for _, k := range st.Keys {
				require.Equal(t, rotate.Active, k.Use)
			}
			require.ErrorIs(t, w.m.Adopt(t.Context(), old.saved, p), fs.ErrExist)

			role := rotate.KSK
			if p.Scheme == rotate.SingleKey {
				role = rotate.CSK
			}
			require.NoError(t, w.m.Roll(t.Context(), origin, rotate.Roll{Role: role}))
			w.until("signed")
			require.NotEqual(t, old.ds, w.ds)
			require.NoError(t, w.m.Disable(t.Context(), origin))
			require.Empty(t, w.until("unsigned").Keys)
			require.Empty(t, w.saved.RRset(w.saved.Origin(), dns.TypeRRSIG))
		})
	}
}

// A zone is taken over at each hour of each procedure: it is refused, or it ends signed
// and no cache ever finds it bogus.
func TestAdoptInMidRoll(t *testing.T) {
	taken, refused := 0, 0
	for _, tt := range procedures {
		if tt.begin == nil {
			continue
		}
		p := policy()
		if tt.policy != nil {
			tt.policy(&p)
		}
		old := signed(t, p)
		require.NoError(t, tt.begin(t, old))
		for h := range 12 {
			if raceDetector && h%3 != 0 { // it takes long
				old.pass(hour)
				continue
			}
			where := fmt.Sprintf("%s, hour %d", tt.name, h)
			w := old.successor(t)
			scheme := p
			if tt.name == "KSK and ZSK to CSK" && h > 6 {
				csk(&scheme)
			}
			err := w.m.Adopt(t.Context(), old.saved, scheme)
			if err == nil {
				w.until("signed")
				require.Equal(t, w.saved.Serial(), w.status().Serial, where)
				taken++
			} else {
				require.ErrorIs(t, err, manager.ErrAdopt, where)
				require.Empty(t, w.published, where)
				_, err := w.m.Status(t.Context(), origin)
				require.ErrorIs(t, err, fs.ErrNotExist, where)
				refused++
			}
			old.pass(hour)
		}
	}
	require.Greater(t, taken, 12)
	require.Greater(t, refused, 1)
}

// What cannot be taken over is refused, and nothing is done.
func TestAdoptRefuses(t *testing.T) {
	old := signed(t, policy())
	for name, tt := range map[string]struct {
		change func(w *world, p *manager.Policy)
		err    error
	}{
		"no key":   {func(w *world, _ *manager.Policy) { w.keys = map[string]crypto.Signer{} }, manager.ErrKey},
		"other DS": {func(w *world, _ *manager.Policy) { w.ds = []rotate.DS{{Tag: 7, Algorithm: 13, DigestType: 2}} }, manager.ErrForeignDS},
		"same tag": {func(w *world, _ *manager.Policy) {
			d := w.ds[0]
			d.Digest = strings.Repeat("00", 32)
			w.ds = []rotate.DS{d}
		}, manager.ErrForeignDS},
		"scheme":    {func(_ *world, p *manager.Policy) { csk(p) }, manager.ErrAdopt},
		"algorithm": {func(_ *world, p *manager.Policy) { p.Algorithm = 15 }, manager.ErrAdopt},
		"policy":    {func(_ *world, p *manager.Policy) { p.Algorithm = 5 }, rotate.ErrPolicy},
		"expired":   {func(w *world, _ *manager.Policy) { w.now = w.now.AddDate(1, 0, 0) }, manager.ErrAdopt},
		"old serial": {func(w *world, _ *manager.Policy) {
			w.ds, w.d, w.keyCache, w.sigCache = nil, map[string]time.Time{"": {}}, map[string]time.Time{}, map[string]time.Time{}
			_ = w.m.SetZone(context.Background(), contents(t, 90, ""))
		}, manager.ErrAdopt},
	} {
		t.Run(name, func(t *testing.T) {
			w := old.successor(t)
			p := policy()
			tt.change(w, &p)
			n := len(w.published)
			require.ErrorIs(t, w.m.Adopt(t.Context(), old.saved, p), tt.err)
			require.Len(t, w.published, n)
			st, err := w.m.Status(t.Context(), origin)
			require.True(t, errors.Is(err, fs.ErrNotExist) || !st.Enabled)
		})
	}
}

// A process that dies in the middle of it has adopted the zone or not.
func TestAdoptDies(t *testing.T) {
	old := signed(t, policy())
	for n := 1; ; n++ {
		died := false
		for _, after := range []bool{false, true} {
			w := old.successor(t)
			w.dieAt, w.after = n, after
			err := w.m.Adopt(t.Context(), old.saved, policy())
			if died = died || w.dead; w.dead {
				w.start()
				if err = w.m.Adopt(t.Context(), old.saved, policy()); errors.Is(err, fs.ErrExist) {
					err = w.m.SetZone(t.Context(), contents(t, 1, ""))
				}
			}
			require.NoError(t, err)
			w.until("signed")
			require.Equal(t, old.keys, w.keys)
		}
		if !died {
			require.Greater(t, n, 3)
			return
		}
	}
}

// Nobody can be asked for the DS: a person has to say that it is there.
func TestAdoptBlind(t *testing.T) {
	old := signed(t, policy())
	w := old.successor(t)
	w.observed = errors.New("no route")
	require.NoError(t, w.m.Adopt(t.Context(), old.saved, policy()))
	w.pass(24 * hour)
	st := w.status()
	require.NotEqual(t, "signed", st.Phase)
	require.Len(t, st.Changes, 1)
	require.NoError(t, w.m.ConfirmDS(t.Context(), origin, st.Changes[0].DS.Tag, true))
	w.until("signed")
	require.Len(t, w.keys, 2)
}

// valid is a publisher that takes valid zones only.
type valid struct {
	t    *testing.T
	now  *time.Time
	ds   *good
	last *dnssec.Zone
}

func (v *valid) Publish(ctx context.Context, z *dnssec.Zone) error {
	facts, err := v.ds.Observe(ctx, z.Origin().String())
	require.NoError(v.t, err)
	var trust []*dns.DS
	for _, d := range facts.Servers[0].DS {
		trust = append(trust, &dns.DS{Hdr: dns.RR_Header{Name: z.Origin().String(), Rrtype: dns.TypeDS, Class: dns.ClassINET},
			KeyTag: d.Tag, Algorithm: d.Algorithm, DigestType: d.DigestType, Digest: d.Digest})
	}
	require.NoError(v.t, dnssec.Verify(ctx, z, dnssec.VerifyOptions{At: *v.now, DS: trust}))
	v.last = z
	return nil
}

// BIND's tools sign a zone by keys of theirs, which is then taken over from their files.
func TestAdoptFromBIND(t *testing.T) {
	keygen, signzone := peer.Look(t, "dnssec-keygen"), peer.Look(t, "dnssec-signzone")
	run := func(dir, program string, args ...string) {
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	for title, tt := range map[string]struct {
		keys   [][]string
		sign   []string
		scheme rotate.Scheme
	}{
		"KSK and ZSK":          {keys: [][]string{{"-a", "13", "-f", "KSK"}, {"-a", "13"}}},
		"RSA, keys by KSK":     {keys: [][]string{{"-a", "8", "-b", "2048", "-f", "KSK"}, {"-a", "8", "-b", "2048"}}, sign: []string{"-x"}},
		"dnssec-policy's, CSK": {keys: [][]string{{"-k", "default"}}, sign: []string{"-z"}, scheme: rotate.SingleKey},
		"NSEC3":                {keys: [][]string{{"-a", "15", "-f", "KSK"}, {"-a", "15"}}, sign: []string{"-3", "-", "-H", "0"}},
		"a key for later":      {keys: [][]string{{"-a", "13", "-f", "KSK"}, {"-a", "13"}, {"-a", "13", "-P", "+30d", "-A", "+60d"}}},
		"a published key":      {keys: [][]string{{"-a", "13", "-f", "KSK"}, {"-a", "13"}, {"-a", "13", "-P", "now", "-A", "+60d"}}},
	} {
		t.Run(title, func(t *testing.T) {
			dir := t.TempDir()
			for _, args := range tt.keys {
				run(dir, keygen, append(args, "example.org")...)
			}
			file := filepath.Join(dir, "zone")
			require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(strings.TrimSpace(`
@ 300 SOA ns hostmaster 7 7200 3600 1209600 300
@ 300 NS ns
ns 300 A 192.0.2.1
*.w 300 TXT wild
d 300 NS ns.d
ns.d 300 A 192.0.2.2
`), "\t", "")+"\n"), 0o600))
			run(dir, signzone, append(append([]string{"-S", "-o", "example.org"}, tt.sign...), "zone")...)
			data, err := os.Open(file + ".signed")
			require.NoError(t, err)
			zone, err := dnssec.ParseZone(data, origin, dnssec.Options{})
			require.NoError(t, errors.Join(err, data.Close()))

			store := dnssec.KeyFiles{Path: dir}
			keys, err := store.List(t.Context(), name(t))
			require.NoError(t, err)
			require.Len(t, keys, len(tt.keys))
			ds := &good{ds: map[string][]rotate.DS{}}
			for _, k := range keys {
				if k.SEP() {
					d, err := k.DS(dnssec.SHA256, 0)
					require.NoError(t, err)
					ds.ds[origin] = append(ds.ds[origin], rotate.DS{Tag: d.KeyTag, Algorithm: d.Algorithm, DigestType: d.DigestType, Digest: d.Digest})
				}
			}
			before := slices.Clone(ds.ds[origin])
			now := time.Now()
			out := &valid{t: t, now: &now, ds: ds}
			p := policy()
			p.Scheme = tt.scheme
			if len(zone.RRset(zone.Origin(), dns.TypeNSEC3PARAM)) > 0 {
				p.Denial = dnssec.NSEC3
			}
			m := &manager.Manager{
				Keys: store, Store: &memkv.Store{}, Zones: manager.ZoneFiles{Path: t.TempDir()}, Publisher: out,
				Parent: func(string) manager.Parent { return ds }, Now: func() time.Time { return now },
			}
			require.NoError(t, m.Adopt(t.Context(), zone, p))
			for range 48 {
				now = now.Add(30 * time.Minute)
				require.NoError(t, m.Tick(t.Context(), origin))
			}
			st, err := m.Status(t.Context(), origin)
			require.NoError(t, err)
			require.Equal(t, "signed", st.Phase, st)
			require.Equal(t, before, ds.ds[origin])
			require.LessOrEqual(t, st.Serial, uint32(9), "CDS are new, keys that sign nothing go")
			sig := func(z *dnssec.Zone) string {
				return z.RRset(mustName(t, "ns."+origin), dns.TypeRRSIG)[0].(*dns.RRSIG).Signature
			}
			require.Equal(t, sig(zone), sig(out.last), "signatures are used on")
			left, err := store.List(t.Context(), name(t))
			require.NoError(t, err)
			later := 0
			if strings.HasPrefix(title, "a published") {
				later = 1
			}
			require.Len(t, left, len(keys)-later, "%v", st)
			require.Len(t, out.last.RRset(zone.Origin(), dns.TypeDNSKEY), len(st.Keys))
		})
	}
}
