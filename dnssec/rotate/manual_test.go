package rotate_test

import (
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

// hours lets time pass, in which all that is ordered happens at once.
func (w *world) hours(t *testing.T, n int) {
	t.Helper()
	for range n {
		require.NoError(t, w.step())
		w.approved = false
		for i := range w.orders {
			w.apply(i)
		}
		w.cache()
		require.Empty(t, w.bogus())
		w.now++
	}
}

// asked is what a person is asked to approve.
func (w *world) asked() string {
	var out []string
	for _, b := range w.status.Blockers {
		if b.Who == rotate.Operator && strings.Contains(b.What, "approval") {
			out = append(out, b.What)
		}
	}
	return strings.Join(out, "\n")
}

// approve lets a person agree until nothing is asked for, and returns how often.
func (w *world) approve(t *testing.T) int {
	t.Helper()
	n := 0
	for w.hours(t, 20); w.asked() != ""; w.hours(t, 20) {
		before := w.summary()
		w.hours(t, 20)
		require.Equal(t, before, w.summary(), "it moved without approval")
		w.approved = true
		n++
		require.Less(t, n, 20, w.asked())
	}
	return n
}

func TestManualStepsWait(t *testing.T) {
	w := newWorld(policy(), ttls)
	w.policy.Manual = true
	w.hours(t, 50)
	require.Empty(t, w.keys)
	require.Contains(t, w.asked(), "a new KSK of algorithm 13 is to be generated, but it waits for approval")
	require.Contains(t, w.asked(), "a new ZSK")
	require.Equal(t, 3, w.approve(t), "keys; signatures and DNSKEY; DS")
	require.Equal(t, "signed", w.status.Phase)

	w.roll(t, rotate.Roll{Role: rotate.ZSK})
	w.hours(t, 1)
	require.Contains(t, w.asked(), "a new ZSK of algorithm 13 is to be generated")
	require.Equal(t, 4, w.approve(t), "key; DNSKEY; signatures; the old DNSKEY")
	require.Equal(t, []string{"key0 KSK 13", "key2 ZSK 13"}, w.keysLeft())
}

func TestManualInsecure(t *testing.T) {
	w := signed(t, policy())
	w.policy.Manual, w.policy.Insecure = true, true
	w.hours(t, 50)
	require.Contains(t, w.asked(), "the zone is to go insecure, but it waits for approval")
	require.False(t, w.state.Insecure)
	require.NotZero(t, w.ds[0])
	require.Equal(t, 2, w.approve(t), "the DS; all else")
	require.Empty(t, w.state.Keys)

	w.policy.Insecure = false
	w.hours(t, 50)
	require.Contains(t, w.asked(), "the zone is to be signed again")
	w.approve(t)
	require.Equal(t, "signed", w.status.Phase)
}

func TestManualStandby(t *testing.T) {
	w := signed(t, policy())
	w.policy.Manual, w.policy.StandbyKSK = true, 1
	w.approve(t)
	require.Len(t, w.state.Keys, 3)
	w.policy.StandbyKSK = 0
	w.hours(t, 20)
	require.Contains(t, w.asked(), "KSK 3000 (algorithm 13) is to be retired, not standby")
	w.approve(t)
	require.Len(t, w.state.Keys, 2)
}

// A person stands in for name servers of the parent that do not answer, and for none
// that does.
func TestConfirmedDS(t *testing.T) {
	w := newWorld(policy(), ttls)
	w.blind = true
	w.hours(t, 50)
	require.Equal(t, "signing for the first time", w.status.Phase)
	ksk := w.keys[0].ID
	w.confirmed = map[string]bool{ksk: false}
	w.hours(t, 50)
	require.Equal(t, "signing for the first time", w.status.Phase)
	w.confirmed[ksk] = true
	w.hours(t, 50)
	require.Equal(t, "signed", w.status.Phase)

	w.blind = false
	w.wantDS, w.ds = 0, [servers]keySet{}
	w.confirmed[ksk] = true
	require.NoError(t, w.step())
	require.Equal(t, rotate.Rumoured, w.state.Keys[0].DS.State, "servers that answer count more")
	require.NotEmpty(t, w.status.DSAdd)
}
