package dnssec_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

func TestZoneIsCanonical(t *testing.T) {
	z := parse(t, shapes)
	require.Equal(t, "hosting.test.", z.Origin().String())
	require.EqualValues(t, 2026010100, z.Serial())
	require.Equal(t, 22, z.Names())
	got := text(z)
	require.Len(t, got, z.Records())
	require.Equal(t, []string{
		"hosting.test. 3600 IN SOA ns1.hosting.test. hostmaster.hosting.test. 2026010100 7200 3600 604800 900",
		"hosting.test. 3600 IN NS ns1.hosting.test.",
		"hosting.test. 3600 IN NS ns2.other.test.",
		"hosting.test. 3600 IN MX 10 mail.hosting.test.",
		`hosting.test. 3600 IN CAA 0 issue "CA.example"`,
		`*.hosting.test. 3600 IN TXT "any"`,
		"*foo.hosting.test. 3600 IN A 192.0.2.7",
		"abc.hosting.test. 3600 IN A 192.0.2.9",
	}, got[:8])
	require.Contains(t, got, "sip.hosting.test. 3600 IN SRV 0 5 5060 mail.hosting.test.")
	require.Contains(t, got, `nap.hosting.test. 3600 IN NAPTR 1 2 "S" "SIP+D2U" "" _sip._udp.example.`)
	require.Contains(t, got, "*.star.hosting.test. 3600 IN A 192.0.2.8", "an escaped asterisk is an asterisk")
	for i, n := 1, slices.Collect(z.All()); i < len(n); i++ {
		require.LessOrEqual(t, name(t, n[i-1].Header().Name).Compare(name(t, n[i].Header().Name)), 0)
	}
}

// Names in the data of newer types stay as they are (RFC 6840, section 5.1).
func TestCaseInData(t *testing.T) {
	z := parse(t, "@ 60 SOA A B 1 2 3 4 5\n"+
		"n 60 NSEC Next.Hosting.TEST. A\n"+
		"h 60 HTTPS 1 Target.\n"+
		"i 60 HINFO CPU OS\n"+
		"r 60 RP Box. Text.\n"+
		"s 60 TYPE47 \\# 11 01410454455354000001 40\n"+
		"m 60 TYPE15 \\# 5 0001 0141 00\n"+
		"x 60 TYPE38 \\# 4 80 0141 00\n"+
		"y 60 TYPE38 \\# 17 00 20010db8000000000000000000004142\n")
	got := strings.Join(text(z), "\n")
	for _, want := range []string{
		"NSEC Next.Hosting.TEST. A", "1 Target.", `HINFO "CPU" "OS"`, "RP box. text.", "MX 1 a.", `\# 4 80016100`,
		`20010db8000000000000000000004142`, "SOA a.hosting.test. b.hosting.test. 1",
	} {
		require.Contains(t, got, want)
	}
}

func TestTTLsOfAnRRsetAreMadeEqual(t *testing.T) {
	var told []dnssec.TTLChange
	z, err := dnssec.NewZone("x.test.", []dns.RR{
		rr(t, "x.test. 60 SOA a. b. 1 2 3 4 5"),
		rr(t, "a.x.test. 300 A 192.0.2.1"), rr(t, "a.x.test. 100 A 192.0.2.2"), rr(t, "A.x.test. 300 A 192.0.2.1"),
		rr(t, "a.x.test. 200 TXT t"),
	}, dnssec.Options{Warn: func(c dnssec.TTLChange) { told = append(told, c) }})
	require.NoError(t, err)
	require.Equal(t, []string{"a.x.test. 100 IN A 192.0.2.1", "a.x.test. 100 IN A 192.0.2.2"}, lines(z.RRset(name(t, "a.x.test"), dns.TypeA)))
	require.NotEmpty(t, told)
	require.Equal(t, dnssec.TTLChange{Name: name(t, "a.x.test"), Type: dns.TypeA, From: 300, To: 100}, told[0])
}

func TestZonesThatCannotBe(t *testing.T) {
	const soa = "@ 60 SOA a b 1 2 3 4 5\n"
	for text, want := range map[string]string{
		"a 60 A 192.0.2.1\n":             `SOA at "hosting.test.": is missing`,
		"":                               `SOA at "hosting.test.": is missing`,
		soa + "@ 60 SOA a b 2 2 3 4 5\n": `SOA at "hosting.test.": more than one`,
		soa + "a 60 SOA a b 2 2 3 4 5\n": "not at the apex",
		soa + "a.xhosting.test. 60 A 192.0.2.1\n": "is out of the zone",
		soa + "a 60 CNAME b\na 60 A 192.0.2.1\n":  `A at "a.hosting.test.": beside a CNAME`,
		soa + "a 60 CNAME b\na 60 CNAME c\n":      `CNAME at "a.hosting.test.": more than one`,
		soa + "a 60 DNAME b.\na 60 DNAME c.\n":    "more than one",
		soa + "a 60 DNAME b.\na 60 NS c.\n":       "beside a delegation",
		soa + "a 60 DS 1 13 2 " + sha + "\n":      "without NS",
		soa + "@ 60 DS 1 13 2 " + sha + "\n":      "belongs in the parent",
		soa + "a 60 CH A 192.0.2.1\n":             "class CH is not IN",
		soa + "a 60 TYPE255 \\# 0\n":              "not of a type that zones have",
		soa + "a 60 TYPE38 \\# 1 ff\n":            "wrong length",
		soa + "$INCLUDE other\n":                  `dnssec: zone "hosting.test."`,
		soa + "a 60 A 192.0.2.300\n":              `dnssec: zone "hosting.test."`,
	} {
		_, err := dnssec.ParseZone(strings.NewReader(text), "hosting.test", dnssec.Options{})
		require.ErrorContains(t, err, want, text)
	}
	_, err := dnssec.NewZone("a..b", nil, dnssec.Options{})
	require.ErrorContains(t, err, "empty label")
	_, err = dnssec.NewZone("x.test", []dns.RR{nil}, dnssec.Options{})
	require.ErrorContains(t, err, "nil")
	_, err = dnssec.NewZone("x.test", []dns.RR{&dns.A{Hdr: dns.RR_Header{Rrtype: dns.TypeA, Class: dns.ClassINET}}}, dnssec.Options{})
	require.ErrorContains(t, err, "no owner")
	high := rr(t, "x.test. 60 SOA a. b. 1 2 3 4 5")
	high.Header().Ttl = 1 << 31
	_, err = dnssec.NewZone("x.test", []dns.RR{high}, dnssec.Options{})
	require.ErrorContains(t, err, "TTL 2147483648")

	_, err = dnssec.NewZone("x.test", []dns.RR{rr(t, "y.test. 60 A 192.0.2.1")}, dnssec.Options{})
	var fault *dnssec.ZoneError
	require.ErrorAs(t, err, &fault)
	require.Equal(t, name(t, "y.test"), fault.Name)
}

// Octets that only a raw record can have.
func TestDataThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		typ         uint16
		rdata, want string
	}{
		{dns.TypeMX, "000101", "a name that does not end"},
		{dns.TypeMX, "00", "wrong length"},
		{dns.TypeNS, "c000", "compressed"},
		{dns.TypeNAPTR, "00000000ff", "wrong length"},
		{dns.TypeSOA, "0000", "wrong length"},
		{dns.TypeRRSIG, "0001", "wrong length"},
	} {
		raw := &dns.RFC3597{Hdr: dns.RR_Header{Name: "x.test.", Rrtype: c.typ, Class: dns.ClassINET}, Rdata: c.rdata}
		_, err := dnssec.NewZone("x.test", []dns.RR{raw}, dnssec.Options{})
		require.ErrorContains(t, err, c.want, c.rdata)
	}
}

const sha = "6BB18D1C1A7E3B5A4C2B5F0A3A3E0D0C6BB18D1C1A7E3B5A4C2B5F0A3A3E0D0C"

func TestZoneWrittenIsTheZoneRead(t *testing.T) {
	z := parse(t, shapes)
	var b bytes.Buffer
	n, err := z.WriteTo(&b)
	require.NoError(t, err)
	require.EqualValues(t, b.Len(), n)
	again := parse(t, b.String())
	removed, added := dnssec.Diff(z, again)
	require.Empty(t, removed)
	require.Empty(t, added)
	require.Equal(t, text(z), text(again))

	_, err = z.WriteTo(broken{})
	require.ErrorIs(t, err, errBroken)
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestRootZone(t *testing.T) {
	z, err := dnssec.ParseZone(strings.NewReader(". 60 SOA a. b. 7 2 3 4 5\nCom. 60 NS ns.com.\nns.com. 60 A 192.0.2.1\n"), ".", dnssec.Options{})
	require.NoError(t, err)
	require.EqualValues(t, 7, z.Serial())
	require.Equal(t, dnssec.Place{Kind: dnssec.Delegation, Node: name(t, "com")}, z.Place(name(t, "com")))
	require.Equal(t, dnssec.Place{Kind: dnssec.Occluded, Node: name(t, "com")}, z.Place(name(t, "x.com")))
	require.Equal(t, dnssec.Place{Kind: dnssec.Missing}, z.Place(name(t, "org")))
}

// A reader who stops early, and records that are the caller's to change.
func TestAllYieldsCopies(t *testing.T) {
	z := parse(t, shapes)
	for rr := range z.All() {
		rr.Header().Ttl = 1
		break
	}
	require.EqualValues(t, 3600, z.RRset(z.Origin(), dns.TypeSOA)[0].Header().Ttl)
	require.Nil(t, z.RRset(name(t, "nobody.hosting.test"), dns.TypeA))
}

// What is read can be written and read again, and is the same.
func FuzzParseZone(f *testing.F) {
	f.Add(shapes)
	f.Add("@ 60 SOA a b 1 2 3 4 5\n$GENERATE 1-3 h$ A 192.0.2.$\n")
	f.Add("@ 60 SOA a b 1 2 3 4 5\na TYPE65534 \\# 4 00ff00ff\n\\$ttl TXT \"\\\"\"\n")
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 4<<10 || strings.Contains(strings.ToUpper(s), "$GENERATE") && len(s) > 200 {
			return // the library's own bound is 65,536 records a line
		}
		z, err := dnssec.ParseZone(strings.NewReader(s), "hosting.test", dnssec.Options{})
		if err != nil {
			return
		}
		rrs := slices.Collect(z.All())
		require.Len(t, rrs, z.Records())
		again, err := dnssec.NewZone("hosting.test", rrs, dnssec.Options{})
		if err != nil {
			return // the library cannot pack again what it unpacked
		}
		removed, added := dnssec.Diff(z, again)
		require.Empty(t, lines(removed))
		require.Empty(t, lines(added))
	})
}
