package dnssectest

import (
	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
)

func chainMutations() []Mutation {
	return []Mutation{
		{"chain-record-missing", dnssec.RuleChainMissing, func(e *editor) error {
			n, err := e.host()
			if err != nil {
				return err
			}
			rr := e.denialOf(n.Name())
			owner, err := dnssec.ParseName(rr.Header().Name)
			if err != nil {
				return err
			}
			return e.drop(e.Zone.At(owner), rr.Header().Rrtype)
		}},
		{"chain-name-skipped", dnssec.RuleChainMissing, func(e *editor) error {
			n, err := e.host()
			if err != nil {
				return err
			}
			return e.skip(n.Name())
		}},
		{"chain-next-wrong", dnssec.RuleChainNext, func(e *editor) error {
			n, err := e.host()
			if err != nil {
				return err
			}
			switch rr := e.denialOf(n.Name()).(type) {
			case *dns.NSEC:
				rr.NextDomain = "zzz." + e.Zone.Origin().String()
				return e.put(rr)
			case *dns.NSEC3:
				rr.NextDomain = dns.HashName("zzz."+e.Zone.Origin().String(), dns.SHA1, 0, "")
				return e.put(rr)
			}
			return ErrNotApplicable
		}},
		{"bitmap-lacks-type", dnssec.RuleBitmap, onHost(withoutType(dns.TypeAAAA))},
		{"bitmap-type-too-many", dnssec.RuleBitmap, onHost(with(dns.TypeTXT))},
		{"bitmap-unknown-type-too-many", dnssec.RuleBitmap, onHost(with(65400))},
		{"bitmap-of-glue", dnssec.RuleBitmap, func(e *editor) error {
			n, err := e.find(func(n dnssec.Entry, kind dnssec.Kind) bool {
				return kind == dnssec.Delegation && n.Has(dns.TypeDS) && n.Has(dns.TypeA)
			})
			if err != nil {
				return err
			}
			return e.bitmap(n.Name(), with(dns.TypeA))
		}},
		{"chain-ttl", dnssec.RuleChainTTL, func(e *editor) error {
			n, err := e.host()
			if err != nil {
				return err
			}
			rr := e.denialOf(n.Name())
			rr.Header().Ttl += 2700
			return e.put(rr)
		}},
		{"chain-record-twice", dnssec.RuleChainExtra, func(e *editor) error {
			n, err := e.host()
			if err != nil {
				return err
			}
			rr := e.denialOf(n.Name())
			second := dns.Copy(rr)
			switch second := second.(type) {
			case *dns.NSEC:
				second.NextDomain = "zzz." + e.Zone.Origin().String()
			case *dns.NSEC3:
				second.NextDomain = dns.HashName("zzz."+e.Zone.Origin().String(), dns.SHA1, 0, "")
			}
			return e.put(rr, second)
		}},
		{"chain-mixed", dnssec.RuleDenial, mixed},
		{"chain-missing", dnssec.RuleDenial, func(e *editor) error {
			typ := dns.TypeNSEC
			if e.denial != dnssec.NSEC {
				typ = dns.TypeNSEC3PARAM
				if err := e.bitmap(e.Zone.Origin(), withoutType(typ)); err != nil {
					return err
				}
			}
			return e.drop(e.apex(), typ)
		}},
		{"nsec-of-glue", dnssec.RuleChainExtra, insertNSEC(func(e *editor) (dnssec.Name, error) {
			n, err := e.glue()
			return n.Name(), err
		})},
		{"nsec-of-nothing", dnssec.RuleChainExtra, insertNSEC(func(e *editor) (dnssec.Name, error) {
			return e.emptyNonTerminal()
		})},
	}
}

func onHost(types func([]uint16) []uint16) func(*editor) error {
	return func(e *editor) error {
		n, err := e.host()
		if err != nil {
			return err
		}
		return e.bitmap(n.Name(), types)
	}
}

// emptyNonTerminal is the first one that is above a name of the zone's own.
func (e *editor) emptyNonTerminal() (dnssec.Name, error) {
	n, err := e.find(func(n dnssec.Entry, kind dnssec.Kind) bool {
		return kind == dnssec.Authoritative && e.Zone.Place(n.Name().Parent()).Kind == dnssec.EmptyNonTerminal
	})
	return n.Name().Parent(), err
}

// skip takes a name out of the chain, and leads around it.
func (e *editor) skip(n dnssec.Name) error {
	gone := e.denialOf(n)
	if gone == nil {
		return ErrNotApplicable
	}
	owner, err := dnssec.ParseName(gone.Header().Name)
	if err != nil {
		return err
	}
	if err := e.drop(e.Zone.At(owner), gone.Header().Rrtype); err != nil {
		return err
	}
	for rr := range e.Zone.All() {
		switch before := rr.(type) {
		case *dns.NSEC:
			if next, _ := dnssec.ParseName(before.NextDomain); next == owner {
				before.NextDomain = gone.(*dns.NSEC).NextDomain
				return e.put(before)
			}
		case *dns.NSEC3:
			if next, _ := dnssec.ParseName(before.NextDomain + "." + e.Zone.Origin().String()); next == owner {
				before.NextDomain = gone.(*dns.NSEC3).NextDomain
				return e.put(before)
			}
		}
	}
	return ErrNotApplicable
}

// insertNSEC gives a name an NSEC record that none is to have, and leads to it.
func insertNSEC(which func(*editor) (dnssec.Name, error)) func(*editor) error {
	return func(e *editor) error {
		if e.denial != dnssec.NSEC {
			return ErrNotApplicable
		}
		n, err := which(e)
		if err != nil {
			return err
		}
		owner, match := e.Zone.NSEC(n)
		if match || !owner.OK() {
			return ErrNotApplicable
		}
		before := owner.RRset(dns.TypeNSEC)[0].(*dns.NSEC)
		record := dns.Copy(before).(*dns.NSEC)
		record.Hdr.Name = n.String()
		record.TypeBitMap = []uint16{dns.TypeRRSIG, dns.TypeNSEC}
		before.NextDomain = n.String()
		if err := e.put(before); err != nil {
			return err
		}
		return e.put(record)
	}
}

// mixed puts a record of the other chain into the zone.
func mixed(e *editor) error {
	if e.denial == dnssec.NSEC {
		param := &dns.NSEC3PARAM{Hdr: header(e.Zone.Origin(), dns.TypeNSEC3PARAM), Hash: dns.SHA1}
		if err := e.put(param); err != nil {
			return err
		}
		return e.bitmap(e.Zone.Origin(), with(dns.TypeNSEC3PARAM))
	}
	n, err := e.host()
	if err != nil {
		return err
	}
	return e.put(&dns.NSEC{
		Hdr: header(n.Name(), dns.TypeNSEC), NextDomain: e.Zone.Origin().String(),
		TypeBitMap: []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeRRSIG, dns.TypeNSEC},
	})
}
