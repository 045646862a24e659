package manager_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

// A zone is edited while its keys roll, its TTLs are raised and lowered again, and each
// publication has the next serial.
func TestEditInMidRoll(t *testing.T) {
	for _, tt := range procedures {
		if tt.begin == nil {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			p := policy()
			if tt.policy != nil {
				tt.policy(&p)
			}
			w := signed(t, p)
			require.NoError(t, tt.begin(t, w))
			for i := range 40 {
				before := len(w.published)
				ttl := 300
				if i == 3 {
					ttl = 7200
				}
				require.NoError(t, w.m.SetZone(t.Context(), contents(t, 100+i, fmt.Sprintf("edit%d %d A 192.0.2.7\n", i, ttl))))
				require.Greater(t, len(w.published), before)
				w.pass(hour)
			}
			st := w.until(tt.phase)
			require.Len(t, w.keys, tt.keys)
			require.Len(t, w.saved.RRset(mustName(t, "edit39."+origin), dns.TypeA), 1)
			require.Equal(t, st.Serial, w.saved.Serial())
		})
	}
}

// The policy changes in the middle of a roll, at each hour of it.
func TestPolicyInMidRoll(t *testing.T) {
	for name, fn := range map[string]func(*manager.Policy){
		"algorithm": func(p *manager.Policy) { p.Algorithm = 15 },
		"scheme":    csk,
		"denial":    func(p *manager.Policy) { p.Denial = dnssec.NSEC3 },
		"standby":   func(p *manager.Policy) { p.StandbyKSK = 1 },
		"insecure":  func(p *manager.Policy) { p.Insecure = true },
	} {
		t.Run(name, func(t *testing.T) {
			for h := range 8 {
				w := signed(t, policy())
				require.NoError(t, w.m.Roll(t.Context(), origin, rotate.Roll{Role: rotate.KSK}))
				w.pass(time.Duration(h) * hour)
				p := policy()
				fn(&p)
				require.NoError(t, w.m.Enable(t.Context(), origin, p))
				if p.Insecure {
					require.Empty(t, w.until("unsigned").Keys)
					continue
				}
				st := w.until("signed")
				for _, k := range st.Keys {
					require.Equal(t, max(p.Algorithm, 13), k.Algorithm)
				}
				require.Equal(t, p.Denial == dnssec.NSEC3, len(w.saved.RRset(w.saved.Origin(), dns.TypeNSEC3PARAM)) > 0)
			}
		})
	}
}

func TestAbort(t *testing.T) {
	w := signed(t, policy())
	require.ErrorIs(t, w.m.Abort(t.Context(), origin), rotate.ErrNothing)
	before := maps.Clone(w.keys)
	require.NoError(t, w.m.Roll(t.Context(), origin, rotate.Roll{Role: rotate.KSK}))
	require.Len(t, w.keys, 3)
	require.NoError(t, w.m.Abort(t.Context(), origin))
	w.pass(24 * hour)
	require.Equal(t, before, w.keys)
	require.Contains(t, w.status().String(), "resume when it may")
	require.NoError(t, w.m.Resume(t.Context(), origin))
	w.until("signed")

	require.NoError(t, w.m.Roll(t.Context(), origin, rotate.Roll{Role: rotate.KSK}))
	w.pass(2 * hour)
	require.ErrorIs(t, w.m.Abort(t.Context(), origin), rotate.ErrTooLate)
	w.until("signed")
}

func TestManual(t *testing.T) {
	w := newWorld(t)
	p := policy()
	p.Manual = true
	require.NoError(t, w.m.SetZone(t.Context(), contents(t, 1, "")))
	require.NoError(t, w.m.Enable(t.Context(), origin, p))
	w.pass(24 * hour)
	require.Empty(t, w.keys)
	require.Contains(t, w.status().String(), "a new KSK of algorithm 13 is to be generated, but it waits for approval")
	require.NoError(t, w.m.Approve(t.Context(), origin))
	require.Len(t, w.keys, 2)
	require.NotEmpty(t, w.saved.RRset(w.saved.Origin(), dns.TypeDNSKEY))
	w.pass(24 * hour)
	require.Empty(t, w.ds)
	require.Contains(t, w.status().String(), "waits for operator: DS of KSK")
	require.NoError(t, w.m.Approve(t.Context(), origin))
	w.until("signed")
}

// As long as a name server lags, a roll does not go on.
func TestSecondariesLag(t *testing.T) {
	w := newWorld(t)
	serials := map[string]uint32{}
	w.served = func() (map[string]uint32, error) { return maps.Clone(serials), nil }
	w.start()
	follow := func(lag bool) {
		serials["ns1"] = w.saved.Serial()
		if !lag {
			serials["ns2"] = w.saved.Serial()
		}
	}
	require.NoError(t, w.m.SetZone(t.Context(), contents(t, 1, "")))
	follow(false)
	require.NoError(t, w.m.Enable(t.Context(), origin, policy()))
	follow(true)
	w.pass(24 * hour)
	require.Empty(t, w.ds, "ns2 has the unsigned zone")
	require.Contains(t, w.status().String(), `name server "ns2" has serial 1`)
	follow(false)
	for range 100 {
		w.pass(hour)
		follow(false)
	}
	require.Equal(t, "signed", w.status().Phase)

	serials["ns2"] = w.saved.Serial() + 1000
	require.ErrorContains(t, w.m.Tick(t.Context(), origin), "never published")
	require.ErrorContains(t, w.m.SetZone(t.Context(), contents(t, 500, "")), "never published")
	require.Equal(t, uint32(500), w.saved.Serial(), "it holds up keys, not contents")
}

func TestReview(t *testing.T) {
	w := newWorld(t)
	no := errors.New("no")
	var refuse error
	w.m.Review = func(_ context.Context, next, prev *dnssec.Zone) error {
		require.NotNil(t, next)
		require.Equal(t, len(w.published) == 0, prev == nil)
		return refuse
	}
	require.NoError(t, w.m.SetZone(t.Context(), contents(t, 1, "")))
	refuse = no
	require.ErrorIs(t, w.m.SetZone(t.Context(), contents(t, 5, "")), no)
	require.Len(t, w.published, 1)
	require.ErrorIs(t, w.status().Problem, no)
	refuse = nil
	w.pass(hour)
	require.Equal(t, uint32(5), w.saved.Serial())
	require.NoError(t, w.status().Problem)
}

// A new leader with no files of its own goes on from the serial that is stored.
func TestSerialSurvivesFiles(t *testing.T) {
	w := signed(t, policy())
	last := w.saved.Serial()
	w.saved = nil
	w.start()
	require.NoError(t, w.m.SetZone(t.Context(), contents(t, 1, "")))
	require.Equal(t, last+1, w.saved.Serial())
	w.until("signed")
}

// What is on the disk is not published unless it is valid: it is signed anew.
func TestDamagedZoneIsSignedAnew(t *testing.T) {
	w := signed(t, policy())
	w.start()
	damaged, err := w.saved.Update(func(tx *dnssec.Tx) error {
		sig := w.saved.RRset(mustName(t, "ns."+origin), dns.TypeRRSIG)[0].(*dns.RRSIG)
		if err := tx.Remove(sig); err != nil {
			return err
		}
		bad := *sig
		bad.Signature = bad.Signature[4:8] + bad.Signature[:4] + bad.Signature[8:]
		return tx.Add(&bad)
	})
	require.NoError(t, err)
	w.saved = damaged
	require.NoError(t, w.m.Tick(t.Context(), origin))
	require.Equal(t, damaged.Serial()+1, w.saved.Serial())
	w.until("signed")
}

// Without a policy for them, the TTLs of the zone count: short ones make short waits, and
// longer ones count until they have left the caches.
func TestZoneTTLs(t *testing.T) {
	p := policy()
	p.MaxZoneTTL, p.NegativeTTL = 0, 0
	w := newWorld(t)
	require.NoError(t, w.m.SetZone(t.Context(), contents(t, 1, "")))
	require.NoError(t, w.m.Enable(t.Context(), origin, p))
	_, planned, err := w.m.State(t.Context(), origin)
	require.NoError(t, err)
	require.Equal(t, 2*hour, planned.MaxZoneTTL)
	require.Equal(t, hour, planned.NegativeTTL)
	w.pass(2 * hour)
	require.Len(t, w.ds, 1, "the DS waits for TTLs of 2 hours")
	w.until("signed")

	require.NoError(t, w.m.SetZone(t.Context(), contents(t, 2, "long 43200 A 192.0.2.9\n")))
	require.NoError(t, w.m.SetZone(t.Context(), contents(t, 3, "")))
	require.NoError(t, w.m.Roll(t.Context(), origin, rotate.Roll{Role: rotate.ZSK}))
	w.pass(11 * hour)
	require.Len(t, w.keys, 3, "somebody may have the signature of the old key for 12 hours")
	w.until("signed")
	require.Len(t, w.keys, 2)
}
