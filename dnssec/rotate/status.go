package rotate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Status says where a zone is, for people.
type Status struct {
	// Phase is what goes on: "signed", "rolling KSK", ...
	Phase string
	// Blockers are what is waited for.
	Blockers []Blocker
	// NextAt is when time alone lets something happen, at which a step is due.
	// Zero means that only new facts do.
	NextAt time.Time
	// DSWanted is what the parent's DS RRset is to be, DSSeen what any of its name servers
	// was seen to have. DSAdd and DSRemove are what somebody must do about it.
	DSWanted, DSSeen, DSAdd, DSRemove []DS
	Keys                              []KeyStatus
}

// Blocker is one thing that is waited for.
type Blocker struct {
	Who   Party
	What  string    // a sentence
	Key   string    // whose; "" if it is about the zone
	Since time.Time // zero if it is not known
	Until time.Time // zero if it is up to Who
}

// Party is who has to do something.
type Party string

// Who can be waited for.
const (
	KeyStore    Party = "key store"    // to generate a key
	Publisher   Party = "publisher"    // to publish or to sign
	Parent      Party = "parent"       // to change its DS RRset
	Caches      Party = "caches"       // to forget; takes only time
	Predecessor Party = "other record" // another record has to move first
	Operator    Party = "operator"     // a person has to look
)

// String is who, what, since when and until when.
func (b Blocker) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s", b.Who, b.What)
	if !b.Since.IsZero() {
		fmt.Fprintf(&out, ", since %s", b.Since.Format(time.RFC3339))
	}
	if !b.Until.IsZero() {
		fmt.Fprintf(&out, ", until %s", b.Until.Format(time.RFC3339))
	}
	return out.String()
}

// KeyStatus is one key.
type KeyStatus struct {
	Key
	// Next is when a roll of it begins by the policy; zero if never.
	Next time.Time
}

func (s *State) status(p Policy, f *Facts, now time.Time) Status {
	change := s.setDS(f)
	seen, _ := f.DS.seen()
	st := Status{Phase: s.phase(p), DSWanted: change.Want, DSSeen: seen}
	st.DSAdd, st.DSRemove = change.Add, append(change.Remove, s.foreign(f.DS)...)
	for _, r := range s.Pending {
		if r.Key == nil {
			st.Blockers = append(st.Blockers, Blocker{Who: KeyStore, What: fmt.Sprintf("generate a %v of algorithm %d", r.Role, r.Algorithm)})
		}
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		ks := KeyStatus{Key: *k}
		if k.Use == Active && !s.Held && !s.Insecure {
			ks.Next = p.endOfLife(k)
			st.wake(ks.Next, now)
		}
		st.Keys = append(st.Keys, ks)
		for _, kind := range k.Role.kinds() {
			if b, ok := s.blocker(k, kind, f, now); ok {
				st.Blockers = append(st.Blockers, b)
				st.wake(b.Until, now)
			}
		}
	}
	st.Blockers = append(st.Blockers, s.alarms(p, f, now)...)
	return st
}

// wake makes NextAt the earliest of all times to come.
func (st *Status) wake(at, now time.Time) {
	if at.After(now) && (st.NextAt.IsZero() || at.Before(st.NextAt)) {
		st.NextAt = at
	}
}

func (s *State) phase(p Policy) string {
	retired := s.keys(func(k *Key) bool { return k.Use == Retired && !k.gone() })
	switch {
	case s.Insecure && len(s.Keys) == 0:
		return "unsigned"
	case s.Insecure:
		return "going insecure"
	case len(s.Keys) == 0:
		return "generating keys"
	case len(retired) > 0:
		var what []string
		for _, k := range retired {
			verb := "withdrawing "
			if len(s.successors(k)) > 0 {
				verb = "rolling "
			}
			if !slices.Contains(what, verb+k.Role.String()) {
				what = append(what, verb+k.Role.String())
			}
		}
		return strings.Join(what, ", ") + s.algorithmChange()
	case !s.any(func(k *Key) bool { return k.Use == Active && k.DS.State == Omnipresent }):
		return "signing for the first time"
	case s.stable():
		return "signed"
	}
	return "signed, changing"
}

func (s *State) algorithmChange() string {
	for _, old := range s.Keys {
		for _, successor := range s.successors(&old) {
			if successor.Algorithm != old.Algorithm {
				return fmt.Sprintf(", algorithm %d to %d", old.Algorithm, successor.Algorithm)
			}
		}
	}
	return ""
}

// blocker says what a record waits for.
func (s *State) blocker(k *Key, kind Kind, f *Facts, now time.Time) (Blocker, bool) {
	to, ok := s.heading(k, kind)
	if !ok {
		return Blocker{}, false
	}
	rec := k.Record(kind)
	b := Blocker{Key: k.ID, Since: rec.Since}
	why := s.gate(k, kind, to, f, now)
	switch {
	case to == Omnipresent || to == Hidden:
		if rec.Seen.IsZero() {
			b.Who, b.What = s.unconfirmed(k, kind, to)
			return b, true
		}
		b.Who, b.Since, b.Until = Caches, rec.Seen, rec.Until
		b.What = fmt.Sprintf("forget RRsets with %v of %v", kind, k)
		if to == Omnipresent {
			b.What = fmt.Sprintf("forget RRsets without %v of %v", kind, k)
		}
		if k.Compromised && kind == DSRecord {
			b.What += ", which is compromised and trusted until then"
		}
		return b, true
	case why == "", why == approval:
		if _, err := s.Try(Move{Key: k.ID, Record: kind, To: to}); err != nil {
			why = err.Error()
			if refused := (*RuleError)(nil); errors.As(err, &refused) {
				why = refused.Why
			}
		}
	}
	verb := map[RecordState]string{Rumoured: "be published", Unretentive: "be withdrawn"}[to]
	b.Who = Predecessor
	if why == approval {
		b.Who = Operator
	}
	b.What = fmt.Sprintf("%v of %v is to %s, but %s", kind, k, verb, why)
	return b, true
}

// unconfirmed says who has to do what before a record counts as everywhere or nowhere.
func (s *State) unconfirmed(k *Key, kind Kind, to RecordState) (Party, string) {
	if kind == DSRecord {
		verb := "add to"
		if to == Hidden {
			verb = "remove from"
		}
		var list []string
		for _, d := range k.Digests {
			list = append(list, d.String())
		}
		return Parent, fmt.Sprintf("%s the DS RRset, on every name server: %s", verb, strings.Join(list, "; "))
	}
	switch verb := map[RecordState]string{Omnipresent: "publish", Hidden: "withdraw"}[to]; kind {
	case DNSKEY:
		return Publisher, fmt.Sprintf("%s the DNSKEY of %v on every name server", verb, k)
	case KRRSIG:
		return Publisher, fmt.Sprintf("%s the signature of the DNSKEY RRset by %v on every name server", verb, k)
	default:
		return Publisher, fmt.Sprintf("%s signatures of every RRset by %v on every name server", verb, k)
	}
}

// alarms are what a person has to look at.
func (s *State) alarms(p Policy, f *Facts, now time.Time) []Blocker {
	var out []Blocker
	tell := func(key, format string, args ...any) {
		out = append(out, Blocker{Who: Operator, Key: key, What: fmt.Sprintf(format, args...)})
	}
	for _, d := range s.foreign(f.DS) {
		tell("", "the parent has DS %v, which is of no key of this zone; remove it", d)
	}
	holds := s.holds()
	for _, rule := range []Rule{RuleChain, RuleSignatures} {
		if !holds[rule] {
			tell("", "some caches may lack %v: the zone or the parent was changed by somebody else", rule)
		}
	}
	for _, k := range s.keys(func(k *Key) bool { return k.Compromised && k.Use == Active }) {
		tell(k.ID, "%v is compromised, and its roll has not begun", k)
	}
	active := s.keys(func(k *Key) bool { return k.Use == Active })
	if !s.Insecure && len(active) > 0 && !p.satisfied(active) {
		tell("", "the policy asks for other keys; that begins when nothing else is under way")
	}
	if f.wait {
		for _, what := range s.unapproved(p, now) {
			tell("", "%s, but %s", what, approval)
		}
	}
	if s.Held {
		tell("", "no roll begins by itself after the abort; resume when it may")
	}
	return out
}

// unapproved is what the policy would begin.
func (s *State) unapproved(p Policy, now time.Time) []string {
	if p.Insecure != s.Insecure {
		return []string{map[bool]string{true: "the zone is to go insecure", false: "the zone is to be signed again"}[p.Insecure]}
	}
	if s.Insecure || len(s.Pending) > 0 {
		return nil
	}
	would := s.clone()
	would.trimStandby(p)
	would.need(p, now)
	var out []string
	for i := range would.Keys {
		if k := &would.Keys[i]; k.Use != s.Keys[i].Use {
			out = append(out, fmt.Sprintf("%v is to be %v, not %v", k, k.Use, s.Keys[i].Use))
		}
	}
	for _, r := range would.Pending {
		out = append(out, fmt.Sprintf("a new %v of algorithm %d is to be generated", r.Role, r.Algorithm))
	}
	return out
}
