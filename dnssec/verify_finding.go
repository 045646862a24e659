package dnssec

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// Rule names what a signed zone must fulfil. Its text is stable.
type Rule string

// The rules of [Verify].
const (
	// RuleSigned: each RRset that the zone answers for has a signature.
	RuleSigned Rule = "signature missing"
	// RuleUnsigned: delegations, glue and what a cut or DNAME hides have none.
	RuleUnsigned Rule = "signature of what is not the zone's"
	// RuleCovers: a signature is of an RRset that is there.
	RuleCovers Rule = "signature of nothing"
	// RuleSignature: the fields of a signature are those that its RRset wants.
	RuleSignature Rule = "signature malformed"
	// RuleCrypto: a signature is of its RRset and key.
	RuleCrypto Rule = "signature wrong"
	// RuleExpired and RuleInception: signatures are good at the time, and
	// RuleRemaining: for some time yet.
	RuleExpired   Rule = "signature expired"
	RuleInception Rule = "signature not yet good"
	RuleRemaining Rule = "signature expires too soon"
	// RuleSigner: a zone signs for itself only.
	RuleSigner Rule = "signer is not the zone"
	// RuleSigningKey: the key of a signature is published and may sign.
	RuleSigningKey Rule = "signature of no published key"
	// RuleLabels: the label count is the owner's, without an asterisk.
	RuleLabels Rule = "signature label count"
	// RuleOriginalTTL and RuleSignatureTTL: both are the TTL of the RRset.
	RuleOriginalTTL  Rule = "signature original TTL"
	RuleSignatureTTL Rule = "signature TTL"
	// RuleAlgorithms: what is published of an algorithm signs every RRset.
	RuleAlgorithms Rule = "algorithm does not sign all"
	// RuleKeys: there are DNSKEY records, and each can be used.
	RuleKeys Rule = "key unusable"
	// RuleKeyTags: no two keys have one tag.
	RuleKeyTags Rule = "key tag used twice"
	// RuleRevoked: a revoked key signs itself and nothing else.
	RuleRevoked Rule = "key revoked"
	// RuleEntry: a key that the parent's DS names, or may name, signs the keys.
	RuleEntry Rule = "no chain from the parent to the keys"
	// RuleDenial: a zone has one chain, of NSEC or of NSEC3.
	RuleDenial Rule = "chain missing or mixed"
	// RuleChainMissing: each name that must be in the chain is.
	RuleChainMissing Rule = "chain lacks a name"
	// RuleChainExtra: nothing else is.
	RuleChainExtra Rule = "chain has a name too many"
	// RuleChainNext: each record leads to the next one.
	RuleChainNext Rule = "chain broken"
	// RuleBitmap: a record lists the types of its name.
	RuleBitmap Rule = "type bit map"
	// RuleChainTTL: its TTL is the lesser of the SOA's and its MINIMUM.
	RuleChainTTL Rule = "TTL of a denial record"
	// RuleNSEC3: parameters are SHA-1 without iterations, salt or unknown flags, and
	// the same everywhere.
	RuleNSEC3 Rule = "NSEC3 parameters"
	// RuleOptOut: only insecure delegations are left out, under a record that says so.
	RuleOptOut Rule = "opt-out"
	// RuleCDS: CDS and CDNSKEY are of published keys, of the same ones, and would not
	// cut the zone off.
	RuleCDS Rule = "CDS or CDNSKEY"
	// RuleCDSSigner: a key signs them that the parent knows.
	RuleCDSSigner Rule = "signer of CDS or CDNSKEY"
	// RuleDS: the digest of a delegation's DS can be used.
	RuleDS Rule = "DS of a delegation"
	// RuleApex: some types are of use at the apex only.
	RuleApex Rule = "not at the apex"
	// RuleZONEMD: the digest is that of the zone.
	RuleZONEMD Rule = "ZONEMD"
)

// ruleRFC says where the rules come from.
var ruleRFC = map[Rule]string{
	RuleSigned: "RFC 4035, section 2.2", RuleUnsigned: "RFC 4035, section 2.2", RuleCovers: "RFC 4035, section 2.2",
	RuleSignature: "RFC 4034, section 3.1", RuleCrypto: "RFC 4035, section 5.3.3", RuleExpired: "RFC 4035, section 5.3.1",
	RuleInception: "RFC 4035, section 5.3.1", RuleRemaining: "RFC 6781, section 4.4.2", RuleSigner: "RFC 4034, section 3.1.7",
	RuleSigningKey: "RFC 4035, section 5.3.1", RuleLabels: "RFC 4034, section 3.1.3", RuleOriginalTTL: "RFC 4034, section 3.1.4",
	RuleSignatureTTL: "RFC 4034, section 3", RuleAlgorithms: "RFC 4035, section 2.2", RuleKeys: "RFC 4034, section 2.1",
	RuleKeyTags: "RFC 4034, section 8", RuleRevoked: "RFC 5011, section 2.1", RuleEntry: "RFC 4035, section 5.2",
	RuleDenial: "RFC 4035, section 2.3", RuleChainMissing: "RFC 4035, section 2.3; RFC 5155, section 7.1",
	RuleChainExtra: "RFC 4035, section 2.3; RFC 5155, section 7.1", RuleChainNext: "RFC 4034, section 4.1.1; RFC 5155, section 3.1.7",
	RuleBitmap: "RFC 4034, section 4.1.2; RFC 5155, section 3.1.8", RuleChainTTL: "RFC 9077", RuleNSEC3: "RFC 5155, section 3; RFC 9276, section 3.1",
	RuleOptOut: "RFC 5155, section 7.1", RuleCDS: "RFC 7344, section 4; RFC 8078, section 4", RuleCDSSigner: "RFC 7344, section 4.1",
	RuleDS: "RFC 4509, section 2.2; RFC 9905", RuleApex: "RFC 7344, section 4.1; RFC 5155, section 4", RuleZONEMD: "RFC 8976, section 4",
}

// Finding is one fault of a zone.
type Finding struct {
	Name Name
	// Type is that of the RRset, also where its signature is at fault.
	Type uint16
	Rule Rule
	// RFC is where the rule is from.
	RFC string
	// Why says what was found.
	Why string
}

// Error is the fault in words.
func (f *Finding) Error() string {
	return fmt.Sprintf("dnssec: verify: %s at %q: %s: %s (%s)", dns.Type(f.Type), f.Name, f.Rule, f.Why, f.RFC)
}

// Findings are the faults in an error of [Verify].
func Findings(err error) []*Finding {
	var found []*Finding
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			found = append(found, Findings(e)...)
		}
		return found
	}
	var f *Finding
	if errors.As(err, &f) {
		found = append(found, f)
	}
	return found
}

func compareFindings(a, b *Finding) int {
	return cmp.Or(a.Name.Compare(b.Name), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Why, b.Why))
}

// sortFindings puts them into canonical order, each once.
func sortFindings(found []*Finding) []*Finding {
	slices.SortFunc(found, compareFindings)
	return slices.CompactFunc(found, func(a, b *Finding) bool { return *a == *b })
}
