package rotate

import (
	"slices"
	"time"
)

// Facts are what was observed since the step before. What is nil or empty is not
// known, which is different from not being there.
type Facts struct {
	// Zone is what the zone's name servers serve.
	Zone *ZoneFacts
	// DS is what the parent's name servers serve.
	DS *DSFacts
	// NewKeys are keys that were generated for a [GenerateKey].
	NewKeys []NewKey
	// ConfirmedDS is, by Key.ID, what a person says who has looked: that all of the
	// parent's name servers have the DS, or that none has. It counts where DS does
	// not tell.
	ConfirmedDS map[string]bool
	// Approved says that a person has agreed to the steps that are ready, if
	// [Policy].Manual asks for that.
	Approved bool

	wait bool // for approval
}

// ZoneFacts are what the name servers of the zone were found to serve. Who only
// looks at the primary lets [Policy].ZonePropagation cover the others.
type ZoneFacts struct {
	Keys map[string]KeyFacts // by Key.ID; who is missing is Nowhere
	// CDS is the CDS RRset, nil if there is none. A single DS with all fields
	// zero is the request to delete (RFC 8078 section 4).
	CDS []DS
	// MaxTTL, DNSKEYTTL and NegativeTTL are as in [Policy], as served.
	MaxTTL, DNSKEYTTL, NegativeTTL time.Duration
}

// KeyFacts are how far the records of one key are served.
type KeyFacts struct {
	DNSKEY, KRRSIG Presence
	// ZRRSIG is Everywhere if each RRset of the zone that is to be signed, but
	// for DNSKEY, CDS and CDNSKEY, has a signature of the key on each server;
	// Somewhere if only some have.
	ZRRSIG Presence
}

// Presence is how far something is served.
type Presence uint8

// How far something can be served.
const (
	Nowhere Presence = iota
	Somewhere
	Everywhere
)

// DSFacts are the answers of all name servers of the parent. They should be
// validated, since who can forge them can make the manager go on too early.
type DSFacts struct {
	// Servers are all of the parent's name servers, also those that did not
	// answer: with one of them, nothing counts as everywhere or nowhere.
	Servers []ServerDS
	TTL     time.Duration // the longest of the answers
}

// ServerDS is what one name server of the parent has as the zone's DS RRset.
type ServerDS struct {
	Name     string
	Answered bool // with a DS RRset or with a proof that there is none
	DS       []DS
}

// NewKey is a key that was generated for [GenerateKey].
type NewKey struct {
	Request uint64 `json:"request"` // Request.Number
	ID      string `json:"id"`
	Tag     uint16 `json:"tag"`
	Digests []DS   `json:"digests,omitempty"` // of a KSK or CSK
}

// unknown is the presence of what was not looked at.
const unknown Presence = 255

// presence is how far the facts show the record.
func (f *Facts) presence(k *Key, kind Kind) Presence {
	if kind == DSRecord {
		is := f.DS.presence(k)
		if there, said := f.ConfirmedDS[k.ID]; said && is == unknown {
			is = Nowhere
			if there {
				is = Everywhere
			}
		}
		return is
	}
	if f.Zone == nil {
		return unknown
	}
	served := f.Zone.Keys[k.ID]
	return [...]Presence{served.DNSKEY, served.KRRSIG, served.ZRRSIG}[kind]
}

// presence of a DS: one of the key's digests makes a chain. Any DS with the key's
// tag and algorithm may be one that the parent computed by itself.
func (f *DSFacts) presence(k *Key) Presence {
	if f == nil || len(f.Servers) == 0 {
		return unknown
	}
	everywhere, nowhere, complete := true, true, true
	for _, server := range f.Servers {
		if !server.Answered {
			complete = false
			continue
		}
		everywhere = everywhere && slices.ContainsFunc(server.DS, func(d DS) bool { return slices.Contains(k.Digests, d) })
		nowhere = nowhere && !slices.ContainsFunc(server.DS, func(d DS) bool { return d.of(k) })
	}
	switch {
	case !everywhere && !nowhere: // no answer that is missing could change that
		return Somewhere
	case !complete:
		return unknown
	case everywhere:
		return Everywhere
	}
	return Nowhere
}

// everywhere tells whether each server has the DS.
func (f *DSFacts) everywhere(d DS) bool {
	_, complete := f.seen()
	return complete && !f.lacks(d)
}

// lacks tells whether a server answered without the DS.
func (f *DSFacts) lacks(d DS) bool {
	return f != nil && slices.ContainsFunc(f.Servers, func(server ServerDS) bool {
		return server.Answered && !slices.Contains(server.DS, d)
	})
}

// seen returns all DS that any server has, and whether all of them answered.
func (f *DSFacts) seen() (all []DS, complete bool) {
	if f == nil || len(f.Servers) == 0 {
		return nil, false
	}
	complete = true
	for _, server := range f.Servers {
		complete = complete && server.Answered
		for _, d := range server.DS {
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return all, complete
}
