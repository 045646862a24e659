package parent_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

const child = "child.test."

// world is a parent zone of three name servers, a resolver and a child, without
// sockets.
type world struct {
	net      dnssectest.Network
	parent   *dnssectest.Parent
	resolver parent.Resolver
	ds       []rotate.DS
}

// recursor is where the resolver answers.
var recursor = netip.MustParseAddrPort("192.0.2.53:53")

func newWorld(t *testing.T, o dnssectest.ParentOptions) *world {
	t.Helper()
	w := &world{ds: []rotate.DS{digest(1), digest(2)}}
	o.Network = &w.net
	if o.Servers == 0 {
		o.Servers = 3
	}
	w.parent = dnssectest.NewParent(t, o)
	require.NoError(t, w.parent.Delegate(child, "ns1.child.test.", "ns.other.test."))
	require.NoError(t, w.parent.SetDS(child, w.ds...))
	w.net.Handle(recursor, dnssectest.Recursive(w.parent.Zone))
	w.resolver = parent.Resolver{Servers: []netip.AddrPort{recursor}, Dial: w.net.Dial}
	if !o.Insecure {
		w.resolver.Anchors = w.parent.Anchor()
	}
	return w
}

// digest is a DS of no key.
func digest(n int) rotate.DS {
	return rotate.DS{Tag: uint16(n), Algorithm: 13, DigestType: 2, Digest: fmt.Sprintf("%064x", n)}
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, fn func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fn(t)
		synctest.Wait()
	})
}

// signer is a zone with a key, and what it is signed to.
type signer struct {
	key  *dnssec.Key
	zone *dnssec.Zone
	ds   []rotate.DS
}

// newSigner makes a signed zone out of text, which may have "CDS" for the records
// that the parent is to take.
func newSigner(t testing.TB, origin, text string, now time.Time) *signer {
	t.Helper()
	key, err := dnssec.GenerateKey(origin, dnssec.KeyOptions{SEP: true})
	require.NoError(t, err)
	ds, err := key.DS(dnssec.SHA256, 3600)
	require.NoError(t, err)
	records := fmt.Sprintf("%s\n%s\n", ds.ToCDS(), key.DNSKEY(3600).ToCDNSKEY())
	zone, err := dnssec.ParseZone(strings.NewReader(strings.ReplaceAll(text, "CDS\n", records)), origin, dnssec.Options{})
	require.NoError(t, err)
	s := &signer{key: key, ds: []rotate.DS{parent.FromRR(ds)}}
	s.sign(t, zone, now)
	return s
}

func (s *signer) sign(t testing.TB, unsigned *dnssec.Zone, now time.Time) {
	t.Helper()
	zone, _, err := (&dnssec.Signer{}).Sign(t.Context(), unsigned, nil, []dnssec.KeyUse{dnssec.CSK(s.key)}, now)
	require.NoError(t, err)
	s.zone = zone
}

func (s *signer) current() *dnssec.Zone { return s.zone }

// change signs the zone again with changes.
func (s *signer) change(t testing.TB, now time.Time, fn func(tx *dnssec.Tx) error) {
	t.Helper()
	zone, err := s.zone.Update(fn)
	require.NoError(t, err)
	s.sign(t, zone, now)
}

func name(t testing.TB, s string) dnssec.Name {
	t.Helper()
	n, err := dnssec.ParseName(s)
	require.NoError(t, err)
	return n
}

func rr(t testing.TB, s string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(s)
	require.NoError(t, err)
	return rr
}
