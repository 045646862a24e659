package acmetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/acme/internal/txtrr"
)

// dnsZone is the records of a zone by their names.
type dnsZone struct {
	name    string
	soa     dns.RR
	records map[string][]dns.RR
}

func newDNSZone(name string) *dnsZone {
	soa, err := dns.NewRR(fmt.Sprintf("%s 3600 IN SOA ns1.servers.test. hostmaster.servers.test. 1 7200 3600 604800 300", name))
	if err != nil {
		panic(fmt.Sprintf("acmetest: %q is no name of a zone: %v", name, err))
	}
	return &dnsZone{name: name, soa: soa, records: map[string][]dns.RR{name: {soa}}}
}

func (z *dnsZone) clone() *dnsZone {
	c := &dnsZone{name: z.name, soa: z.soa, records: maps.Clone(z.records)}
	for name, rrs := range c.records {
		c.records[name] = slices.Clone(rrs)
	}
	return c
}

func (z *dnsZone) add(rr dns.RR) {
	name := rr.Header().Name
	same := func(other dns.RR) bool { return dns.IsDuplicate(rr, other) }
	if !slices.ContainsFunc(z.records[name], same) {
		z.records[name] = append(slices.Clip(z.records[name]), rr)
	}
}

func (z *dnsZone) remove(rr dns.RR) {
	name := rr.Header().Name
	left := slices.DeleteFunc(slices.Clone(z.records[name]), func(other dns.RR) bool { return dns.IsDuplicate(rr, other) })
	z.records[name] = left
	if len(left) == 0 {
		delete(z.records, name)
	}
}

// get are the records of a type, or the alias that is there instead.
func (z *dnsZone) get(name string, typ uint16) []dns.RR {
	var found []dns.RR
	for _, rr := range z.records[name] {
		if t := rr.Header().Rrtype; t == typ || typ == dns.TypeANY || t == dns.TypeCNAME {
			found = append(found, rr)
		}
	}
	return found
}

func (z *dnsZone) txt(name string) []string {
	var values []string
	for _, rr := range z.records[name] {
		if txt, ok := rr.(*dns.TXT); ok {
			values = append(values, txtrr.Value(txt))
		}
	}
	slices.Sort(values)
	return values
}

// exists says whether a name has records or is above one that has.
func (z *dnsZone) exists(name string) bool {
	for have := range z.records {
		if dns.IsSubDomain(name, have) {
			return true
		}
	}
	return false
}

// cut are the NS records of a delegation between the zone and a name, if any.
func (z *dnsZone) cut(name string) []dns.RR {
	for ; name != z.name && name != "."; name = parentName(name) {
		var ns []dns.RR
		for _, rr := range z.records[name] {
			if rr.Header().Rrtype == dns.TypeNS {
				ns = append(ns, rr)
			}
		}
		if len(ns) > 0 {
			return ns
		}
	}
	return nil
}

// deepest is the zone that a name is in.
func deepest(zones map[string]*dnsZone, name string) *dnsZone {
	for name = strings.ToLower(name); ; name = parentName(name) {
		if z := zones[name]; z != nil {
			return z
		}
		if name == "." {
			return nil
		}
	}
}

func parentName(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}
