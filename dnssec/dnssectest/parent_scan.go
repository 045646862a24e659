package dnssectest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// child is a zone that the parent scans.
type child struct {
	servers []Handler
	// accepted is the inception of the signature of the CDS that was taken last: an
	// older one is a replay (RFC 7344, section 6.2).
	accepted uint32
}

// Scanned is what came of looking at a child's CDS records.
type Scanned struct {
	Zone string
	// Err says why they were not taken.
	Err error
}

// SetChild says where the name servers of a child are asked for its CDS records.
func (p *Parent) SetChild(zone string, servers ...Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.children[dns.CanonicalName(zone)] = &child{servers: servers}
}

// AddrServer is a name server at an address, by TCP.
func AddrServer(addr netip.AddrPort) Handler {
	return func(_ string, packet []byte) [][]byte {
		m := new(dns.Msg)
		if m.Unpack(packet) != nil {
			return nil
		}
		answer, _, err := (&dns.Client{Net: "tcp"}).Exchange(m, addr.String())
		if err != nil {
			return nil
		}
		return packed(answer)
	}
}

// Scans is what came of all scans, also those that a NOTIFY(CDS) began.
func (p *Parent) Scans() []Scanned {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.scans)
}

// Scan looks at a child's CDS and CDNSKEY records, and changes its DS as they ask, if
// they may (RFC 7344, RFC 8078): all servers have the same; they are signed by a
// key that the DS now names, no earlier than those taken before; and the new DS would
// make a zone that is valid. A child without any of them, or with what is there
// already, is no error.
func (p *Parent) Scan(ctx context.Context, zone string) error {
	zone = dns.CanonicalName(zone)
	err := p.scan(ctx, zone)
	if err != nil {
		err = fmt.Errorf("dnssectest: scan %s: %w", zone, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.scans = append(p.scans, Scanned{zone, err})
	return err
}

func (p *Parent) scan(ctx context.Context, zone string) error {
	p.mu.Lock()
	c := p.children[zone]
	p.mu.Unlock()
	if c == nil || len(c.servers) == 0 {
		return errors.New("no server of the zone is known")
	}
	view, err := agreed(zone, c.servers)
	if err != nil {
		return err
	}
	want, remove, err := view.wanted()
	if err != nil || !remove && len(want) == 0 {
		return err
	}
	now, have := p.now(), p.DS(zone)
	switch {
	case len(have) > 0:
		err = view.secure(have, now, c.accepted)
	case remove:
		return nil
	case p.options.First != nil:
		want, err = p.options.First(ctx, zone)
	}
	if err == nil && !remove {
		err = view.works(want, now)
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	c.accepted = max(c.accepted, view.inception())
	p.mu.Unlock()
	if remove {
		return p.SetDS(zone)
	}
	return p.SetDS(zone, want...)
}

// notified answers NOTIFY(CDS) of a child by scanning it first (RFC 9859).
func (p *Parent) notified(req *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(req)
	if len(req.Question) != 1 || req.Question[0].Qtype != dns.TypeCDS {
		m.Rcode = dns.RcodeNotImplemented
		return m
	}
	zone := dns.CanonicalName(req.Question[0].Name)
	p.mu.Lock()
	known := p.children[zone] != nil
	p.mu.Unlock()
	if !known {
		m.Rcode = dns.RcodeRefused
		m.SetEdns0(1232, false)
		ede := &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeNotAuthoritative, ExtraText: "no child of " + p.name}
		m.IsEdns0().Option = []dns.EDNS0{ede}
		return m
	}
	_ = p.Scan(context.Background(), zone) // the acknowledgement does not say what came of it
	return m
}

// view is what all servers of a child say.
type view struct {
	zone                      string
	cds, cdnskey, dnskey, soa []dns.RR // with signatures
}

// agreed asks all servers, which must say the same.
func agreed(zone string, servers []Handler) (view, error) {
	v := view{zone: zone}
	for typ, rrs := range map[uint16]*[]dns.RR{dns.TypeCDS: &v.cds, dns.TypeCDNSKEY: &v.cdnskey, dns.TypeDNSKEY: &v.dnskey, dns.TypeSOA: &v.soa} {
		for i, server := range servers {
			got, err := question(server, zone, typ)
			if err != nil {
				return v, fmt.Errorf("server %d: %s: %w", i, dns.Type(typ), err)
			}
			if i > 0 && typ != dns.TypeSOA && !sameData(without(got, dns.TypeRRSIG), without(*rrs, dns.TypeRRSIG)) {
				return v, fmt.Errorf("server %d has another %s", i, dns.Type(typ))
			}
			*rrs = got
		}
	}
	return v, nil
}

func question(server Handler, zone string, typ uint16) ([]dns.RR, error) {
	m := new(dns.Msg)
	m.SetQuestion(zone, typ)
	m.SetEdns0(1232, true)
	packet, err := m.Pack()
	if err != nil {
		return nil, err
	}
	out := server("tcp", packet)
	if len(out) == 0 {
		return nil, errors.New("no answer")
	}
	answer := new(dns.Msg)
	if err := answer.Unpack(out[0]); err != nil {
		return nil, err
	}
	if answer.Rcode != dns.RcodeSuccess || !answer.Authoritative {
		return nil, fmt.Errorf("the answer is %s", dns.RcodeToString[answer.Rcode])
	}
	return answer.Answer, nil
}

// wanted is what the records ask for; remove is the request to delete.
func (v view) wanted() (want []rotate.DS, remove bool, err error) {
	for _, rr := range without(v.cds, dns.TypeRRSIG) {
		cds, ok := rr.(*dns.CDS)
		if !ok {
			continue
		}
		if cds.Algorithm == 0 {
			remove = true
			continue
		}
		want = append(want, fromRR(&cds.DS))
	}
	for _, rr := range without(v.cdnskey, dns.TypeRRSIG) {
		cdnskey, ok := rr.(*dns.CDNSKEY)
		if ok && (cdnskey.Algorithm == 0) != remove {
			return nil, false, errors.New("CDS and CDNSKEY do not ask for the same")
		}
	}
	if remove && len(want) > 0 {
		return nil, false, errors.New("the CDS records ask to delete, and for DS")
	}
	return want, remove, nil
}

// secure says whether a key that the DS names has signed the CDS records, and no
// earlier than what was taken before.
func (v view) secure(have []rotate.DS, now time.Time, accepted uint32) error {
	for _, rrs := range [][]dns.RR{v.cds, v.cdnskey} {
		if len(rrs) > 0 && !v.signed(rrs, have, now) {
			return errors.New("CDS or CDNSKEY is not signed by a key that the DS names")
		}
	}
	if int32(v.inception()-accepted) < 0 {
		return errors.New("the CDS is older than what was taken before")
	}
	return nil
}

func (v view) inception() uint32 {
	var last uint32
	for _, rr := range only(v.cds, dns.TypeRRSIG) {
		last = max(last, rr.(*dns.RRSIG).Inception)
	}
	return last
}

// works says whether the zone is valid with these DS.
func (v view) works(want []rotate.DS, now time.Time) error {
	if len(want) == 0 {
		return errors.New("no DS would be left")
	}
	if !v.signed(v.dnskey, want, now) {
		return errors.New("no key that the new DS names signs the DNSKEY records")
	}
	return nil
}

// signed says whether a key that one of the DS names has signed the RRset.
func (v view) signed(rrs []dns.RR, list []rotate.DS, now time.Time) bool {
	data := without(rrs, dns.TypeRRSIG)
	if len(data) == 0 {
		return false
	}
	for _, rr := range without(v.dnskey, dns.TypeRRSIG) {
		key, ok := rr.(*dns.DNSKEY)
		if !ok || !slices.ContainsFunc(list, func(d rotate.DS) bool {
			ds := key.ToDS(d.DigestType)
			return ds != nil && fromRR(ds) == d
		}) {
			continue
		}
		for _, sig := range only(rrs, dns.TypeRRSIG) {
			sig := sig.(*dns.RRSIG)
			if sig.ValidityPeriod(now) && sig.Verify(key, data) == nil {
				return true
			}
		}
	}
	return false
}
