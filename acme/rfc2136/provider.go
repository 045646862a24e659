package rfc2136

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/internal/txtrr"
)

// TSIG is a key that the server shares with us (RFC 8945).
type TSIG struct {
	// Name is the key's. None means that nothing is signed.
	Name string
	// Algorithm is as in the registry, such as "hmac-sha512"; none means hmac-sha256.
	Algorithm string
	// Secret is the key in base64.
	Secret Secret
}

// Provider adds and deletes records at one server. Server must be set.
type Provider struct {
	// Server is the zone's primary, as "ns1.example.com:53"; without a port it is 53.
	Server string
	// Zone has all names. None means that the records' own are used, or else that the
	// server is asked which of the names above a record it has an SOA record of.
	Zone string
	// Key signs updates, and the answers.
	Key TSIG
	// TTL is that of records that come with none; zero means a minute.
	TTL time.Duration
	// Network is "tcp" or "udp"; none means TCP. By UDP a message that is too large
	// for a datagram goes by TCP all the same.
	Network string
	// Timeout is that of one exchange; zero means 10 seconds.
	Timeout time.Duration
	// Dial connects, by "tcp" and "udp". Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock for signatures; nil means time.Now.
	Now func() time.Time
}

var (
	_ dns01.Provider   = (*Provider)(nil)
	_ dns01.ZoneFinder = (*Provider)(nil)
)

// AddTXT adds the records, those of one zone in one update if they fit.
func (p *Provider) AddTXT(ctx context.Context, records ...dns01.TXT) error {
	return p.update(ctx, "add", records, (*dns.Msg).Insert)
}

// DeleteTXT deletes the records of exactly these names and values.
func (p *Provider) DeleteTXT(ctx context.Context, records ...dns01.TXT) error {
	return p.update(ctx, "delete", records, (*dns.Msg).Remove)
}

// ZoneOf is the zone of a name, by the SOA records that the server has above it.
func (p *Provider) ZoneOf(ctx context.Context, fqdn string) (string, error) {
	name := dns.CanonicalName(fqdn)
	zone, err := p.zoneOf(ctx, name)
	if err != nil {
		return "", fmt.Errorf("rfc2136: find the zone of %s at %s: %w", name, p.Server, err)
	}
	return zone, nil
}

func (p *Provider) zoneOf(ctx context.Context, name string) (string, error) {
	if p.Zone != "" {
		zone := dns.CanonicalName(p.Zone)
		if !dns.IsSubDomain(zone, name) {
			return "", fmt.Errorf("it is not in %s, which Provider.Zone says is the zone", zone)
		}
		return zone, nil
	}
	for zone := name; zone != "."; zone = above(zone) {
		m := new(dns.Msg).SetQuestion(zone, dns.TypeSOA)
		m.RecursionDesired = false
		answer, err := p.exchange(ctx, m)
		if err != nil {
			return "", err
		}
		for _, rr := range answer.Answer {
			if answer.Authoritative && rr.Header().Rrtype == dns.TypeSOA && dns.CanonicalName(rr.Header().Name) == zone {
				return zone, nil
			}
		}
	}
	return "", errors.New("the server is authoritative for no zone above it")
}

// update sends the records of each zone.
func (p *Provider) update(ctx context.Context, op string, records []dns01.TXT, put func(*dns.Msg, []dns.RR)) error {
	zones := make(map[string][]dns.RR)
	for _, r := range records {
		zone := dns.CanonicalName(r.Zone)
		if r.Zone == "" || p.Zone != "" {
			var err error
			if zone, err = p.zoneOf(ctx, dns.CanonicalName(r.Name)); err != nil {
				return fmt.Errorf("rfc2136: %s %s TXT at %s: find the zone: %w", op, r.Name, p.Server, err)
			}
		}
		zones[zone] = append(zones[zone], p.record(r))
	}
	var errs []error
	for _, zone := range slices.Sorted(maps.Keys(zones)) {
		// Far below 64 KiB, also for the longest names and values of challenges.
		const most = 100
		for rrs := range slices.Chunk(zones[zone], most) {
			m := new(dns.Msg).SetUpdate(zone)
			put(m, rrs)
			if err := p.send(ctx, m, zone); err != nil {
				errs = append(errs, fmt.Errorf("rfc2136: %s %s in zone %s at %s: %w", op, names(rrs), zone, p.Server, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (p *Provider) record(r dns01.TXT) dns.RR {
	ttl := cmp.Or(r.TTL, p.TTL, time.Minute)
	return &dns.TXT{
		Hdr: dns.RR_Header{Name: dns.CanonicalName(r.Name), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: uint32(ttl / time.Second)},
		Txt: txtrr.Strings(r.Value),
	}
}

// names says which records an error is about.
func names(rrs []dns.RR) string {
	first := rrs[0].Header().Name + " TXT"
	if len(rrs) == 1 {
		return first
	}
	return fmt.Sprintf("%s and %d more", first, len(rrs)-1)
}

func (p *Provider) send(ctx context.Context, m *dns.Msg, zone string) error {
	answer, err := p.exchange(ctx, m)
	if err != nil {
		return err
	}
	return explain(answer.Rcode, zone, p.Key.Name)
}

func above(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}
