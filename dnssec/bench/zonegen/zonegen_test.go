package zonegen_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/bench/zonegen"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, o zonegen.Options) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, zonegen.Write(&b, o))
	return b.String()
}

func parse(t *testing.T, origin string, o zonegen.Options) *dnssec.Zone {
	t.Helper()
	z, err := dnssec.ParseZone(strings.NewReader(write(t, o)), origin, dnssec.Options{})
	require.NoError(t, err)
	return z
}

// count counts RRsets by type.
func count(z *dnssec.Zone) map[uint16]int {
	sets, counts := map[string]bool{}, map[uint16]int{}
	for rr := range z.All() {
		key := rr.Header().Name + " " + dns.Type(rr.Header().Rrtype).String()
		if !sets[key] {
			sets[key] = true
			counts[rr.Header().Rrtype]++
		}
	}
	return counts
}

func TestHostingHasWhatItSays(t *testing.T) {
	const n = 20_000
	z := parse(t, "hosting.test.", zonegen.Options{Names: n})
	got := count(z)
	for typ, want := range map[uint16]float64{
		dns.TypeA: 0.60 + 0.10 + 0.02 + 0.01, dns.TypeAAAA: 0.75, dns.TypeCNAME: 0.15, dns.TypeMX: 0.10,
		dns.TypeTXT: 0.12, dns.TypeSRV: 0.03, dns.TypeNS: 0.03, dns.TypeDS: 0.003,
	} {
		require.InDelta(t, want*n, got[typ], 0.01*n, dns.TypeToString[typ])
	}
}

func TestTLDHasWhatItSays(t *testing.T) {
	const n = 20_000
	z := parse(t, "org.", zonegen.Options{Profile: zonegen.TLD, Origin: "org.", Names: n})
	got := count(z)
	require.Equal(t, n+1, got[dns.TypeNS])
	require.InDelta(t, 0.1*n, got[dns.TypeDS], 0.01*n)
	require.InDelta(t, 0.16*n, got[dns.TypeA], 0.01*n)
	require.InDelta(t, 0.08*n, got[dns.TypeAAAA], 0.01*n)
}

func TestTheSameOptionsAreTheSameZone(t *testing.T) {
	require.Equal(t, write(t, zonegen.Options{Names: 500}), write(t, zonegen.Options{Names: 500}))
	require.NotEqual(t, write(t, zonegen.Options{Names: 500}), write(t, zonegen.Options{Names: 500, Seed: 7}))
}

func TestProfileThatIsNotKnown(t *testing.T) {
	require.ErrorContains(t, zonegen.Write(&bytes.Buffer{}, zonegen.Options{Profile: "x"}), `profile "x"`)
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestWriterThatFails(t *testing.T) {
	require.ErrorContains(t, zonegen.Write(full{}, zonegen.Options{}), "no room")
}
