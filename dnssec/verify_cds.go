package dnssec

import (
	"slices"

	"github.com/miekg/dns"
)

// What asks the parent to remove the DS (RFC 8078, section 4).
const (
	deleteCDS    = "\x00\x00\x00\x00\x00"
	deleteCDNSKY = "\x00\x00\x03\x00\x00"
)

// checkCDS checks the records for the parent (RFC 7344, section 4.1).
func (v *verifier) checkCDS(signers, entries []*verifyKey) {
	cds := v.readCDS(dns.TypeCDS, deleteCDS, v.facts.keyOfCDS)
	cdnskey := v.readCDS(dns.TypeCDNSKEY, deleteCDNSKY, v.facts.keyOfCDNSKEY)
	for _, typ := range []uint16{dns.TypeCDS, dns.TypeCDNSKEY} {
		if v.facts.apex.has(typ) && !meet(v.facts.signersOf(typ), entries) {
			v.found.add(v.facts.origin, typ, RuleCDSSigner, "no key signs it by which the parent knows the zone")
		}
	}
	both := v.facts.apex.has(dns.TypeCDS) && v.facts.apex.has(dns.TypeCDNSKEY)
	if both && !sameKeys(cds, cdnskey) {
		v.found.add(v.facts.origin, dns.TypeCDS, RuleCDS, "it is not of the keys that CDNSKEY is of")
	}
	for typ, keys := range map[uint16][]*verifyKey{dns.TypeCDS: cds, dns.TypeCDNSKEY: cdnskey} {
		for _, k := range keys {
			ofAlgorithm := slices.DeleteFunc(slices.Clone(keys), func(o *verifyKey) bool { return o.alg != k.alg })
			if !meet(ofAlgorithm, signers) {
				v.found.add(v.facts.origin, typ, RuleCDS, "no key of %v that it names signs the DNSKEY records: as DS it would make the zone bogus", k.alg)
			}
		}
	}
}

// readCDS is the keys that an RRset names; none if it asks for removal.
func (v *verifier) readCDS(typ uint16, gone string, find func(rdata string) (*verifyKey, string)) []*verifyKey {
	set := v.facts.apex.set(typ, 0)
	if set == nil || len(set.rdata) == 1 && set.rdata[0] == gone {
		return nil
	}
	var keys []*verifyKey
	for _, rdata := range set.rdata {
		k, why := find(rdata)
		switch {
		case rdata == gone:
			why = "the request for removal is not alone"
		case k == nil && why == "":
			why = "it names a key that the zone has not"
		case k != nil && (k.revoked() || k.flags&flagZone == 0):
			why = k.String() + " is revoked, or not a zone key"
		}
		if why != "" {
			v.found.add(v.facts.origin, typ, RuleCDS, "%s", why)
			continue
		}
		keys = append(keys, k)
	}
	return keys
}

func (f *facts) keyOfCDNSKEY(rdata string) (*verifyKey, string) {
	for _, k := range f.keys {
		if k.rdata == rdata {
			return k, ""
		}
	}
	return nil, ""
}

func (f *facts) keyOfCDS(rdata string) (*verifyKey, string) {
	if len(rdata) < 5 {
		return nil, "its data are cut short"
	}
	if typ := rdata[3]; typ != dns.SHA256 && typ != dns.SHA384 {
		return nil, "its digest must not be used, or is not known"
	}
	for _, k := range f.keys {
		if rdata[:3] == string([]byte{byte(k.tag >> 8), byte(k.tag), byte(k.alg)}) && rdata[4:] == string(k.digest(f.origin, rdata[3])) {
			return k, ""
		}
	}
	return nil, ""
}

func meet(a, b []*verifyKey) bool {
	return slices.ContainsFunc(a, func(k *verifyKey) bool { return slices.Contains(b, k) })
}

// sameKeys says whether two lists are of the same keys, however often each is there.
func sameKeys(a, b []*verifyKey) bool {
	in := func(list []*verifyKey) func(*verifyKey) bool {
		return func(k *verifyKey) bool { return !slices.Contains(list, k) }
	}
	return !slices.ContainsFunc(a, in(b)) && !slices.ContainsFunc(b, in(a))
}
