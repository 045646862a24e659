package dnssectest

import (
	"context"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// editor changes a signed zone.
type editor struct {
	Fixture
	tx     *dnssec.Tx
	keys   []signingKey
	denial dnssec.Denial
}

func newEditor(f Fixture) (*editor, error) {
	e := &editor{Fixture: f}
	for _, u := range f.Keys {
		k, err := newSigningKey(u)
		if err != nil {
			return nil, err
		}
		e.keys = append(e.keys, k)
	}
	e.denial, _ = f.Zone.Chain()
	return e, nil
}

func (e *editor) run(change func(*editor) error) (*dnssec.Zone, error) {
	return e.Zone.Update(func(tx *dnssec.Tx) error {
		e.tx = tx
		return change(e)
	})
}

// find is the first name that a condition is true of.
func (e *editor) find(is func(dnssec.Entry, dnssec.Kind) bool) (dnssec.Entry, error) {
	last := ""
	for rr := range e.Zone.All() {
		if rr.Header().Name == last {
			continue
		}
		last = rr.Header().Name
		n, err := dnssec.ParseName(last)
		if err != nil {
			return dnssec.Entry{}, err
		}
		if entry := e.Zone.At(n); is(entry, e.Zone.Place(n).Kind) {
			return entry, nil
		}
	}
	return dnssec.Entry{}, ErrNotApplicable
}

// host is the first name beside the apex with addresses of its own.
func (e *editor) host() (dnssec.Entry, error) {
	return e.find(func(n dnssec.Entry, kind dnssec.Kind) bool {
		return kind == dnssec.Authoritative && n.Name() != e.Zone.Origin() && n.Has(dns.TypeA) && n.Has(dns.TypeAAAA)
	})
}

// cut is the first delegation with DS or without, and glue that with an address.
func (e *editor) cut(secure bool) (dnssec.Entry, error) {
	return e.find(func(n dnssec.Entry, kind dnssec.Kind) bool {
		return kind == dnssec.Delegation && n.Has(dns.TypeDS) == secure
	})
}

func (e *editor) glue() (dnssec.Entry, error) {
	return e.find(func(n dnssec.Entry, kind dnssec.Kind) bool { return kind == dnssec.Occluded && n.Has(dns.TypeA) })
}

func (e *editor) apex() dnssec.Entry { return e.Zone.At(e.Zone.Origin()) }

// put puts records in the place of their RRset, with good signatures.
func (e *editor) put(rrs ...dns.RR) error { return e.putSigned(nil, rrs...) }

// putSigned does so with signatures of which use has set the fields.
func (e *editor) putSigned(use func(*dns.RRSIG), rrs ...dns.RR) error {
	if err := e.tx.Replace(rrs...); err != nil {
		return err
	}
	sigs, err := e.signatures(use, rrs...)
	if err != nil {
		return err
	}
	return e.tx.Replace(sigs...)
}

// signatures are those that an RRset must have.
func (e *editor) signatures(use func(*dns.RRSIG), rrs ...dns.RR) ([]dns.RR, error) {
	var sigs []dns.RR
	typ := rrs[0].Header().Rrtype
	for _, k := range e.keys {
		keys := typ == dns.TypeDNSKEY || typ == dns.TypeCDS || typ == dns.TypeCDNSKEY
		if keys && !k.keys || !keys && !k.zone {
			continue
		}
		sig, err := e.signature(k, use, rrs...)
		if err != nil {
			return nil, err
		}
		sigs = append(sigs, sig)
	}
	return sigs, nil
}

func (e *editor) signature(k signingKey, use func(*dns.RRSIG), rrs ...dns.RR) (*dns.RRSIG, error) {
	hdr := rrs[0].Header()
	sig := &dns.RRSIG{
		Hdr:         dns.RR_Header{Name: hdr.Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: hdr.Ttl},
		TypeCovered: hdr.Rrtype, Algorithm: k.record.Algorithm, Labels: signedLabels(hdr.Name), OrigTtl: hdr.Ttl,
		Inception: uint32(e.At.Add(-time.Hour).Unix()), Expiration: uint32(e.At.AddDate(0, 0, 14).Unix()),
		KeyTag: k.record.KeyTag(), SignerName: e.Zone.Origin().String(),
	}
	if use != nil {
		use(sig)
	}
	return sig, k.sign(sig, rrs)
}

// drop removes an RRset and its signatures.
func (e *editor) drop(n dnssec.Entry, typ uint16) error {
	e.tx.RemoveRRset(n.Name(), typ)
	return e.tx.Remove(n.Signatures(typ)...)
}

// bitmap changes the types of the denial record of a name.
func (e *editor) bitmap(n dnssec.Name, change func([]uint16) []uint16) error {
	switch rr := e.denialOf(n).(type) {
	case *dns.NSEC:
		rr.TypeBitMap = sorted(change(rr.TypeBitMap))
		return e.put(rr)
	case *dns.NSEC3:
		rr.TypeBitMap = sorted(change(rr.TypeBitMap))
		return e.put(rr)
	}
	return ErrNotApplicable
}

// denialOf is the record of the chain that matches a name; nil if there is none.
func (e *editor) denialOf(n dnssec.Name) dns.RR {
	owner, match := e.Zone.NSEC(n)
	typ := dns.TypeNSEC
	if e.denial != dnssec.NSEC {
		owner, match = e.Zone.NSEC3(n)
		typ = dns.TypeNSEC3
	}
	if !match {
		return nil
	}
	return owner.RRset(typ)[0]
}

func with(types ...uint16) func([]uint16) []uint16 {
	return func(old []uint16) []uint16 { return append(slices.Clone(old), types...) }
}

func withoutType(typ uint16) func([]uint16) []uint16 {
	return func(old []uint16) []uint16 {
		return slices.DeleteFunc(slices.Clone(old), func(t uint16) bool { return t == typ })
	}
}

func sorted(types []uint16) []uint16 {
	slices.Sort(types)
	return slices.Compact(types)
}

// resign signs the zone anew with keys, before anything else is changed.
func (e *editor) resign(s dnssec.Signer, keys []dnssec.KeyUse) error {
	s.Denial = e.denial
	z, _, err := s.Sign(context.Background(), e.Zone, nil, keys, e.At)
	if err != nil {
		return err
	}
	removed, added := dnssec.Diff(e.Zone, z)
	if err := e.tx.Remove(removed...); err != nil {
		return err
	}
	e.Zone = z
	return e.tx.Add(added...)
}
