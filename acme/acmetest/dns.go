package acmetest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// DNSOptions are how a DNS begins.
type DNSOptions struct {
	// Zones are served from the start; none means example.com.
	Zones []string
	// Servers is how many there are; zero means 2. Each serves all of Zones.
	Servers int
}

// DNS is a small world of authoritative servers and a resolver in front of them, all
// on loopback, by UDP and TCP. It ends with the test. Records are changed by calls,
// and reach each server when that server's faults let them.
//
// A server is known by addresses that only documents use, such as 192.0.2.1, at any
// port: [DNS.Dial] connects to where it is in truth. The resolver is at [DNS.Addr]; it
// follows aliases, sees every change at once and remembers nothing.
//
// A DNS is a [dns01.Provider] and a [dns01.ZoneFinder].
type DNS struct {
	t        testing.TB
	resolver netip.AddrPort

	mu      sync.Mutex // guards what is below, and all fields of the servers
	servers []*DNSServer
	zones   map[string]*dnsZone // the truth
	queries []DNSQuery
	writes  [][]dns01.TXT
	failing func(op string, record dns01.TXT) error
}

// DNSQuery is a question that came.
type DNSQuery struct {
	// Server is the host name of the server, or "resolver".
	Server string
	// Network is "udp" or "tcp".
	Network string
	// Name is in lower case and has a dot at its end; Type is as "TXT".
	Name, Type string
}

var (
	_ dns01.Provider   = (*DNS)(nil)
	_ dns01.ZoneFinder = (*DNS)(nil)
)

// NewDNS starts the servers and the resolver.
func NewDNS(t testing.TB, o DNSOptions) *DNS {
	t.Helper()
	d := &DNS{t: t, zones: make(map[string]*dnsZone)}
	d.resolver = d.listen(d.resolve)
	count := o.Servers
	if count == 0 {
		count = 2
	}
	for range count {
		d.AddServer()
	}
	zones := o.Zones
	if len(zones) == 0 {
		zones = []string{"example.com."}
	}
	for _, zone := range zones {
		d.AddZone(zone, d.servers...)
	}
	return d
}

// Addr is where the resolver listens, by UDP and TCP.
func (d *DNS) Addr() netip.AddrPort { return d.resolver }

// Dial connects to the server that has the address, whatever its port, or to the
// resolver. Networks are "udp" and "tcp".
func (d *DNS) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("acmetest: dial %q: %w", address, err)
	}
	if at != d.resolver {
		s := d.serverAt(at.Addr())
		if s == nil {
			return nil, fmt.Errorf("acmetest: dial %s: %w", address, errNoRoute)
		}
		at = s.listens
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, at.String())
}

func (d *DNS) serverAt(addr netip.Addr) *DNSServer {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.servers {
		if slices.Contains(s.addrs(), addr) {
			return s
		}
	}
	return nil
}

// Server is one of them, counted from 0.
func (d *DNS) Server(i int) *DNSServer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.servers[i]
}

// AddServer starts one more, which serves nothing yet. Its host name is as
// ns3.servers.test. and its addresses are as 192.0.2.3 and 2001:db8::3.
func (d *DNS) AddServer() *DNSServer {
	s := &DNSServer{dns: d, zones: make(map[string]*dnsZone)}
	s.listens = d.listen(s.serve)
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.servers) + 1
	s.name = fmt.Sprintf("ns%d.servers.test.", n)
	s.v4 = netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
	s.v6 = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: byte(n)})
	d.servers = append(d.servers, s)
	return s
}

// AddZone makes servers serve a zone, at once. A zone above it delegates to them.
func (d *DNS) AddZone(zone string, servers ...*DNSServer) {
	zone = dns.CanonicalName(zone)
	z := newDNSZone(zone)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range servers {
		z.add(d.parse(fmt.Sprintf("%s 3600 IN NS %s", zone, s.name)))
	}
	if above := deepest(d.zones, parentName(zone)); above != nil {
		for _, rr := range z.records[zone] {
			if rr.Header().Rrtype == dns.TypeNS {
				d.change(above.name, rr, true)
			}
		}
	}
	d.zones[zone] = z
	for _, s := range servers {
		s.zones[zone] = z.clone()
	}
}

// Add adds a record in presentation format, such as "a.example.com. 60 IN CNAME b.".
func (d *DNS) Add(record string) { d.edit(record, true) }

// Remove removes a record that [DNS.Add] added.
func (d *DNS) Remove(record string) { d.edit(record, false) }

func (d *DNS) edit(record string, add bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rr := d.parse(record)
	if rr == nil {
		return
	}
	z := deepest(d.zones, rr.Header().Name)
	if z == nil {
		d.t.Errorf("acmetest: no zone is served that has %s", rr.Header().Name)
		return
	}
	d.change(z.name, rr, add)
}

// parse makes a record with a canonical name; one that is no record fails the test.
func (d *DNS) parse(record string) dns.RR {
	rr, err := dns.NewRR(record)
	if err != nil || rr == nil {
		d.t.Errorf("acmetest: %q is no record: %v", record, err)
		return nil
	}
	rr.Header().Name = dns.CanonicalName(rr.Header().Name)
	return rr
}

// change changes the truth, and puts the change on its way to the servers. The mutex
// is held.
func (d *DNS) change(zone string, rr dns.RR, add bool) {
	apply := func(zones map[string]*dnsZone) {
		z := zones[zone]
		switch {
		case z == nil:
		case add:
			z.add(rr)
		default:
			z.remove(rr)
		}
	}
	apply(d.zones)
	for _, s := range d.servers {
		s.later(apply)
	}
}

// TXT are the values at a name that the resolver sees, in the order of their bytes.
func (d *DNS) TXT(name string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = dns.CanonicalName(name)
	z := deepest(d.zones, name)
	if z == nil {
		return nil
	}
	return z.txt(name)
}

// Queries are the questions so far, to the servers and the resolver.
func (d *DNS) Queries() []DNSQuery {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.queries)
}

func (d *DNS) log(server string, w dns.ResponseWriter, q dns.Question) {
	network := "tcp"
	if _, udp := w.LocalAddr().(*net.UDPAddr); udp {
		network = "udp"
	}
	d.queries = append(d.queries, DNSQuery{
		Server: server, Network: network, Name: strings.ToLower(q.Name), Type: dns.Type(q.Qtype).String(),
	})
}
