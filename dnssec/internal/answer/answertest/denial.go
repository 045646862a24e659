package answertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// typeNXNAME says in a compact denial that the name is not there (RFC 9824).
const typeNXNAME = 128

// negative judges a referral, or the proof that a name or a type is not there.
func (c *check) negative(name string) error {
	for _, rr := range c.m.Ns {
		if cut := strings.ToLower(rr.Header().Name); rr.Header().Rrtype == dns.TypeNS && cut != c.Zone {
			return c.referral(name, cut)
		}
	}
	if !slices.ContainsFunc(c.m.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA }) {
		return errors.New("neither an answer nor a SOA nor a referral")
	}
	switch c.m.Rcode {
	case dns.RcodeNameError:
		return c.noName(name)
	case dns.RcodeSuccess:
		return c.noType(name, c.qtype)
	}
	return fmt.Errorf("rcode %d", c.m.Rcode)
}

func (c *check) referral(name, cut string) error {
	if !under(name, cut) {
		return fmt.Errorf("%s is not below %s", name, cut)
	}
	if signature(c.m.Ns, cut, dns.TypeDS) != nil {
		return nil
	}
	return c.noType(cut, dns.TypeDS)
}

// noType wants a record that matches and has neither the type nor a CNAME, or one
// that shows an empty non-terminal, a wildcard without the type, or an opted-out cut.
func (c *check) noType(name string, typ uint16) error {
	for _, rr := range c.m.Ns {
		switch d := rr.(type) {
		case *dns.NSEC:
			owner := strings.ToLower(d.Hdr.Name)
			if owner == name && lacks(d.TypeBitMap, typ, c.Zone, name) {
				return nil
			}
			if covers(d, name) && under(strings.ToLower(d.NextDomain), name) {
				return nil
			}
			if wild := star(encloser(d, name)); covers(d, name) && c.matches(wild, typ) {
				return nil
			}
		case *dns.NSEC3:
			if strings.EqualFold(d.Hdr.Name, c.hashed(name)) && lacks(d.TypeBitMap, typ, c.Zone, name) {
				return nil
			}
		}
	}
	for ce, next := range c.enclosers(name) {
		for _, rr := range c.m.Ns {
			d, ok := rr.(*dns.NSEC3)
			if !ok || !c.covers3(d, next) {
				continue
			}
			if d.Flags&1 != 0 && typ == dns.TypeDS || c.matches3(star(ce), typ) {
				return nil
			}
		}
	}
	return errors.New("no proof that there is no such type")
}

// noName wants the name and its wildcard denied.
func (c *check) noName(name string) error {
	for _, rr := range c.m.Ns {
		d, ok := rr.(*dns.NSEC)
		if !ok {
			continue
		}
		if strings.ToLower(d.Hdr.Name) == name && slices.Contains(d.TypeBitMap, typeNXNAME) {
			return nil
		}
		if !covers(d, name) {
			continue
		}
		wild := star(encloser(d, name))
		for _, other := range c.m.Ns {
			if w, ok := other.(*dns.NSEC); ok && covers(w, wild) {
				return nil
			}
		}
	}
	for ce, next := range c.enclosers(name) {
		covered, wild := false, false
		for _, rr := range c.m.Ns {
			if d, ok := rr.(*dns.NSEC3); ok {
				covered = covered || c.covers3(d, next)
				wild = wild || c.covers3(d, star(ce))
			}
		}
		if covered && wild {
			return nil
		}
	}
	return errors.New("no proof that there is no such name")
}

// enclosers yields the ancestors that an NSEC3 record matches, with the name next
// below, the closest first.
func (c *check) enclosers(name string) func(yield func(ce, next string) bool) {
	return func(yield func(ce, next string) bool) {
		for n := dns.CountLabel(name) - 1; n >= dns.CountLabel(c.Zone); n-- {
			hash := c.hashed(tail(name, n))
			for _, rr := range c.m.Ns {
				if rr.Header().Rrtype != dns.TypeNSEC3 || !strings.EqualFold(rr.Header().Name, hash) {
					continue
				}
				if !yield(tail(name, n), tail(name, n+1)) {
					return
				}
			}
		}
	}
}

// matches finds the NSEC record of a wildcard without the type, or of one that is an
// empty non-terminal.
func (c *check) matches(name string, typ uint16) bool {
	return slices.ContainsFunc(c.m.Ns, func(rr dns.RR) bool {
		d, ok := rr.(*dns.NSEC)
		if !ok {
			return false
		}
		return strings.ToLower(d.Hdr.Name) == name && lacks(d.TypeBitMap, typ, c.Zone, name) ||
			covers(d, name) && under(strings.ToLower(d.NextDomain), name)
	})
}

func (c *check) matches3(name string, typ uint16) bool {
	hash := c.hashed(name)
	return slices.ContainsFunc(c.m.Ns, func(rr dns.RR) bool {
		d, ok := rr.(*dns.NSEC3)
		return ok && strings.EqualFold(d.Hdr.Name, hash) && lacks(d.TypeBitMap, typ, c.Zone, name)
	})
}

// lacks says whether a bit map denies a type: that of a cut denies DS only, that of
// an apex all but DS (RFC 6840, section 4.4).
func lacks(types []uint16, typ uint16, zone, name string) bool {
	has := func(t uint16) bool { return slices.Contains(types, t) }
	if has(dns.TypeNS) && !has(dns.TypeSOA) && typ != dns.TypeDS {
		return false
	}
	return !has(typ) && !has(dns.TypeCNAME) && (typ != dns.TypeDS || !has(dns.TypeSOA) || name == zone)
}

// hashed is the owner of the NSEC3 record of a name, by the first record's numbers.
func (c *check) hashed(name string) string {
	for _, rr := range c.m.Ns {
		if d, ok := rr.(*dns.NSEC3); ok {
			hash := strings.ToLower(dns.HashName(name, d.Hash, d.Iterations, d.Salt))
			if c.Zone == "." {
				return hash + "."
			}
			return hash + "." + c.Zone
		}
	}
	return ""
}

func (c *check) covers3(d *dns.NSEC3, name string) bool {
	hash := strings.ToLower(dns.HashName(name, d.Hash, d.Iterations, d.Salt))
	owner, _, _ := strings.Cut(strings.ToLower(d.Hdr.Name), ".")
	next := strings.ToLower(d.NextDomain)
	if owner < next {
		return owner < hash && hash < next
	}
	return owner < hash || hash < next
}

// star is the wildcard below a name.
func star(ce string) string {
	if ce == "." {
		return "*."
	}
	return "*." + ce
}
