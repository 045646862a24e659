package dnssectest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// ParentOptions are how a Parent is. The zero value is a signed zone "test."
// of two name servers that are never late.
type ParentOptions struct {
	// Zone is its name; none means "test.".
	Zone string
	// Servers is how many name servers it has; zero means 2.
	Servers int
	// Addrs are where they answer in Network, and their addresses in the zone. Those
	// that are missing are 192.0.2.1 and so on, port 53.
	Addrs []netip.AddrPort
	// Network is where they answer without sockets; nil is nowhere.
	Network *Network
	// Insecure leaves the zone unsigned.
	Insecure bool
	// Denial is how it proves that there is no DS.
	Denial dnssec.Denial
	// DSTTL is that of DS records, in seconds; zero means 3600.
	DSTTL uint32
	// Records are more of the zone, in the format of zone files, such as a DSYNC.
	Records string
	// Now is its clock; nil means time.Now.
	Now func() time.Time
	// KeyName and KeySecret are who may send updates: a TSIG name with a dot at its
	// end, by hmac-sha256, and the secret in base64. Without a name nobody may.
	KeyName, KeySecret string
	// First says whether a child without DS may get its first, and which (RFC 9615).
	// Nil accepts what all servers of the child agree on (RFC 8078, section 3).
	First func(ctx context.Context, zone string) ([]rotate.DS, error)
}

// Parent is a parent zone with the name servers of its own. It is a
// manager.Parent by itself, which needs no sockets and so works in a
// testing/synctest bubble; Listen puts it on the wire.
type Parent struct {
	options ParentOptions
	name    string
	key     *dnssec.Key

	mu       sync.Mutex // guards what is below
	unsigned *dnssec.Zone
	history  []version // the newest last
	servers  []parentServer
	children map[string]*child
	scans    []Scanned
}

// version is the zone since a moment.
type version struct {
	since   time.Time
	zone    *dnssec.Zone
	refresh time.Time // when it must be signed anew
}

// parentServer is one name server.
type parentServer struct {
	addr   netip.AddrPort
	lag    time.Duration
	fault  Fault
	frozen *dnssec.Zone
}

// NewParent makes a parent zone without children.
func NewParent(t testing.TB, o ParentOptions) *Parent {
	t.Helper()
	if o.Zone == "" {
		o.Zone = "test."
	}
	if o.Servers == 0 {
		o.Servers = 2
	}
	if o.DSTTL == 0 {
		o.DSTTL = 3600
	}
	p := &Parent{options: o, name: dns.CanonicalName(o.Zone), children: make(map[string]*child)}
	var err error
	if p.key, err = dnssec.GenerateKey(p.name, dnssec.KeyOptions{SEP: true}); err != nil {
		t.Fatalf("dnssectest: key of the parent: %v", err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "$TTL 3600\n@ SOA ns1 hostmaster 1 7200 3600 604800 300\n")
	for i := range o.Servers {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 53)
		if i < len(o.Addrs) {
			addr = o.Addrs[i]
		}
		p.servers = append(p.servers, parentServer{addr: addr})
		fmt.Fprintf(&text, "@ NS ns%d\nns%d %s %s\n", i+1, i+1, addressType(addr.Addr()), addr.Addr())
		if o.Network != nil {
			o.Network.Handle(addr, func(network string, packet []byte) [][]byte { return p.packet(i, network, packet) })
		}
	}
	text.WriteString(o.Records)
	if p.unsigned, err = dnssec.ParseZone(strings.NewReader(text.String()), p.name, dnssec.Options{}); err != nil {
		t.Fatalf("dnssectest: parent zone: %v", err)
	}
	if err := p.publish(p.now()); err != nil {
		t.Fatalf("dnssectest: parent zone: %v", err)
	}
	return p
}

func addressType(addr netip.Addr) string {
	if addr.Is4() {
		return "A"
	}
	return "AAAA"
}

func (p *Parent) now() time.Time {
	if p.options.Now != nil {
		return p.options.Now()
	}
	return time.Now()
}

// Name is that of the zone, with a dot at its end.
func (p *Parent) Name() string { return p.name }

// Anchor is the DS of the parent's own key, which is what trust in it begins with.
// It has the form of parent.Resolver.Anchors.
func (p *Parent) Anchor() map[string][]rotate.DS {
	ds, err := p.key.DS(dnssec.SHA256, 3600)
	if err != nil {
		panic(err) // SHA-256 is always there
	}
	return map[string][]rotate.DS{p.name: {fromRR(ds)}}
}

// Delegate makes a zone a child that the name servers of these names serve. A zone
// that is one already gets the new names.
func (p *Parent) Delegate(zone string, servers ...string) error {
	return p.update(func(tx *dnssec.Tx) error {
		name, err := dnssec.ParseName(zone)
		if err != nil {
			return err
		}
		var rrs []dns.RR
		for _, server := range servers {
			rrs = append(rrs, &dns.NS{
				Hdr: dns.RR_Header{Name: name.String(), Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 3600},
				Ns:  dns.Fqdn(server),
			})
		}
		return tx.Replace(rrs...)
	})
}

// SetDS sets the DS records of a child.
func (p *Parent) SetDS(zone string, ds ...rotate.DS) error {
	return p.update(func(tx *dnssec.Tx) error {
		name, err := dnssec.ParseName(zone)
		if err != nil {
			return err
		}
		tx.RemoveRRset(name, dns.TypeDS)
		var rrs []dns.RR
		for _, d := range ds {
			rrs = append(rrs, toRR(name.String(), p.options.DSTTL, d))
		}
		return tx.Add(rrs...)
	})
}

// DS is what the parent's primary has, whatever its name servers say.
func (p *Parent) DS(zone string) []rotate.DS {
	p.mu.Lock()
	defer p.mu.Unlock()
	return dsOf(p.unsigned, zone)
}

// Zone is the newest version of the zone, signed unless it is Insecure.
func (p *Parent) Zone() *dnssec.Zone {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.newest(p.now())
}

// Submit changes the DS records at once.
func (p *Parent) Submit(_ context.Context, zone string, add, remove []rotate.DS) error {
	next := slices.DeleteFunc(p.DS(zone), func(d rotate.DS) bool { return slices.Contains(remove, d) })
	for _, d := range add {
		if !slices.Contains(next, d) {
			next = append(next, d)
		}
	}
	return p.SetDS(zone, next...)
}

// Observe is what each name server has. One with a fault that can be seen did not
// answer.
func (p *Parent) Observe(_ context.Context, zone string) (rotate.DSFacts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var facts rotate.DSFacts
	now := p.now()
	for i := range p.servers {
		s := &p.servers[i]
		server := rotate.ServerDS{Name: fmt.Sprintf("ns%d.%s", i+1, p.name)}
		if s.fault == None || s.fault == Frozen {
			server.Answered = true
			server.DS = dsOf(p.served(s, now), zone)
		}
		if len(server.DS) > 0 {
			facts.TTL = time.Duration(p.options.DSTTL) * time.Second
		}
		facts.Servers = append(facts.Servers, server)
	}
	return facts, nil
}

// SetLag makes a name server, counted from 0, late: it has what the primary had
// that long ago.
func (p *Parent) SetLag(server int, lag time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.servers[server].lag = lag
}

// SetFault makes a name server, counted from 0, wrong; None makes it right.
func (p *Parent) SetFault(server int, f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.servers[server]
	s.frozen = p.served(s, p.now())
	s.fault = f
}
