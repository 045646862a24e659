package rotate

import (
	"slices"
)

// Action is something that the caller is to do: a [GenerateKey], [RejectKey],
// [DropKey], [SetDNSKEY], [SignZone], [SetCDS] or [SetDS].
type Action interface{ isAction() }

// GenerateKey asks for a new key, to be reported as [Facts].NewKeys.
type GenerateKey struct {
	Request   uint64
	Role      Role
	Algorithm uint8
}

// RejectKey says that a generated key cannot be used; delete it. The request for
// one stands.
type RejectKey struct {
	ID  string
	Why string
}

// DropKey says that nothing of the key is left in any cache, and its private part
// may be deleted.
type DropKey struct{ ID string }

// SetDNSKEY says what the DNSKEY RRset is to be, and which keys sign it. It is one
// RRset: all of it changes in one version of the zone.
type SetDNSKEY struct{ Keys, SignedBy []string }

// SignZone says which keys sign everything but the DNSKEY, CDS and CDNSKEY RRsets.
// RRsets may be signed anew one by one: each must have the signatures of all keys of With
// or those that it had before, at any time. With no key at all, signatures and the
// NSEC or NSEC3 chain are removed.
type SignZone struct {
	With []string
	// AtOnce says that no RRset should keep its old signatures longer than it
	// takes to make new ones.
	AtOnce bool
}

// SetCDS says what the CDS RRset is to be, and CDNSKEY likewise (RFC 7344). Both are
// signed by the keys that sign the DNSKEY RRset.
type SetCDS struct {
	DS     []DS
	Delete bool // the request to delete all DS (RFC 8078 section 4)
}

// SetDS says what the parent's DS RRset is to be, for parents that do not look at
// CDS. Add must be there before Remove is gone. DS of keys that are not the zone's are in
// none of them; [Status] tells of those.
type SetDS struct{ Want, Add, Remove []DS }

func (GenerateKey) isAction() {}
func (RejectKey) isAction()   {}
func (DropKey) isAction()     {}
func (SetDNSKEY) isAction()   {}
func (SignZone) isAction()    {}
func (SetCDS) isAction()      {}
func (SetDS) isAction()       {}

// Publication is all that is to be published by a state: the sum of its [SetDNSKEY],
// [SignZone] and [SetCDS], whatever the facts were. It is the same before and after a
// crash.
type Publication struct {
	// DNSKEY are the IDs of the keys in the DNSKEY RRset, KRRSIG of those that sign
	// it, ZRRSIG of those that sign all else.
	DNSKEY, KRRSIG, ZRRSIG []string
	CDS                    SetCDS
}

// Publication returns what is to be published.
func (s State) Publication() Publication {
	return Publication{DNSKEY: s.ordered(DNSKEY), KRRSIG: s.ordered(KRRSIG), ZRRSIG: s.ordered(ZRRSIG), CDS: s.cds()}
}

// ordered are the keys whose record is to be published.
func (s *State) ordered(kind Kind) []string {
	var ids []string
	for _, k := range s.keys(func(k *Key) bool { return k.Record(kind).State.ordered() }) {
		ids = append(ids, k.ID)
	}
	return ids
}

// publication returns what the facts do not show to be published as the state has
// it.
func (s *State) publication(f *Facts) []Action {
	var actions []Action
	differs := func(kinds ...Kind) bool {
		return s.any(func(k *Key) bool {
			return slices.ContainsFunc(kinds, func(kind Kind) bool {
				want := Nowhere
				if k.Record(kind).State.ordered() {
					want = Everywhere
				}
				return f.presence(k, kind) != want
			})
		})
	}
	if differs(ZRRSIG) {
		actions = append(actions, SignZone{With: s.ordered(ZRRSIG), AtOnce: s.any(func(k *Key) bool { return k.Compromised })})
	}
	if differs(DNSKEY, KRRSIG) {
		actions = append(actions, SetDNSKEY{Keys: s.ordered(DNSKEY), SignedBy: s.ordered(KRRSIG)})
	}
	if cds := s.cds(); f.Zone == nil || !sameDS(cds.published(), f.Zone.CDS) {
		if f.Zone != nil || len(s.Keys) > 0 {
			actions = append(actions, cds)
		}
	}
	if ds := s.setDS(f); len(ds.Add)+len(ds.Remove) > 0 {
		actions = append(actions, ds)
	}
	return actions
}

// wantedDS are the DS records that the parent is to have.
func (s *State) wantedDS() []DS {
	var want []DS
	for _, k := range s.keys(func(k *Key) bool { return k.DS.State.ordered() }) {
		want = append(want, k.Digests...)
	}
	return want
}

// setDS compares that with what the parent was seen to have. Without an answer it goes
// by what was not confirmed before.
func (s *State) setDS(f *Facts) SetDS {
	act := SetDS{Want: s.wantedDS()}
	for i := range s.Keys {
		k := &s.Keys[i]
		for _, d := range k.Digests {
			unconfirmed := k.DS.Seen.IsZero()
			switch {
			case k.DS.State == Rumoured && unconfirmed && !f.DS.everywhere(d), k.DS.State.ordered() && f.DS.lacks(d):
				act.Add = append(act.Add, d)
			case k.DS.State == Unretentive && unconfirmed && f.DS.presence(k) == unknown:
				act.Remove = append(act.Remove, d)
			}
		}
	}
	seen, _ := f.DS.seen()
	for _, d := range seen {
		if s.any(func(k *Key) bool { return d.of(k) && !k.DS.State.ordered() }) && !slices.Contains(act.Remove, d) {
			act.Remove = append(act.Remove, d)
		}
	}
	return act
}

// cds is what the CDS RRset is to be.
func (s *State) cds() SetCDS {
	if s.Insecure {
		return SetCDS{Delete: s.delegated()}
	}
	return SetCDS{DS: s.wantedDS()}
}

func (a SetCDS) published() []DS {
	if a.Delete {
		return []DS{{}}
	}
	return a.DS
}

func sameDS(a, b []DS) bool {
	in := func(list []DS) func(DS) bool {
		return func(d DS) bool { return !slices.Contains(list, d) }
	}
	return !slices.ContainsFunc(a, in(b)) && !slices.ContainsFunc(b, in(a))
}
