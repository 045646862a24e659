package parent

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

const (
	// maxServers and maxAddresses bound what one delegation makes us ask.
	maxServers   = 32
	maxAddresses = 16
)

// Resolver asks name servers. Its zero value asks those of the system.
type Resolver struct {
	// Servers are recursive servers, asked in turn until one answers. None means
	// those of /etc/resolv.conf.
	Servers []netip.AddrPort
	// Anchors are DS records of the keys that are trusted, by zone, such as those
	// of the root under ".". With any, answers are validated, and what is not
	// signed is not believed. None means that signatures are not looked at.
	Anchors map[string][]rotate.DS
	// Timeout is that of one attempt; zero means 2 seconds.
	Timeout time.Duration
	// Attempts is how often an address is asked by UDP before TCP is tried; zero
	// means 3.
	Attempts int
	// Dial connects; networks are "udp" and "tcp". Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock that signatures are valid by; nil means time.Now.
	Now func() time.Time
}

func (r *Resolver) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// servers are the recursive ones.
func (r *Resolver) servers() ([]netip.AddrPort, error) {
	if len(r.Servers) > 0 {
		return r.Servers, nil
	}
	servers, err := dnsask.System()
	if err != nil {
		return nil, fmt.Errorf("%w: set Resolver.Servers", err)
	}
	return servers, nil
}

// lookup asks the recursive servers. An answer is NOERROR or NXDOMAIN.
func (r *Resolver) lookup(ctx context.Context, name string, typ uint16) (*dns.Msg, error) {
	servers, err := r.servers()
	if err != nil {
		return nil, err
	}
	return r.client().Lookup(ctx, servers, question(name, typ, true))
}

// ask asks a server for an RRset with its signatures, recursively or not.
func (r *Resolver) ask(ctx context.Context, server netip.AddrPort, name string, typ uint16, recursive bool) (*dns.Msg, error) {
	return r.client().Ask(ctx, server, question(name, typ, recursive))
}

func (r *Resolver) client() *dnsask.Client {
	return &dnsask.Client{Timeout: r.Timeout, Attempts: cmp.Or(r.Attempts, 3), MixCase: true, Dial: r.Dial}
}

func question(name string, typ uint16, recursive bool) *dns.Msg {
	m := new(dns.Msg).SetQuestion(name, typ)
	m.RecursionDesired = recursive
	m.SetEdns0(dnsask.Size, true)
	return m
}

// find is a lookup of an RRset, validated if there are anchors. An RRset that is not
// there is empty, and its absence is not validated. A chain of aliases is followed
// only without anchors, since names that matter here must have none.
func (r *Resolver) find(ctx context.Context, name string, typ uint16) (rrset, error) {
	m, err := r.lookup(ctx, name, typ)
	if err != nil {
		return rrset{}, err
	}
	set := pick(m.Answer, name, typ)
	if len(r.Anchors) == 0 || len(set.rrs) == 0 {
		return set, nil
	}
	if err := r.secure(ctx, &set, m.Ns); err != nil {
		return rrset{}, fmt.Errorf("look up %s %s: %w", name, dns.Type(typ), err)
	}
	return set, nil
}

// addresses are those of a host.
func (r *Resolver) addresses(ctx context.Context, host string, families ...uint16) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, typ := range families {
		m, err := r.lookup(ctx, host, typ)
		if err != nil {
			return nil, err
		}
		for _, rr := range m.Answer { // behind an alias too
			if addr, ok := address(rr); ok && len(addrs) < maxAddresses {
				addrs = append(addrs, addr)
			}
		}
	}
	return addrs, nil
}

func address(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		addr, ok := netip.AddrFromSlice(rr.A.To4())
		return addr, ok
	case *dns.AAAA:
		return netip.AddrFromSlice(rr.AAAA)
	}
	return netip.Addr{}, false
}

// parentOf finds the zone that a zone is delegated from: the closest name above
// it that has NS records.
func (r *Resolver) parentOf(ctx context.Context, zone string) (string, []string, error) {
	for name := zone; name != "."; {
		name = above(name)
		set, err := r.find(ctx, name, dns.TypeNS)
		if err != nil {
			return "", nil, err
		}
		if hosts := set.hosts(); len(hosts) > 0 {
			return name, hosts, nil
		}
	}
	return "", nil, fmt.Errorf("no zone above %s has NS records", zone)
}

// above is the name without its first label.
func above(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}

// within says whether a name is another or below it; both end with a dot.
func within(name, zone string) bool { return dns.IsSubDomain(zone, name) }

// equalNames compares names as DNS does.
func equalNames(a, b string) bool { return strings.EqualFold(dns.Fqdn(a), dns.Fqdn(b)) }
