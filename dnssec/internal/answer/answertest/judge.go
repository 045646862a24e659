package answertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Judge checks answers about one zone.
type Judge struct {
	// Zone is the name of the apex, in lower case, with the dot at its end.
	Zone string
	// Keys are the zone's, trusted.
	Keys []*dns.DNSKEY
	// At is when signatures must be valid; zero means now.
	At time.Time
	// Seen are the signatures that were found good, with their records, and are not
	// verified again: for many answers of one zone. Nil means that each is verified.
	Seen map[string]bool
}

// Check says what is wrong with an answer to a question with DO: signatures that are
// missing or bad, names that do not follow from each other, and proofs that are not
// there. What an answer says of other zones is not judged.
func (j Judge) Check(m *dns.Msg) error {
	if len(m.Question) != 1 {
		return errors.New("answertest: no question")
	}
	wire, err := m.Pack()
	if err != nil {
		return fmt.Errorf("answertest: %w", err)
	}
	m = new(dns.Msg) // in which all names are written in one way
	if err := m.Unpack(wire); err != nil {
		return fmt.Errorf("answertest: %w", err)
	}
	c := &check{Judge: j, m: m, qtype: m.Question[0].Qtype}
	if c.At.IsZero() {
		c.At = time.Now()
	}
	if err := c.run(strings.ToLower(m.Question[0].Name)); err != nil {
		return fmt.Errorf("answertest: %s %s: %w", m.Question[0].Name, dns.Type(c.qtype), err)
	}
	return nil
}

// check is one answer on trial.
type check struct {
	Judge
	m     *dns.Msg
	qtype uint16
}

func (c *check) run(name string) error {
	if err := c.signatures(c.m.Answer); err != nil {
		return err
	}
	if err := c.signatures(c.m.Ns); err != nil {
		return err
	}
	for range 20 {
		if !under(name, c.Zone) {
			return nil
		}
		next, done, err := c.follow(name)
		if done || err != nil {
			return err
		}
		if next == "" {
			return c.negative(name)
		}
		name = next
	}
	return nil // a circle
}

// follow finds what the answer has for a name: the end, or where to go on.
func (c *check) follow(name string) (next string, done bool, err error) {
	for _, rr := range c.m.Answer {
		h := rr.Header()
		owner := strings.ToLower(h.Name)
		if owner == name && (h.Rrtype == c.qtype || c.qtype == dns.TypeANY) {
			return "", true, c.expanded(name, h.Rrtype)
		}
		if d, ok := rr.(*dns.DNAME); ok && under(name, owner) && name != owner {
			want := strings.ToLower(strings.TrimSuffix(name, owner) + d.Target)
			if owner == "." {
				want = strings.ToLower(name + d.Target)
			}
			i := slices.IndexFunc(c.m.Answer, func(rr dns.RR) bool {
				made, ok := rr.(*dns.CNAME)
				return ok && strings.ToLower(made.Hdr.Name) == name && strings.ToLower(made.Target) == want
			})
			if i < 0 && c.m.Rcode != dns.RcodeYXDomain {
				return "", false, fmt.Errorf("no CNAME from %s to %s", name, want)
			}
			return want, c.m.Rcode == dns.RcodeYXDomain || c.qtype == dns.TypeCNAME || c.qtype == dns.TypeANY, nil
		}
	}
	for _, rr := range c.m.Answer {
		if a, ok := rr.(*dns.CNAME); ok && strings.ToLower(a.Hdr.Name) == name {
			return strings.ToLower(a.Target), false, c.expanded(name, dns.TypeCNAME)
		}
	}
	return "", false, nil
}

// expanded demands the proof that nothing is closer than the wildcard an RRset was
// made of, if it was.
func (c *check) expanded(name string, typ uint16) error {
	sig := signature(c.m.Answer, name, typ)
	if sig == nil { // a question for signatures
		return nil
	}
	labels := dns.CountLabel(name)
	if strings.HasPrefix(name, "*.") {
		labels--
	}
	if int(sig.Labels) == labels {
		return nil
	}
	encloser := tail(name, int(sig.Labels))
	for _, rr := range c.m.Ns {
		if nsec, ok := rr.(*dns.NSEC); ok && covers(nsec, name) {
			return nil
		}
		if nsec3, ok := rr.(*dns.NSEC3); ok && c.covers3(nsec3, tail(name, dns.CountLabel(encloser)+1)) {
			return nil
		}
	}
	return fmt.Errorf("%s is of a wildcard, and nothing says that it may", name)
}

// signatures demands a good one for each RRset, but for the NS of cuts and the
// CNAMEs that DNAMEs make.
func (c *check) signatures(rrs []dns.RR) error {
	for _, rr := range rrs {
		h := rr.Header()
		owner := strings.ToLower(h.Name)
		if h.Rrtype == dns.TypeRRSIG || h.Rrtype == dns.TypeNS && owner != c.Zone {
			continue
		}
		if h.Rrtype == dns.TypeCNAME && signature(rrs, owner, dns.TypeCNAME) == nil && c.redirected(owner) {
			continue
		}
		var set []dns.RR
		for _, other := range rrs {
			if other.Header().Rrtype == h.Rrtype && strings.EqualFold(other.Header().Name, h.Name) {
				set = append(set, other)
			}
		}
		if err := c.signed(set, signature(rrs, owner, h.Rrtype)); err != nil {
			return fmt.Errorf("%s %s: %w", owner, dns.Type(h.Rrtype), err)
		}
	}
	return nil
}

func (c *check) redirected(name string) bool {
	return slices.ContainsFunc(c.m.Answer, func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeDNAME && under(name, strings.ToLower(rr.Header().Name))
	})
}

func (c *check) signed(set []dns.RR, sig *dns.RRSIG) error {
	switch {
	case sig == nil:
		return errors.New("no signature")
	case strings.ToLower(sig.SignerName) != c.Zone:
		return fmt.Errorf("signed by %s", sig.SignerName)
	case sig.Hdr.Ttl != set[0].Header().Ttl || sig.Hdr.Ttl > sig.OrigTtl:
		return fmt.Errorf("TTL %d of the signature, %d of the set, %d signed", sig.Hdr.Ttl, set[0].Header().Ttl, sig.OrigTtl)
	case !sig.ValidityPeriod(c.At):
		return errors.New("not valid now")
	}
	id := c.id(set, sig)
	if c.Seen[id] {
		return nil
	}
	for _, k := range c.Keys {
		if k.KeyTag() == sig.KeyTag && sig.Verify(k, set) == nil {
			if c.Seen != nil {
				c.Seen[id] = true
			}
			return nil
		}
	}
	return errors.New("no key made the signature")
}

// id has all that the verification of a signature depends on but the keys.
func (c *check) id(set []dns.RR, sig *dns.RRSIG) string {
	if c.Seen == nil {
		return ""
	}
	var id strings.Builder
	id.WriteString(sig.String())
	for _, rr := range set {
		id.WriteString("\n" + rr.String())
	}
	return id.String()
}

// signature is that of an RRset among records.
func signature(rrs []dns.RR, owner string, typ uint16) *dns.RRSIG {
	for _, rr := range rrs {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == typ && strings.EqualFold(sig.Hdr.Name, owner) {
			return sig
		}
	}
	return nil
}
