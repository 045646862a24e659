package manager

import (
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Status says where a zone is. Its String is for people.
type Status struct {
	rotate.Status
	Zone string
	// Enabled says that the zone is to be signed.
	Enabled bool
	// Serial is that of the last publication.
	Serial uint32
	// Served is the serial of each name server, as far as it was asked.
	Served map[string]uint32
	// NextRefresh is when the first signatures are replaced, NextTick when the manager
	// looks at the zone again.
	NextRefresh, NextTick time.Time
	// Problem is what failed last and was not overcome, since when; nil if there is
	// nothing. Halted says that it takes a person.
	Problem      error
	ProblemSince time.Time
	Halted       bool
	// Changes are what somebody must do about the DS.
	Changes []DSChange
}

// DSChange is a DS that somebody must add to the parent or remove from it.
type DSChange struct {
	Remove bool
	DS     rotate.DS
	// Record is the DS as a line of a zone file, DNSKEY the key's for registries that
	// want that; empty for a DS of no key of the zone.
	Record, DNSKEY string
}

// String is the whole status in words.
func (s Status) String() string { return s.Phase }
