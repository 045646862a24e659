package dnssec

import "github.com/miekg/dns"

// TTLs are the longest times for which caches may keep what a zone answers, in seconds.
type TTLs struct {
	// Max is the longest TTL of a record.
	Max uint32
	// Negative is that of answers which say that something is not there: the lesser
	// of the SOA record's TTL and its MINIMUM (RFC 2308, section 5).
	Negative uint32
	// DNSKEY is that of the DNSKEY records; zero if there is none.
	DNSKEY uint32
}

// TTLs finds the longest TTLs.
func (z *Zone) TTLs() TTLs {
	t := TTLs{Negative: z.negativeTTL()}
	if set := z.nodes.get(z.key).set(dns.TypeDNSKEY, 0); set != nil {
		t.DNSKEY = set.ttl
	}
	for n := range z.nodes.all() {
		for _, set := range n.sets {
			t.Max = max(t.Max, set.ttl)
		}
	}
	return t
}
