package manager

import "time"

// Kind is what an [Event] tells of.
type Kind string

// The kinds of events.
const (
	Published    Kind = "published"     // a zone was published, under Serial
	KeyGenerated Kind = "key generated" // Key is durable
	KeyDropped   Kind = "key dropped"   // nothing of Key is in any cache, its private part was removed
	KeyMoved     Kind = "key moved"     // a record of Key went to another state
	DSWanted     Kind = "DS wanted"     // somebody must add or remove DS; Text says which
	DSVanished   Kind = "DS vanished"   // the parent no longer has a DS that it had; alarm
	Halted       Kind = "halted"        // nothing more is done with the zone until a person has looked
	Failed       Kind = "failed"        // something did not work, and will be tried again
	Recovered    Kind = "recovered"     // what was Halted or Failed works again
	PolicySet    Kind = "policy set"    // an operator enabled, disabled or changed the policy
	RollAsked    Kind = "roll asked"    // an operator asked for a roll or aborted one
)

// Event is something that happened to a zone.
type Event struct {
	Time time.Time
	Zone string
	Kind Kind
	// Key is the ID of the key, if it is about one.
	Key string
	// Serial is that of the zone that was published.
	Serial uint32
	// Text says more, in words.
	Text string
	// Err is what failed.
	Err error
}
