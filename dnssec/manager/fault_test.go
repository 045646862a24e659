package manager_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

func (w *world) kinds() (out []manager.Kind) {
	for _, e := range w.events {
		out = append(out, e.Kind)
	}
	return out
}

// A key that is lost halts the zone. It stays as it is, and no key is made for it.
func TestLostKeyHalts(t *testing.T) {
	w := signed(t, policy())
	serial, keys := w.saved.Serial(), w.keys
	w.keys = nil
	w.events = nil
	w.pass(48 * hour)
	st := w.status()
	require.True(t, st.Halted)
	require.ErrorIs(t, st.Problem, manager.ErrKey)
	require.Contains(t, st.String(), "HALTED since")
	require.Empty(t, w.keys)
	require.Equal(t, serial, w.saved.Serial())
	require.ErrorIs(t, w.m.SetZone(t.Context(), contents(t, 50, "new 300 A 192.0.2.9\n")), manager.ErrHalted)
	require.Equal(t, 1, len(slices.DeleteFunc(w.kinds(), func(k manager.Kind) bool { return k != manager.Halted })), "told once")

	w.keys = keys
	w.pass(2 * hour)
	require.NoError(t, w.status().Problem)
	require.Contains(t, w.kinds(), manager.Recovered)
	require.NotEmpty(t, w.saved.RRset(mustName(t, "new."+origin), dns.TypeA), "what was set meanwhile is published")
}

// A ZSK in the place of another with the same tag is noticed by its public key, which no DS
// tells of: here the record says that it was another.
func TestExchangedZSKHalts(t *testing.T) {
	w := signed(t, policy())
	var zsk string
	for _, k := range w.list() {
		if !k.SEP() {
			zsk = k.String()
		}
	}
	key := "dnssec/zone/" + origin
	good, _, err := w.store.Get(t.Context(), key)
	require.NoError(t, err)
	var rec map[string]any
	require.NoError(t, json.Unmarshal(good, &rec))
	public := rec["public"].(map[string]any)
	require.Len(t, public, 2)
	require.Contains(t, public, zsk)
	public[zsk] = strings.Repeat("ab", 32)
	bad, err := json.Marshal(rec)
	require.NoError(t, err)
	_, err = w.store.Put(t.Context(), key, bad, -1)
	require.NoError(t, err)
	err = w.m.Tick(t.Context(), origin)
	require.ErrorIs(t, err, manager.ErrKey)
	require.ErrorContains(t, err, zsk+" is another key of the same tag")
	require.True(t, w.status().Halted)

	_, err = w.store.Put(t.Context(), key, good, -1)
	require.NoError(t, err)
	require.NoError(t, w.m.Roll(t.Context(), origin, rotate.Roll{Role: rotate.ZSK}))
	w.until("signed")
	good, _, err = w.store.Get(t.Context(), key)
	require.NoError(t, err)
	rec = nil
	require.NoError(t, json.Unmarshal(good, &rec))
	require.Len(t, rec["public"], 2, "keys that are gone are forgotten")
	require.NotContains(t, rec["public"], zsk)
}

// One key in the place of another is noticed, here by its ID.
func TestExchangedKeyHalts(t *testing.T) {
	w := signed(t, policy())
	for label := range w.keys {
		if strings.Contains(label, "+257+") {
			delete(w.keys, label)
		}
	}
	require.ErrorIs(t, w.m.Tick(t.Context(), origin), manager.ErrKey)
}

func mustName(t *testing.T, s string) dnssec.Name {
	n, err := dnssec.ParseName(s)
	require.NoError(t, err)
	return n
}

func TestDamagedRecordHalts(t *testing.T) {
	w := signed(t, policy())
	key := "dnssec/zone/" + origin
	good, _, err := w.store.Get(t.Context(), key)
	require.NoError(t, err)
	for _, bad := range []string{"", "{", `{"version":9}`, string(good[:len(good)/2]), string(good) + "x", strings.Replace(string(good), `"hidden"`, `"lost"`, 1), `{"version":1,"more":1}`} {
		_, err := w.store.Put(t.Context(), key, []byte(bad), -1)
		require.NoError(t, err)
		n := len(w.published)
		w.start()
		err = w.m.SetZone(t.Context(), contents(t, 60, ""))
		require.Error(t, err, bad)
		require.True(t, errors.Is(err, manager.ErrDamaged) || errors.Is(err, rotate.ErrState), "%v", err)
		require.Len(t, w.published, n)
		st := w.status()
		require.True(t, st.Halted, bad)
	}
	_, err = w.store.Put(t.Context(), key, good, -1)
	require.NoError(t, err)
	require.NoError(t, w.m.Tick(t.Context(), origin))
	require.Equal(t, "signed", w.status().Phase)
}

// A record that is older than the zone, or gone, is not believed.
func TestOldRecordHalts(t *testing.T) {
	w := signed(t, policy())
	key := "dnssec/zone/" + origin
	old, _, err := w.store.Get(t.Context(), key)
	require.NoError(t, err)
	require.NoError(t, w.m.SetZone(t.Context(), contents(t, 70, "")))
	_, err = w.store.Put(t.Context(), key, old, -1)
	require.NoError(t, err)
	w.start()
	require.ErrorIs(t, w.m.Tick(t.Context(), origin), manager.ErrDamaged)

	c := newWorld(t)
	c.saved = w.saved
	require.ErrorIs(t, c.m.SetZone(t.Context(), contents(t, 80, "")), manager.ErrDamaged)
	require.Empty(t, c.published)
}

// A DS that vanishes is an alarm. The zone stays signed, and the DS is asked for.
func TestVanishedDS(t *testing.T) {
	w := signed(t, policy())
	ds, n := w.ds, len(w.published)
	w.deaf, w.events = true, nil
	w.ds = nil // by somebody else, and caches may be right or wrong
	w.pass(48 * hour)
	require.Contains(t, w.kinds(), manager.DSVanished)
	require.NotEmpty(t, w.saved.RRset(name(t), dns.TypeRRSIG))
	require.Len(t, w.published, n)
	st := w.status()
	require.Len(t, st.Changes, 1)
	require.Equal(t, ds[0], st.Changes[0].DS)
	require.Equal(t, "example.org. IN DS "+ds[0].String(), strings.ToLower(st.Changes[0].Record[:len("example.org.")])+strings.Replace(st.Changes[0].Record[len("example.org."):], strings.ToUpper(ds[0].Digest), ds[0].Digest, 1))
	require.Contains(t, st.String(), "add at the parent:      example.org. IN DS ")
	require.Contains(t, st.String(), "example.org. IN DNSKEY 257 3 13 ")
	w.deaf = false
	w.pass(2 * hour)
	require.Equal(t, ds, w.ds)
}

// A parent that cannot be asked holds up what is about the DS, and nothing else; a
// person may say what it has.
func TestSilentParent(t *testing.T) {
	w := newWorld(t)
	w.observed, w.deaf = errors.New("no route"), true
	w.vary = true // as local ports in errors do
	require.NoError(t, w.m.SetZone(t.Context(), contents(t, 1, "")))
	require.NoError(t, w.m.Enable(t.Context(), origin, policy()))
	w.pass(96 * hour)
	st := w.status()
	require.Equal(t, "signing for the first time", st.Phase)
	require.Len(t, st.Changes, 1)
	failed := slices.DeleteFunc(w.kinds(), func(k manager.Kind) bool { return k != manager.Failed })
	require.Len(t, failed, 1, "told once")
	require.NotEmpty(t, w.asked, "the driver is asked in spite of it: it may tell a person")
	require.Equal(t, []rotate.DS{st.Changes[0].DS}, w.asked[0])
	wanted := slices.DeleteFunc(slices.Clone(w.events), func(e manager.Event) bool { return e.Kind != manager.DSWanted })
	require.Len(t, wanted, 1, "told once, and not that nothing is to be done")
	require.Contains(t, wanted[0].Text, "add "+st.Changes[0].DS.String())
	tag := st.Changes[0].DS.Tag
	require.ErrorIs(t, w.m.ConfirmDS(t.Context(), origin, tag+1, true), rotate.ErrNothing)
	require.NoError(t, w.m.ConfirmDS(t.Context(), origin, tag, true))
	w.until("signed")
}

// The zone of a parent that has the DS of another signer is not signed.
func TestForeignDS(t *testing.T) {
	w := newWorld(t)
	w.ds = []rotate.DS{{Tag: 7, Algorithm: 13, DigestType: 2, Digest: strings.Repeat("ab", 32)}}
	require.NoError(t, w.m.SetZone(t.Context(), contents(t, 1, "")))
	require.ErrorIs(t, w.m.Enable(t.Context(), origin, policy()), manager.ErrForeignDS)
	require.Empty(t, w.saved.RRset(name(t), dns.TypeDNSKEY))
	w.ds = nil
	w.until("signed")
}

// A clock that went back moves nothing; when it is right again, all goes on.
func TestClockBack(t *testing.T) {
	w := signed(t, policy())
	right, n := w.now, len(w.published)
	w.now = right.AddDate(-1, 0, 0)
	require.ErrorIs(t, w.m.Tick(t.Context(), origin), manager.ErrClock)
	require.ErrorIs(t, w.m.Roll(t.Context(), origin, rotate.Roll{Role: rotate.ZSK}), manager.ErrClock)
	require.ErrorIs(t, w.status().Problem, manager.ErrClock)
	require.Len(t, w.published, n)
	w.start()
	require.ErrorIs(t, w.m.Tick(t.Context(), origin), manager.ErrClock, "a new process knows too")
	require.Len(t, w.published, n+1)
	require.Same(t, w.published[n-1], w.published[n], "it has what was published last")
	w.now = right.Add(time.Hour)
	w.until("signed")
}

// A clock that jumps ahead is distrusted until it ran steadily, or a person confirms it.
func TestClockAhead(t *testing.T) {
	for _, tt := range []struct {
		name  string
		trust func(*world) error
	}{
		{"settles", func(w *world) error { w.now = w.now.Add(61 * time.Minute); return nil }},
		{"confirmed", func(w *world) error { return w.m.ConfirmClock(context.Background()) }},
		{"signed anew", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := signed(t, policy())
			right, n := w.now, len(w.published)
			w.now = right.AddDate(0, 0, 30)
			require.ErrorIs(t, w.m.Tick(t.Context(), origin), manager.ErrClock)
			require.ErrorIs(t, w.m.SetZone(t.Context(), contents(t, 90, "")), manager.ErrClock)
			require.Len(t, w.published, n)
			if tt.trust == nil {
				require.ErrorIs(t, w.m.Resign(t.Context(), origin), manager.ErrClock, "signed, and still distrusted")
				require.Len(t, w.published, n+1)
				w.now = right // it was wrong: signatures that have not begun are replaced
				require.NoError(t, w.m.Resign(t.Context(), origin))
				require.Len(t, w.published, n+2)
				return
			}
			require.NoError(t, tt.trust(w))
			require.NoError(t, w.m.Tick(t.Context(), origin))
			require.Len(t, w.published, n+1)
		})
	}
}

// Years pass within a step of the clock ahead, which a person then sets right: time
// goes on from there.
func TestClockWasAhead(t *testing.T) {
	w := signed(t, policy())
	right := w.now
	w.now = right.AddDate(1, 0, 0)
	require.NoError(t, w.m.ConfirmClock(t.Context()))
	require.NoError(t, w.m.Tick(t.Context(), origin))
	w.now = right.Add(time.Hour)
	require.ErrorIs(t, w.m.Tick(t.Context(), origin), manager.ErrClock)
	require.NoError(t, w.m.ConfirmClock(t.Context()))
	require.NoError(t, w.m.Tick(t.Context(), origin))
	w.until("signed")
}
