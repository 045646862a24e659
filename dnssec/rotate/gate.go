package rotate

import (
	"fmt"
	"slices"
	"time"
)

// gate returns why a move waits, apart from the rules; "" if it does not.
func (s *State) gate(k *Key, kind Kind, to RecordState, f *Facts, now time.Time) string {
	rec := k.Record(kind)
	switch to {
	case Omnipresent, Hidden:
		if rec.Seen.IsZero() {
			return "it is not confirmed"
		}
		if now.Before(rec.Until) {
			return "caches"
		}
		return ""
	}
	why := s.gateWithdraw(k, kind, f)
	if to == Rumoured {
		why = s.gatePublish(k, kind)
	}
	if why == "" && f.wait {
		return approval
	}
	return why
}

// approval is the reason why a move waits that nothing but a person holds up.
const approval = "it waits for approval"

func (s *State) gatePublish(k *Key, kind Kind) string {
	switch kind {
	case DNSKEY:
		if k.DSFirst && k.DS.State != Omnipresent && s.delegated() {
			return "its DS has to be in every cache first"
		}
	case KRRSIG:
		if !k.DNSKEY.State.ordered() {
			return "its DNSKEY has to be published first"
		}
	case ZRRSIG:
		if k.DNSKEY.State != Omnipresent && s.algorithmSigns(k) {
			return "its DNSKEY has to be in every cache first"
		}
	case DSRecord:
		if k.DSFirst || k.Use == Standby {
			return "" // the rules want another key that is complete
		}
		if k.DNSKEY.State != Omnipresent || k.KRRSIG.State != Omnipresent {
			return "its DNSKEY has to be in every cache first"
		}
		if !signedAlways(s.ofAlgorithm(k.Algorithm)) {
			return "signatures of the zone have to be in every cache first"
		}
	}
	return ""
}

// algorithmSigns tells whether another key of the same algorithm signs already. The
// first key of an algorithm signs before its DNSKEY is published.
func (s *State) algorithmSigns(k *Key) bool {
	return slices.ContainsFunc(s.ofAlgorithm(k.Algorithm), func(other *Key) bool {
		return other.ID != k.ID && other.ZRRSIG.State != Hidden
	})
}

func (s *State) gateWithdraw(k *Key, kind Kind, f *Facts) string {
	if foreign := s.foreign(f.DS); s.Insecure && kind != DSRecord && len(foreign) > 0 {
		return fmt.Sprintf("the parent still has DS %v", foreign[0])
	}
	switch {
	case kind == KRRSIG && k.DNSKEY.State.ordered():
		return "it goes with its DNSKEY"
	case kind == DNSKEY && k.DS.State != Hidden && !s.swapsDNSKEY(k):
		return "its DS has to be out of every cache first"
	}
	return ""
}

// swapsDNSKEY tells whether the key takes part in a double-DS roll, in which DNSKEYs
// are swapped while both DS stay.
func (s *State) swapsDNSKEY(k *Key) bool {
	return s.any(func(other *Key) bool {
		return other.DSFirst && slices.Contains(other.Replaces, k.ID) || k.DSFirst && slices.Contains(k.Replaces, other.ID)
	})
}

// foreign are DS of the parent that belong to no key of the zone.
func (s *State) foreign(f *DSFacts) []DS {
	seen, _ := f.seen()
	return slices.DeleteFunc(seen, func(d DS) bool {
		return s.any(func(k *Key) bool { return d.of(k) })
	})
}
