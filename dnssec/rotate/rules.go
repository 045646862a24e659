package rotate

import "slices"

// Rule is one of the three that hold whatever a cache has.
type Rule uint8

// The rules.
const (
	// RuleDS says that the parent has a DS, unless the zone goes insecure.
	RuleDS Rule = iota + 1
	// RuleChain says that every DS RRset that may be cached leads to every
	// DNSKEY RRset that may be, for each algorithm that it has.
	RuleChain
	// RuleSignatures says that every DNSKEY RRset that may be cached verifies
	// every RRset that may be, for each algorithm that it has.
	RuleSignatures
)

var ruleNames = []string{
	RuleDS: "a DS at the parent", RuleChain: "a chain from DS to DNSKEY", RuleSignatures: "signatures by the DNSKEY RRset",
}

// String says what the rule asks for.
func (r Rule) String() string { return nameOf(ruleNames, r) }

// Rules returns which rules hold. Those about caches hold of themselves as long as
// no DS can be cached.
func (s *State) Rules() map[Rule]bool {
	holds := s.holds()
	return map[Rule]bool{RuleDS: holds[RuleDS], RuleChain: holds[RuleChain], RuleSignatures: holds[RuleSignatures]}
}

// holds is Rules by index.
func (s *State) holds() (holds [RuleSignatures + 1]bool) {
	holds[RuleDS], holds[RuleChain], holds[RuleSignatures] = s.haveDS(), s.haveChain(), s.haveSignatures()
	return holds
}

func (s *State) haveDS() bool {
	return s.Insecure || slices.ContainsFunc(s.Keys, func(k Key) bool { return k.DS.State.ordered() })
}

func (s *State) haveChain() bool {
	for _, alg := range s.algorithms() {
		keys := s.ofAlgorithm(alg)
		if !slices.ContainsFunc(keys, func(k *Key) bool { return k.DS.State != Hidden }) {
			continue
		}
		if !chainComplete(keys) && !dsSwapped(keys) && !keySwapped(keys) && !everyDSChained(keys) {
			return false
		}
	}
	return true
}

func chainComplete(keys []*Key) bool {
	return slices.ContainsFunc(keys, func(k *Key) bool {
		return k.chains() && k.DS.State == Omnipresent
	})
}

// dsSwapped: one DS takes the place of another, and both keys sign everywhere.
func dsSwapped(keys []*Key) bool {
	return pair(keys, func(in, out *Key) bool {
		return in.DS.State == Rumoured && out.DS.State == Unretentive && in.chains() && out.chains()
	})
}

// keySwapped: one key takes the place of another in the DNSKEY RRset and signs it
// instead, and both DS are everywhere.
func keySwapped(keys []*Key) bool {
	return pair(keys, func(in, out *Key) bool {
		return in.DS.State == Omnipresent && out.DS.State == Omnipresent &&
			in.DNSKEY.State == Rumoured && out.DNSKEY.State == Unretentive &&
			in.KRRSIG.State.ordered() && (out.KRRSIG.State == Unretentive || out.KRRSIG.State == Omnipresent)
	})
}

// everyDSChained: whichever DS a cache has, its own key signs the DNSKEY RRset
// everywhere.
func everyDSChained(keys []*Key) bool {
	return !slices.ContainsFunc(keys, func(k *Key) bool {
		return k.DS.State != Hidden && !k.chains()
	})
}

func (s *State) haveSignatures() bool {
	if !s.delegated() {
		return true
	}
	for _, alg := range s.algorithms() {
		keys := s.ofAlgorithm(alg)
		if !signedAlways(keys) && !signaturesSwapped(keys) && !signersSwapped(keys) && !everyKeySigned(keys) {
			return false
		}
	}
	return true
}

func signedAlways(keys []*Key) bool {
	return slices.ContainsFunc(keys, func(k *Key) bool {
		return k.DNSKEY.State == Omnipresent && k.ZRRSIG.State == Omnipresent
	})
}

// signaturesSwapped: each RRset has the signature of one or of the other, and both
// DNSKEYs are everywhere.
func signaturesSwapped(keys []*Key) bool {
	return pair(keys, func(in, out *Key) bool {
		return in.ZRRSIG.State == Rumoured && out.ZRRSIG.State == Unretentive &&
			in.DNSKEY.State == Omnipresent && out.DNSKEY.State == Omnipresent
	})
}

// signersSwapped: one DNSKEY takes the place of another, and each RRset has the
// signatures of both.
func signersSwapped(keys []*Key) bool {
	return pair(keys, func(in, out *Key) bool {
		return in.DNSKEY.State == Rumoured && out.DNSKEY.State == Unretentive &&
			in.ZRRSIG.State == Omnipresent && out.ZRRSIG.State == Omnipresent
	})
}

// everyKeySigned: no cache has a DNSKEY of the algorithm without one that signs
// everything. This is how an algorithm comes and goes (RFC 6781 section 4.1.4).
func everyKeySigned(keys []*Key) bool {
	for _, k := range keys {
		if k.DNSKEY.State == Hidden {
			continue
		}
		if !slices.ContainsFunc(keys, func(signer *Key) bool {
			return signer.ZRRSIG.State == Omnipresent &&
				(signer.DNSKEY.State == Omnipresent || signer.DNSKEY.State == k.DNSKEY.State)
		}) {
			return false
		}
	}
	return true
}

// pair looks for two keys of which one replaces the other, in either direction: an
// abort turns a roll around.
func pair(keys []*Key, ok func(in, out *Key) bool) bool {
	for _, a := range keys {
		for _, b := range keys {
			if slices.Contains(a.Replaces, b.ID) && (ok(a, b) || ok(b, a)) {
				return true
			}
		}
	}
	return false
}

// Move is a change of the state of one record.
type Move struct {
	Key    string // its ID
	Record Kind
	To     RecordState
}

// Try returns the state after a move, if the rules permit it: none that holds
// must cease to, and what is withdrawn must leave a chain and signatures behind.
// Otherwise the error is a [*RuleError]. It does not look at the time.
func (s *State) Try(m Move) (State, error) {
	next := s.clone()
	if err := next.move(m); err != nil {
		return State{}, err
	}
	return next, nil
}

// move makes a move, or leaves the state as it is.
func (s *State) move(m Move) error {
	k := s.key(m.Key)
	if k == nil {
		return &RuleError{Move: m, Why: "there is no such key"}
	}
	rec := k.Record(m.Record)
	from := rec.State
	if !slices.Contains(k.Role.kinds(), m.Record) || !follows(from, m.To) {
		return &RuleError{Move: m, From: from, Why: "a record does not go there"}
	}
	before := s.holds()
	rec.State = m.To
	after := s.holds()
	for rule := RuleDS; rule <= RuleSignatures; rule++ {
		mustHold := before[rule] || m.To == Unretentive && rule != RuleDS
		if mustHold && !after[rule] {
			rec.State = from
			return &RuleError{Move: m, From: from, Rule: rule, Why: "nothing else ensures " + rule.String()}
		}
	}
	return nil
}

// follows tells whether a record can go from one state to another.
func follows(from, to RecordState) bool {
	switch to {
	case Rumoured:
		return from == Hidden || from == Unretentive
	case Omnipresent:
		return from == Rumoured
	case Unretentive:
		return from == Rumoured || from == Omnipresent
	case Hidden:
		return from == Unretentive
	}
	return false
}
