package rotate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/stretchr/testify/require"
)

func says(st rotate.Status) string {
	var lines []string
	for _, b := range st.Blockers {
		lines = append(lines, b.String())
	}
	return strings.Join(lines, "\n")
}

func TestStatusInWords(t *testing.T) {
	w := newWorld(policy(), ttls)
	require.NoError(t, w.step())
	require.Equal(t, "generating keys", w.status.Phase)
	require.Equal(t, "key store: generate a KSK of algorithm 13\nkey store: generate a ZSK of algorithm 13", says(w.status))

	require.NoError(t, w.step())
	require.Equal(t, "signing for the first time", w.status.Phase)
	require.Contains(t, says(w.status), "publisher: publish the DNSKEY of KSK 1000 (algorithm 13) on every name server, since 2026-01-01T00:00:00Z")
	require.Contains(t, says(w.status), "other record: DS of KSK 1000 (algorithm 13) is to be published, but its DNSKEY has to be in every cache first")
	require.Empty(t, w.status.DSAdd, "too early")

	for i := range 1 + rrsets {
		w.apply(i)
	}
	require.NoError(t, w.step())
	require.Contains(t, says(w.status), "caches: forget RRsets without DNSKEY of KSK 1000 (algorithm 13), since 2026-01-01T00:00:00Z, until 2026-01-01T04:00:00Z")
	require.Equal(t, epoch.Add(3*hour), w.status.NextAt, "the signatures of the zone")
}

func TestStatusSaysWhichDS(t *testing.T) {
	w := waitingForDS(t)
	require.NoError(t, w.step())
	require.Equal(t, "rolling KSK", w.status.Phase)
	require.Equal(t, w.keys[2].Digests, w.status.DSAdd)
	require.Equal(t, w.keys[0].Digests, w.status.DSRemove)
	require.Equal(t, w.keys[2].Digests, w.status.DSWanted)
	require.Equal(t, w.keys[0].Digests, w.status.DSSeen)
	old, fresh := w.keys[0].Digests[0].String(), w.keys[2].Digests[0].String()
	require.Contains(t, says(w.status), "parent: add to the DS RRset, on every name server: "+fresh)
	require.Contains(t, says(w.status), "parent: remove from the DS RRset, on every name server: "+old)
	require.Contains(t, fresh, "3000 13 2 0303")

	// The new one was added: what is left is to remove the old one.
	for i := range w.ds {
		w.ds[i] = w.set([]string{"key0", "key2"})
	}
	require.NoError(t, w.step())
	require.Empty(t, w.status.DSAdd)
	require.Equal(t, w.keys[0].Digests, w.status.DSRemove)

	// Nobody answers: what was confirmed stays so, and what was not is still to be done.
	next, actions, status, err := rotate.Step(w.state, w.policy, rotate.Facts{}, w.time())
	require.NoError(t, err)
	require.NotEmpty(t, next.Keys)
	require.Empty(t, status.DSAdd)
	require.Equal(t, w.keys[0].Digests, status.DSRemove)
	require.Contains(t, actions, rotate.SetDS{Want: w.keys[2].Digests, Remove: w.keys[0].Digests})
	require.Contains(t, actions, rotate.SetCDS{DS: w.keys[2].Digests})
}

func TestStatusOfAlgorithmRoll(t *testing.T) {
	w := signed(t, policy())
	w.policy.Algorithm = 15
	require.NoError(t, w.step())
	require.NoError(t, w.step())
	require.Equal(t, "rolling KSK, rolling ZSK, algorithm 13 to 15", w.status.Phase)
	w.policy.Algorithm = 13
	require.NoError(t, w.step())
	require.Contains(t, says(w.status), "operator: the policy asks for other keys; that begins when nothing else is under way")
}

func TestStatusOfCompromisedKey(t *testing.T) {
	w := waitingForDS(t)
	w.state.Keys[0].Compromised = true
	w.apply(1 + rrsets)
	w.apply(2 + rrsets)
	require.NoError(t, w.step())
	require.Contains(t, says(w.status), "compromised and trusted until then")
	w.roll(t, rotate.Roll{Role: rotate.KSK, Emergency: true})
	require.NoError(t, w.step())
	require.Contains(t, says(w.status), "is compromised, and its roll has not begun")
}

func TestGoInsecureAsksToDelete(t *testing.T) {
	w := signed(t, policy())
	w.policy.Insecure = true
	next, actions, status, err := rotate.Step(w.state, w.policy, w.facts(), w.time())
	require.NoError(t, err)
	require.Contains(t, actions, rotate.SetCDS{Delete: true})
	require.Contains(t, actions, rotate.SetDS{Remove: w.keys[0].Digests})
	require.Equal(t, "going insecure", status.Phase)
	require.Equal(t, w.keys[0].Digests, status.DSRemove)
	require.Equal(t, rotate.Omnipresent, next.Keys[0].DNSKEY.State)

	w.run(t)
	require.Equal(t, "unsigned", w.status.Phase)
	_, actions, _, err = rotate.Step(w.state, w.policy, rotate.Facts{Zone: &rotate.ZoneFacts{CDS: []rotate.DS{{}}}}, w.time())
	require.NoError(t, err)
	require.Contains(t, actions, rotate.SetCDS{}, "the request goes when it was met")
}

// Nothing is asked for twice once it is there.
func TestNoActionsAtRest(t *testing.T) {
	w := signed(t, policy())
	f := w.facts()
	f.Zone.CDS = w.keys[0].Digests
	_, actions, status, err := rotate.Step(w.state, w.policy, f, w.time().Add(time.Hour))
	require.NoError(t, err)
	require.Empty(t, actions)
	require.Empty(t, status.Blockers)
}

// The DS is not asked for while old answers without signatures may be cached, however
// long the DNSKEY has been there.
func TestDSWaitsForSignatures(t *testing.T) {
	p := policy()
	p.MaxZoneTTL = 10 * hour
	w := newWorld(p, ttls)
	for range 7 {
		require.NoError(t, w.step())
		for i := range w.orders {
			w.apply(i)
		}
		w.now++
	}
	require.Equal(t, "key0/KSK:OO-- key1/ZSK:O-R-", w.summary())
	require.Contains(t, says(w.status), "DS of KSK 1000 (algorithm 13) is to be published, but signatures of the zone have to be in every cache first")
	require.Empty(t, w.status.DSWanted)
}

// DS of somebody else are told of, but no registry is asked to remove them.
func TestOtherDSStay(t *testing.T) {
	w := waitingForDS(t)
	other := rotate.DS{Tag: 7, Algorithm: 13, DigestType: 2, Digest: strings.Repeat("07", 32)}
	f := w.facts()
	for i := range f.DS.Servers {
		f.DS.Servers[i].DS = append(f.DS.Servers[i].DS, other)
	}
	_, actions, status, err := rotate.Step(w.state, w.policy, f, w.time())
	require.NoError(t, err)
	require.Contains(t, actions, rotate.SetDS{Want: w.keys[2].Digests, Add: w.keys[2].Digests, Remove: w.keys[0].Digests})
	require.Contains(t, status.DSRemove, other)
	require.Contains(t, says(status), "operator: the parent has DS "+other.String())
}

// A parent that computes digests by itself has the right DS with another type.
func TestParentsOwnDigest(t *testing.T) {
	w := signed(t, policy())
	own := w.keys[0].Digests[0]
	own.DigestType, own.Digest = 4, strings.Repeat("44", 48)
	f := w.facts()
	for i := range f.DS.Servers {
		f.DS.Servers[i].DS = append(f.DS.Servers[i].DS, own)
	}
	_, _, status, err := rotate.Step(w.state, w.policy, f, w.time())
	require.NoError(t, err)
	require.Empty(t, status.DSRemove)
	require.Empty(t, status.Blockers)
}

func TestEmergencySignsAtOnce(t *testing.T) {
	w := signed(t, policy())
	w.roll(t, rotate.Roll{Role: rotate.ZSK, Emergency: true})
	for range 100 {
		next, actions, _, err := rotate.Step(w.state, w.policy, w.facts(), w.time())
		require.NoError(t, err)
		for _, a := range actions {
			if sign, ok := a.(rotate.SignZone); ok {
				require.Equal(t, rotate.SignZone{With: []string{"key2"}, AtOnce: true}, sign)
				require.Equal(t, rotate.Omnipresent, next.Keys[2].DNSKEY.State)
				return
			}
		}
		require.NoError(t, w.step())
		w.apply(0)
		w.now++
	}
	t.Fatal("never signed by the new key")
}
