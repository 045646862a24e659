package dnssectest

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
)

func nsec3Mutations() []Mutation {
	return []Mutation{
		{"nsec3-empty-non-terminal-missing", dnssec.RuleChainMissing, onNSEC3(func(e *editor) error {
			n, err := e.emptyNonTerminal()
			if err != nil {
				return err
			}
			return e.skip(n)
		})},
		{"nsec3-secure-delegation-missing", dnssec.RuleChainMissing, onNSEC3(func(e *editor) error {
			n, err := e.cut(true)
			if err != nil {
				return err
			}
			return e.skip(n.Name())
		})},
		{"nsec3-insecure-delegation-missing", dnssec.RuleChainMissing, onNSEC3(func(e *editor) error {
			n, err := e.cut(false)
			if err != nil {
				return err
			}
			return e.skip(n.Name()) // an opt-out zone has no such record
		})},
		{"nsec3-of-nothing", dnssec.RuleChainExtra, onNSEC3(func(e *editor) error {
			n, err := e.Zone.Origin().Child("nothing")
			if err != nil {
				return err
			}
			owner, match := e.Zone.NSEC3(n)
			if match {
				return ErrNotApplicable
			}
			before := owner.RRset(dns.TypeNSEC3)[0].(*dns.NSEC3)
			record := dns.Copy(before).(*dns.NSEC3)
			before.NextDomain = e.Zone.Hash(n)
			record.Hdr.Name = e.Zone.Hash(n) + "." + e.Zone.Origin().String()
			record.TypeBitMap = []uint16{dns.TypeA, dns.TypeRRSIG}
			if err := e.put(before); err != nil {
				return err
			}
			return e.put(record)
		})},
		{"nsec3-not-at-apex", dnssec.RuleChainExtra, onNSEC3(func(e *editor) error {
			n, err := e.host()
			if err != nil {
				return err
			}
			record := e.denialOf(n.Name()).(*dns.NSEC3)
			record.Hdr.Name = strings.SplitN(record.Hdr.Name, ".", 2)[0] + "." + n.Name().String()
			return e.put(record)
		})},
		{"nsec3-iterations", dnssec.RuleNSEC3, rehash(5, "")},
		{"nsec3-salt", dnssec.RuleNSEC3, rehash(0, "abcd")},
		{"nsec3-param-flags", dnssec.RuleNSEC3, onNSEC3(func(e *editor) error {
			param := e.apex().RRset(dns.TypeNSEC3PARAM)[0].(*dns.NSEC3PARAM)
			param.Flags = 1
			return e.put(param)
		})},
		{"nsec3-param-other", dnssec.RuleNSEC3, onNSEC3(func(e *editor) error {
			param := e.apex().RRset(dns.TypeNSEC3PARAM)[0].(*dns.NSEC3PARAM)
			second := dns.Copy(param).(*dns.NSEC3PARAM)
			second.Salt, second.SaltLength = "ab", 1
			return e.put(param, second)
		})},
		{"nsec3-param-twice-elsewhere", dnssec.RuleApex, onNSEC3(func(e *editor) error {
			n, err := e.host()
			if err != nil {
				return err
			}
			if err := e.put(&dns.NSEC3PARAM{Hdr: header(n.Name(), dns.TypeNSEC3PARAM), Hash: dns.SHA1}); err != nil {
				return err
			}
			return e.bitmap(n.Name(), with(dns.TypeNSEC3PARAM))
		})},
		{"nsec3-flags-unknown", dnssec.RuleNSEC3, onRecord(func(rr *dns.NSEC3) { rr.Flags |= 2 })},
		{"nsec3-parameters-differ", dnssec.RuleNSEC3, onRecord(func(rr *dns.NSEC3) { rr.Iterations = 1 })},
		{"nsec3-hash-algorithm", dnssec.RuleNSEC3, onRecord(func(rr *dns.NSEC3) { rr.Hash = 2 })},
		{"nsec3-opt-out-unsaid", dnssec.RuleOptOut, func(e *editor) error {
			if e.denial != dnssec.NSEC3OptOut {
				return ErrNotApplicable
			}
			n, err := e.cut(false)
			if err != nil {
				return err
			}
			owner, match := e.Zone.NSEC3(n.Name())
			if match {
				return ErrNotApplicable
			}
			record := owner.RRset(dns.TypeNSEC3)[0].(*dns.NSEC3)
			record.Flags = 0
			return e.put(record)
		}},
	}
}

func onNSEC3(change func(*editor) error) func(*editor) error {
	return func(e *editor) error {
		if e.denial == dnssec.NSEC {
			return ErrNotApplicable
		}
		return change(e)
	}
}

// onRecord changes the NSEC3 record of a host.
func onRecord(change func(*dns.NSEC3)) func(*editor) error {
	return onNSEC3(func(e *editor) error {
		n, err := e.host()
		if err != nil {
			return err
		}
		record := e.denialOf(n.Name()).(*dns.NSEC3)
		change(record)
		return e.put(record)
	})
}

// rehash makes the chain anew, whole and right, with parameters that are out of use.
func rehash(iterations uint16, salt string) func(*editor) error {
	return onNSEC3(func(e *editor) error {
		chain := map[string]*dns.NSEC3{} // by new hash
		for rr := range e.Zone.All() {
			n, err := dnssec.ParseName(rr.Header().Name)
			if err != nil {
				return err
			}
			for ; n.Under(e.Zone.Origin()); n = n.Parent() {
				record, _ := e.denialOf(n).(*dns.NSEC3)
				hash := strings.ToLower(dns.HashName(n.String(), dns.SHA1, iterations, salt))
				if record == nil || chain[hash] != nil {
					continue
				}
				chain[hash] = record
				owner, err := dnssec.ParseName(record.Hdr.Name)
				if err != nil {
					return err
				}
				if err := e.drop(e.Zone.At(owner), dns.TypeNSEC3); err != nil {
					return err
				}
			}
		}
		return e.link(chain, iterations, salt)
	})
}

// link puts a chain of records into the zone.
func (e *editor) link(chain map[string]*dns.NSEC3, iterations uint16, salt string) error {
	hashes := make([]string, 0, len(chain))
	for hash := range chain {
		hashes = append(hashes, hash)
	}
	slices.Sort(hashes)
	for i, hash := range hashes {
		rr := chain[hash]
		rr.Hdr.Name = hash + "." + e.Zone.Origin().String()
		rr.NextDomain = hashes[(i+1)%len(hashes)]
		rr.Iterations, rr.Salt, rr.SaltLength = iterations, salt, uint8(len(salt)/2)
		if err := e.put(rr); err != nil {
			return err
		}
	}
	param := e.apex().RRset(dns.TypeNSEC3PARAM)[0].(*dns.NSEC3PARAM)
	param.Iterations, param.Salt, param.SaltLength = iterations, salt, uint8(len(salt)/2)
	return e.put(param)
}
