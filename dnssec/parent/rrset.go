package parent

import (
	"strings"

	"github.com/miekg/dns"
)

// rrset is records of one name and type, and their signatures.
type rrset struct {
	rrs  []dns.RR
	sigs []*dns.RRSIG
}

// pick takes an RRset out of a section of a message.
func pick(section []dns.RR, name string, typ uint16) rrset {
	var set rrset
	for _, rr := range section {
		hdr := rr.Header()
		if hdr.Class != dns.ClassINET || !equalNames(hdr.Name, name) {
			continue
		}
		if hdr.Rrtype == typ {
			set.rrs = append(set.rrs, rr)
		}
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == typ {
			set.sigs = append(set.sigs, sig)
		}
	}
	return set
}

// hosts are the targets of NS records, each once.
func (s rrset) hosts() []string {
	var hosts []string
	seen := make(map[string]bool)
	for _, rr := range s.rrs {
		ns, ok := rr.(*dns.NS)
		if !ok || len(hosts) == maxServers {
			continue
		}
		host := strings.ToLower(ns.Ns)
		if !seen[host] {
			seen[host] = true
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// keys are the DNSKEY records.
func (s rrset) keys() []*dns.DNSKEY {
	var keys []*dns.DNSKEY
	for _, rr := range s.rrs {
		if key, ok := rr.(*dns.DNSKEY); ok {
			keys = append(keys, key)
		}
	}
	return keys
}
