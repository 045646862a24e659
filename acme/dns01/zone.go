package dns01

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

// server is one address of an authoritative server. An invalid address is a server
// whose host has none.
type server struct {
	host string
	addr netip.AddrPort
}

func (s server) String() string {
	if !s.addr.IsValid() {
		return s.host
	}
	return fmt.Sprintf("%s (%s)", s.host, s.addr.Addr())
}

// authority is a zone and who serves it.
type authority struct {
	zone    string
	servers []server
}

type remembered struct {
	servers []server
	until   time.Time
}

const (
	// remember is for how long the servers of a zone are not looked up again, and
	// maxRemembered of how many zones.
	remember      = time.Minute
	maxRemembered = 1000
)

// ZoneOf finds the zone of a name by the SOA records above it, and by what the
// authoritative servers delegate below that. Recursive servers are not asked for the
// name itself, so that they do not remember that it is not there.
func (d *DNS) ZoneOf(ctx context.Context, fqdn string) (string, error) {
	name, err := canonical(fqdn)
	if err != nil {
		return "", fmt.Errorf("dns01: find the zone of %q: %w", fqdn, err)
	}
	if d.RecursiveOnly {
		zone, err := d.enclosing(ctx, above(name))
		if err != nil {
			return "", fmt.Errorf("dns01: find the zone of %s: %w", name, err)
		}
		return zone, nil
	}
	a, _, err := d.authoritative(ctx, name, dns.TypeSOA)
	if err != nil {
		return "", fmt.Errorf("dns01: find the zone of %s: %w", name, err)
	}
	return a.zone, nil
}

// enclosing is the zone that a name is in, by the SOA records that recursive servers
// find at it or above.
func (d *DNS) enclosing(ctx context.Context, name string) (string, error) {
	for n := name; n != "."; n = above(n) {
		m, err := d.lookup(ctx, n, dns.TypeSOA)
		if err != nil {
			return "", err
		}
		aliased := false
		for _, rr := range m.Answer {
			if rr.Header().Rrtype == dns.TypeSOA && equal(rr.Header().Name, n) {
				return n, nil
			}
			aliased = aliased || rr.Header().Rrtype == dns.TypeCNAME || rr.Header().Rrtype == dns.TypeDNAME
		}
		for _, rr := range m.Ns {
			zone := dns.CanonicalName(rr.Header().Name)
			if rr.Header().Rrtype == dns.TypeSOA && !aliased && zone != "." && dns.IsSubDomain(zone, n) {
				return zone, nil
			}
		}
	}
	return "", fmt.Errorf("no zone has it: neither %s nor a name above it has an SOA record", name)
}

// serversOf are the addresses of a zone's servers.
func (d *DNS) serversOf(ctx context.Context, zone string) ([]server, error) {
	d.mu.Lock()
	have, ok := d.cache[zone]
	d.mu.Unlock()
	if ok && time.Now().Before(have.until) {
		return have.servers, nil
	}
	m, err := d.lookup(ctx, zone, dns.TypeNS)
	if err != nil {
		return nil, err
	}
	servers, err := d.addresses(ctx, zone, m.Answer, nil)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cache == nil || len(d.cache) >= maxRemembered {
		d.cache = make(map[string]remembered)
	}
	d.cache[zone] = remembered{servers: servers, until: time.Now().Add(remember)}
	return servers, nil
}

// addresses are those of the hosts in NS records, which are looked up, or taken from
// glue if they are not found.
func (d *DNS) addresses(ctx context.Context, zone string, ns, glue []dns.RR) ([]server, error) {
	var hosts []string
	for _, rr := range ns {
		if rr, ok := rr.(*dns.NS); ok && equal(rr.Hdr.Name, zone) {
			hosts = append(hosts, dns.CanonicalName(rr.Ns))
		}
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	if len(hosts) == 0 {
		return nil, fmt.Errorf("zone %s has no NS records", zone)
	}
	hosts = hosts[:min(len(hosts), maxHosts)]
	found, errs := make([][]server, len(hosts)), make([]error, len(hosts))
	var all sync.WaitGroup
	for i, host := range hosts {
		all.Go(func() { found[i], errs[i] = d.host(ctx, host, glue) })
	}
	all.Wait()
	return slices.Concat(found...), errors.Join(errs...)
}

func (d *DNS) host(ctx context.Context, host string, glue []dns.RR) ([]server, error) {
	port := d.Port
	if port == 0 {
		port = 53
	}
	var servers []server
	collect := func(rrs []dns.RR, any bool) {
		for _, rr := range rrs {
			if addr, ok := address(rr); ok && (any || equal(rr.Header().Name, host)) && len(servers) < maxAddrs {
				servers = append(servers, server{host, netip.AddrPortFrom(addr, port)})
			}
		}
	}
	var errs []error
	for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA} {
		m, err := d.lookup(ctx, host, typ)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		collect(m.Answer, true) // behind an alias too
	}
	if len(servers) == 0 {
		collect(glue, false)
	}
	switch {
	case len(servers) > 0:
		return servers, nil
	case ctx.Err() != nil:
		return nil, errors.Join(errs...)
	}
	return []server{{host: host}}, nil
}

func address(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		return netip.AddrFromSlice(rr.A.To4())
	case *dns.AAAA:
		return netip.AddrFromSlice(rr.AAAA.To16())
	}
	return netip.Addr{}, false
}

// authoritative asks the servers of the zone that a name is in, one after the other,
// and follows delegations. It returns the zone and the first good answer.
func (d *DNS) authoritative(ctx context.Context, name string, typ uint16) (authority, *dns.Msg, error) {
	zone, err := d.enclosing(ctx, above(name))
	if err != nil {
		return authority{}, nil, err
	}
	servers, err := d.serversOf(ctx, zone)
	if err != nil {
		return authority{}, nil, err
	}
	a := authority{zone, servers}
	for range maxCuts {
		m, err := d.askAny(ctx, a, name, typ)
		if err != nil {
			return authority{}, nil, err
		}
		child := referral(m, a.zone, name)
		if child == "" {
			return a, m, nil
		}
		servers, err := d.addresses(ctx, child, m.Ns, m.Extra)
		if err != nil {
			return authority{}, nil, err
		}
		a = authority{child, servers}
	}
	return authority{}, nil, fmt.Errorf("%s is delegated more than %d times", name, maxCuts)
}

// askAny asks the servers of a zone until one gives an authoritative answer or a
// delegation.
func (d *DNS) askAny(ctx context.Context, a authority, name string, typ uint16) (*dns.Msg, error) {
	var errs []error
	for _, s := range a.servers {
		if !s.addr.IsValid() {
			errs = append(errs, fmt.Errorf("%s has no address", s))
			continue
		}
		m, err := d.ask(ctx, s.addr, name, typ, false)
		if err == nil {
			err = useful(m, a.zone, name)
		}
		if err == nil {
			return m, nil
		}
		errs = append(errs, fmt.Errorf("ask %s for %s %s: %w", s, name, dns.Type(typ), err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("no server of %s answers: %w", a.zone, errors.Join(errs...))
}

var errLame = errors.New("the server does not serve the zone: its answer is not authoritative")

// useful says why an answer tells nothing.
func useful(m *dns.Msg, zone, name string) error {
	switch {
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		return dnsask.RcodeError(m.Rcode)
	case !m.Authoritative && referral(m, zone, name) == "":
		return errLame
	}
	return nil
}

// referral is the zone below another that an answer delegates a name to, or "".
func referral(m *dns.Msg, zone, name string) string {
	if m.Authoritative || len(m.Answer) > 0 || m.Rcode != dns.RcodeSuccess {
		return ""
	}
	for _, rr := range m.Ns {
		child := dns.CanonicalName(rr.Header().Name)
		if rr.Header().Rrtype == dns.TypeNS && child != zone && dns.IsSubDomain(zone, child) && dns.IsSubDomain(child, name) {
			return child
		}
	}
	return ""
}

// above is the name without its first label.
func above(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}

func equal(a, b string) bool { return strings.EqualFold(a, b) }

// canonical is a name in lower case with a dot at its end. It must be one that DNS
// can have.
func canonical(name string) (string, error) {
	full := dns.CanonicalName(name)
	if _, ok := dns.IsDomainName(full); !ok || full == "." {
		return "", errors.New("it is no domain name")
	}
	return full, nil
}
