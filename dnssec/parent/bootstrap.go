package parent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

// ErrHasDS is for a zone that is past bootstrapping.
var ErrHasDS = errors.New("the zone has a DS already")

// Bootstrap checks as a parent does whether a zone without DS may get its first
// (RFC 9615, section 4).
type Bootstrap struct {
	// Resolver must have Anchors.
	Resolver Resolver
	// NoIPv4 and NoIPv6 leave out addresses that this machine cannot reach.
	NoIPv4, NoIPv6 bool
	// Port is where name servers answer; zero means 53.
	Port uint16
}

// Check returns the DS records that the zone's CDS and CDNSKEY records ask for, if
// all of the zone's name servers have the same, at the zone and at their
// signalling names, and the zone would be valid with them.
func (b *Bootstrap) Check(ctx context.Context, zone string) ([]rotate.DS, error) {
	zone, err := canonical(zone)
	if err != nil {
		return nil, err
	}
	ds, err := b.check(ctx, zone)
	if err != nil {
		return nil, fmt.Errorf("parent: bootstrap %s: %w", zone, err)
	}
	return ds, nil
}

func (b *Bootstrap) check(ctx context.Context, zone string) ([]rotate.DS, error) {
	if len(b.Resolver.Anchors) == 0 {
		return nil, errors.New("nothing can be authenticated without Resolver.Anchors")
	}
	parent, servers, err := b.Resolver.parentOf(ctx, zone)
	if err != nil {
		return nil, err
	}
	if err := b.unsigned(ctx, zone, parent); err != nil {
		return nil, err
	}
	hosts, err := b.delegation(ctx, zone, servers)
	if err != nil {
		return nil, err
	}
	var wanted wishes
	signals := 0
	for _, host := range hosts {
		if err := b.apex(ctx, zone, host, &wanted); err != nil {
			return nil, fmt.Errorf("name server %s: %w", host, err)
		}
		if within(host, zone) {
			continue
		}
		signals++
		if err := b.signal(ctx, zone, host, &wanted); err != nil {
			return nil, fmt.Errorf("signals of name server %s: %w", host, err)
		}
	}
	if signals == 0 {
		return nil, ErrNoSignal
	}
	ds, err := wanted.ds(zone)
	if err != nil {
		return nil, err
	}
	return ds, b.works(ctx, zone, hosts, ds)
}

// unsigned makes sure that there is no DS (section 4.2, step 1).
func (b *Bootstrap) unsigned(ctx context.Context, zone, parent string) error {
	m, err := b.Resolver.lookup(ctx, zone, dns.TypeDS)
	if err != nil {
		return err
	}
	if len(pick(m.Answer, zone, dns.TypeDS).rrs) > 0 {
		return ErrHasDS
	}
	keys, err := b.Resolver.keysAt(ctx, parent, maxDepth)
	if err != nil {
		return err
	}
	proof := denial{zone: parent, keys: keys, now: b.Resolver.now(), authority: m.Ns}
	if err := proof.noDS(zone); err != nil {
		return proofError(zone, err)
	}
	return nil
}

// delegation is the zone's name servers as the parent has them.
func (b *Bootstrap) delegation(ctx context.Context, zone string, servers []string) ([]string, error) {
	var errs []error
	for _, server := range servers {
		addrs, err := b.addresses(ctx, server)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, addr := range addrs {
			m, err := b.Resolver.ask(ctx, addr, zone, dns.TypeNS, false)
			if err == nil {
				if hosts := pick(slices.Concat(m.Answer, m.Ns), zone, dns.TypeNS).hosts(); len(hosts) > 0 {
					return hosts, nil
				}
				err = ErrNotDelegated
			}
			errs = append(errs, fmt.Errorf("%s (%s): %w", server, addr, err))
		}
	}
	return nil, fmt.Errorf("find the zone's name servers: %w", errors.Join(errs...))
}

func (b *Bootstrap) addresses(ctx context.Context, host string) ([]netip.AddrPort, error) {
	var families []uint16
	if !b.NoIPv4 {
		families = append(families, dns.TypeA)
	}
	if !b.NoIPv6 {
		families = append(families, dns.TypeAAAA)
	}
	addrs, err := b.Resolver.addresses(ctx, host, families...)
	if err == nil && len(addrs) == 0 {
		err = fmt.Errorf("%s has no address that may be asked", host)
	}
	var all []netip.AddrPort
	for _, addr := range addrs {
		all = append(all, netip.AddrPortFrom(addr, cmp.Or(b.Port, 53)))
	}
	return all, err
}

// apex asks each address of a name server for what the zone wants (step 2).
func (b *Bootstrap) apex(ctx context.Context, zone, host string, wanted *wishes) error {
	addrs, err := b.addresses(ctx, host)
	if err != nil {
		return err
	}
	for _, addr := range addrs {
		for _, typ := range []uint16{dns.TypeCDS, dns.TypeCDNSKEY} {
			set, err := b.authoritative(ctx, addr, zone, typ)
			if err == nil {
				err = wanted.agree(typ, set)
			}
			if err != nil {
				return fmt.Errorf("%s of %s at %s: %w", dns.Type(typ), zone, addr, err)
			}
		}
	}
	return nil
}

func (b *Bootstrap) authoritative(ctx context.Context, addr netip.AddrPort, zone string, typ uint16) (rrset, error) {
	m, err := b.Resolver.ask(ctx, addr, zone, typ, false)
	switch {
	case err != nil:
		return rrset{}, err
	case m.Rcode != dns.RcodeSuccess:
		return rrset{}, dnsask.RcodeError(m.Rcode)
	case !m.Authoritative:
		return rrset{}, errors.New("the server is not authoritative for the zone")
	}
	return pick(m.Answer, zone, typ), nil
}

// signal looks up what a name server signals (step 3).
func (b *Bootstrap) signal(ctx context.Context, zone, host string, wanted *wishes) error {
	name, err := SignalName(zone, host)
	if err != nil {
		return err
	}
	for _, typ := range []uint16{dns.TypeCDS, dns.TypeCDNSKEY} {
		set, err := b.Resolver.find(ctx, name, typ)
		if err == nil {
			err = wanted.agree(typ, set)
		}
		if err != nil {
			return fmt.Errorf("%s of %s: %w", dns.Type(typ), name, err)
		}
	}
	return nil
}

// works makes sure that the zone is valid at each of its servers with these DS
// (RFC 7344, section 4.1).
func (b *Bootstrap) works(ctx context.Context, zone string, hosts []string, ds []rotate.DS) error {
	for _, host := range hosts {
		addrs, err := b.addresses(ctx, host)
		if err != nil {
			return err
		}
		for _, addr := range addrs {
			keys, err := b.authoritative(ctx, addr, zone, dns.TypeDNSKEY)
			if err != nil {
				return fmt.Errorf("DNSKEY of %s at %s: %w", zone, addr, err)
			}
			good, err := trusted(keys, zone, ds, b.Resolver.now())
			if err != nil {
				return fmt.Errorf("at %s: %w", addr, err)
			}
			soa, err := b.authoritative(ctx, addr, zone, dns.TypeSOA)
			if err == nil && len(soa.rrs) == 0 {
				err = errLame
			}
			if err == nil {
				_, err = verify(soa, zone, good, b.Resolver.now())
			}
			if err != nil {
				return fmt.Errorf("SOA of %s at %s: %w", zone, addr, err)
			}
		}
	}
	return nil
}

// wishes are the CDS and CDNSKEY records that everybody must have.
type wishes struct {
	cds, cdnskey       []dns.RR
	haveCDS, haveCDNSK bool
}

// agree takes the first RRset of a type, and compares the next with it.
func (w *wishes) agree(typ uint16, set rrset) error {
	rrs, have := &w.cds, &w.haveCDS
	if typ == dns.TypeCDNSKEY {
		rrs, have = &w.cdnskey, &w.haveCDNSK
	}
	if !*have {
		*rrs, *have = set.rrs, true
		return nil
	}
	if !slices.Equal(data(*rrs), data(set.rrs)) {
		return errors.New("differs from that of another server or at the zone itself")
	}
	return nil
}

// data is what records have besides their owners and TTLs.
func data(rrs []dns.RR) []string {
	var all []string
	for _, rr := range rrs {
		all = append(all, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ds is what the records ask for. If there are both kinds they must agree (RFC
// 7344, section 4).
func (w *wishes) ds(zone string) ([]rotate.DS, error) {
	var fromCDS, fromKeys []rotate.DS
	for _, rr := range w.cds {
		cds, ok := rr.(*dns.CDS)
		if !ok || cds.Algorithm == 0 {
			return nil, errDelete
		}
		fromCDS = append(fromCDS, FromRR(&cds.DS))
	}
	var keys []*dns.DNSKEY
	for _, rr := range w.cdnskey {
		cdnskey, ok := rr.(*dns.CDNSKEY)
		if !ok || cdnskey.Algorithm == 0 {
			return nil, errDelete
		}
		key := cdnskey.DNSKEY
		key.Hdr.Name = zone
		keys = append(keys, &key)
		if ds := key.ToDS(dns.SHA256); ds != nil {
			fromKeys = append(fromKeys, FromRR(ds))
		}
	}
	switch {
	case len(fromCDS)+len(fromKeys) == 0:
		return nil, errors.New("the zone has neither CDS nor CDNSKEY")
	case len(fromCDS) == 0:
		return fromKeys, nil
	case len(keys) == 0:
		return fromCDS, nil
	}
	for _, key := range keys {
		if !named(key, zone, fromCDS) {
			return nil, fmt.Errorf("the CDNSKEY with tag %d has no CDS", key.KeyTag())
		}
	}
	for _, ds := range fromCDS {
		if !slices.ContainsFunc(keys, func(key *dns.DNSKEY) bool { return named(key, zone, []rotate.DS{ds}) }) {
			return nil, fmt.Errorf("the CDS with tag %d has no CDNSKEY", ds.Tag)
		}
	}
	return fromCDS, nil
}
