package parent

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// maxIterations is how many rounds of NSEC3 are computed for a stranger (RFC 9276,
// section 3.2).
const maxIterations = 100

var errNoProof = errors.New("has no proof that is signed")

// denial is the authority section of an answer, and whose signatures count in it.
type denial struct {
	zone      string
	keys      []*dns.DNSKEY
	now       time.Time
	authority []dns.RR
}

// noDS checks the proof that a delegation has no DS: of its own name, or by
// opt-out (RFC 4035, section 5.2; RFC 5155, section 8.9).
func (d denial) noDS(child string) error {
	for _, nsec := range d.nsec() {
		if equalNames(nsec.Hdr.Name, child) {
			return insecure(nsec.TypeBitMap)
		}
	}
	hashed := d.nsec3()
	if match := hashed.matching(child); match != nil {
		return insecure(match.TypeBitMap)
	}
	for name := child; name != d.zone && within(name, d.zone); name = above(name) {
		if hashed.matching(above(name)) == nil {
			continue
		}
		if cover := hashed.covering(name); cover != nil && cover.Flags&1 != 0 {
			return nil
		}
		break
	}
	return errNoProof
}

// insecure says whether the types are those of a delegation without DS.
func insecure(types []uint16) error {
	var ns bool
	for _, typ := range types {
		switch typ {
		case dns.TypeNS:
			ns = true
		case dns.TypeDS:
			return errors.New("the proof says that there is a DS")
		case dns.TypeSOA:
			return errors.New("the proof is of the child's own zone")
		}
	}
	if !ns {
		return errors.New("the proof says that there is no delegation")
	}
	return nil
}

// noCloser checks the proof that nothing is closer to a name than a wildcard
// below its last labels.
func (d denial) noCloser(name string, labels int) error {
	closer := name
	for dns.CountLabel(closer) > labels+1 {
		closer = above(closer)
	}
	for _, nsec := range d.nsec() {
		if between(nsec.Hdr.Name, name, nsec.NextDomain) {
			return nil
		}
	}
	if d.nsec3().covering(closer) != nil {
		return nil
	}
	return errNoProof
}

// between says whether a name is in the gap of an NSEC.
func between(owner, name, next string) bool {
	var names [3]dnssec.Name
	for i, s := range []string{owner, name, next} {
		parsed, err := dnssec.ParseName(s)
		if err != nil {
			return false
		}
		names[i] = parsed
	}
	after := names[1].Compare(names[0]) > 0
	before := names[1].Compare(names[2]) < 0
	if names[0].Compare(names[2]) >= 0 { // the last one leads to the apex
		return after
	}
	return after && before
}

// nsec are the records with a good signature.
func (d denial) nsec() []*dns.NSEC {
	var good []*dns.NSEC
	d.signed(dns.TypeNSEC, func(rr dns.RR) { good = append(good, rr.(*dns.NSEC)) })
	return good
}

func (d denial) nsec3() hashes {
	var good hashes
	d.signed(dns.TypeNSEC3, func(rr dns.RR) {
		if nsec3 := rr.(*dns.NSEC3); nsec3.Hash == dns.SHA1 && nsec3.Iterations <= maxIterations {
			good = append(good, nsec3)
		}
	})
	return good
}

// signed calls fn for those of a type that are signed by the zone, and not made
// by a wildcard.
func (d denial) signed(typ uint16, fn func(dns.RR)) {
	const most = 8 // no proof has more than three
	n := 0
	for _, rr := range d.authority {
		if rr.Header().Rrtype != typ || n == most {
			continue
		}
		n++
		set := pick(d.authority, rr.Header().Name, typ)
		if len(set.rrs) != 1 {
			continue
		}
		sig, err := verify(set, d.zone, d.keys, d.now)
		if err == nil && int(sig.Labels) == signedLabels(rr.Header().Name) {
			fn(rr)
		}
	}
}

// signedLabels is how many the signature of a name counts, if no wildcard made it (RFC
// 4034, section 3.1.3).
func signedLabels(name string) int {
	n := dns.CountLabel(name)
	if strings.HasPrefix(name, "*.") {
		n--
	}
	return n
}

// hashes are NSEC3 records.
type hashes []*dns.NSEC3

// matching is the one of a name, if there is any.
func (h hashes) matching(name string) *dns.NSEC3 {
	for _, nsec3 := range h {
		if owner, hash := nsec3Hashes(nsec3, name); owner == hash {
			return nsec3
		}
	}
	return nil
}

// covering is the one in whose gap a name is.
func (h hashes) covering(name string) *dns.NSEC3 {
	for _, nsec3 := range h {
		owner, hash := nsec3Hashes(nsec3, name)
		next := strings.ToUpper(nsec3.NextDomain)
		switch inside := owner < hash; {
		case owner >= next && (inside || hash < next), owner < next && inside && hash < next:
			return nsec3
		}
	}
	return nil
}

// nsec3Hashes are that of the record's owner and that of a name, which is in
// canonical form.
func nsec3Hashes(nsec3 *dns.NSEC3, name string) (owner, hash string) {
	label, _, _ := strings.Cut(nsec3.Hdr.Name, ".")
	if parsed, err := dnssec.ParseName(name); err == nil {
		name = parsed.String() // the library hashes escapes as they are written
	}
	return strings.ToUpper(label), dns.HashName(name, nsec3.Hash, nsec3.Iterations, nsec3.Salt)
}

// proofError says what a proof is of.
func proofError(child string, err error) error {
	return fmt.Errorf("that %s has no DS: %w", child, err)
}
