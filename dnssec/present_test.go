package dnssec_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

// requireLibraryText checks that a zone is written as the library writes its records.
func requireLibraryText(t testing.TB, z *dnssec.Zone) {
	t.Helper()
	var got bytes.Buffer
	n, err := z.WriteTo(&got)
	require.NoError(t, err)
	require.EqualValues(t, got.Len(), n)
	var want strings.Builder
	for rr := range z.All() {
		line := rr.String()
		if _, unknown := rr.(*dns.RFC3597); unknown {
			line = strings.Replace(line, "\tCLASS1\t", "\tIN\t", 1)
		}
		want.WriteString(line + "\n")
	}
	require.Equal(t, want.String(), got.String())
}

const apex = "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS ns.other.test.\n"

func TestTextIsTheLibrarys(t *testing.T) {
	for what, text := range map[string]string{
		"shapes":  shapes,
		"strings": apex + `a 60 TXT "" "a b" "q\"q" "b\\b" "\000\255" ";$@()"` + "\n" + `b 60 TXT ""` + "\n",
		"names":   apex + `a\.b 60 A 192.0.2.1` + "\n" + `a\ b 60 CNAME \(x\).o\$.` + "\n" + `a'b 60 MX 0 .` + "\n" + `\255 60 DNAME a\;b` + "\n" + `a@b/c 60 PTR d\"e` + "\n",
		"mapped":  apex + "a 60 AAAA ::ffff:192.0.2.1\na 60 AAAA ::\na 60 AAAA 2001:db8:0:0:1:0:0:1\n",
		"salt":    apex + "@ 0 NSEC3PARAM 1 0 5 AABBCCDD\nabcdefgh 60 NSEC3 1 1 5 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A NS TYPE65400\n",
		"types":   apex + "a 60 NSEC b A NS SOA MX TXT RRSIG NSEC CAA TYPE1234\na 60 CDS 0 0 0 00\na 60 CDNSKEY 0 3 0 AA==\n",
	} {
		t.Run(what, func(t *testing.T) {
			z := parse(t, text)
			requireLibraryText(t, z)
			again := parse(t, written(z))
			require.Equal(t, written(z), written(again))
		})
	}
}

// written is what a zone is written as.
func written(z *dnssec.Zone) string {
	var b strings.Builder
	_, _ = z.WriteTo(&b)
	return b.String()
}

func TestTextOfSignedZones(t *testing.T) {
	for what, denial := range denials {
		for _, alg := range algorithms {
			t.Run(fmt.Sprint(what, " ", alg), func(t *testing.T) {
				z, _ := sign(t, &dnssec.Signer{Denial: denial, ZONEMD: []dnssec.ZONEMDHash{1}}, parse(t, shapes), nil, pair(t, alg), now())
				requireLibraryText(t, z)
			})
		}
	}
}

// Data of any octets, which the library's parser would not make: as octets.
func FuzzText(f *testing.F) {
	for _, typ := range []uint16{1, 2, 6, 15, 16, 28, 33, 43, 46, 47, 48, 50, 51, 63, 65400} {
		f.Add(typ, uint32(60), []byte{0})
		f.Add(typ, uint32(0), []byte("\x00\x01\x0d\x02\x00\x00\x00\x3c\x01a\x00\x00\x01\x02"))
	}
	f.Fuzz(func(t *testing.T, typ uint16, ttl uint32, data []byte) {
		soa := rr(t, "x. 60 SOA a. b. 1 2 3 4 5")
		odd := &dns.RFC3597{
			Hdr:   dns.RR_Header{Name: "a.x.", Rrtype: typ, Class: dns.ClassINET, Ttl: ttl},
			Rdata: fmt.Sprintf("%x", data),
		}
		z, err := dnssec.NewZone("x", []dns.RR{soa, odd}, dnssec.Options{})
		if err != nil {
			return // no such record can be in a zone
		}
		requireLibraryText(t, z)
	})
}

// limited takes so many octets.
type limited struct{ left int }

func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.left -= n
	if n < len(b) {
		return n, errBroken
	}
	return n, nil
}

func TestTextOfLargeZones(t *testing.T) {
	z := parse(t, hosts(3000))
	requireLibraryText(t, z)
	whole := len(written(z))
	for _, room := range []int{0, 1, 1000, whole / 2, whole - 1} {
		n, err := z.WriteTo(&limited{left: room})
		require.ErrorIs(t, err, errBroken)
		require.ErrorContains(t, err, `dnssec: write zone "hosting.test."`)
		require.EqualValues(t, room, n)
	}
	n, err := z.WriteTo(&limited{left: whole})
	require.NoError(t, err)
	require.EqualValues(t, whole, n)
}
