package timeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Assume is in what world a plan is made.
type Assume struct {
	// For is how far the plan reaches; zero means 90 days.
	For time.Duration
	// ParentDelay is how long the parent takes to change its DS RRset, on all its
	// servers.
	ParentDelay time.Duration
}

// plannedPrefix is of IDs of keys that exist in a plan only.
const plannedPrefix = "planned-"

// steps is more than any plan takes; one that takes more goes in circles.
const steps = 100_000

// Plan is what will happen to the keys of a zone if nobody intervenes. Keys that do
// not exist yet have the IDs "planned-1" and so on, and no tag. The error is that of a step
// that cannot be made.
func Plan(state rotate.State, policy rotate.Policy, now time.Time, a Assume) ([]Change, error) {
	if a.For == 0 {
		a.For = 90 * 24 * time.Hour
	}
	w := &world{assume: a, served: map[string]rotate.KeyFacts{}, tags: map[uint16]bool{}}
	w.begin(state)
	log := &Log{}
	log.Observe(state.Keys, now)
	known := len(log.Changes)
	end := now.Add(a.For)
	for range steps {
		next, actions, status, err := rotate.Step(state, policy, w.facts(), now)
		if err != nil {
			return nil, fmt.Errorf("timeline: plan for %s: %w", now.Format(time.RFC3339), err)
		}
		state = next
		log.Observe(state.Keys, now)
		if w.carryOut(actions, now) {
			continue
		}
		now = w.next(status.NextAt)
		if now.IsZero() || now.After(end) {
			return w.anonymous(log.Changes[known:]), nil
		}
		w.parentActs(now)
	}
	return nil, fmt.Errorf("timeline: plan: there is no end to what happens at %s", now.Format(time.RFC3339))
}

// world is where everything is done as it is asked for.
type world struct {
	assume Assume
	served map[string]rotate.KeyFacts
	cds    []rotate.DS
	ds     []rotate.DS // what the parent has

	wantDS []rotate.DS // what it was asked for
	dueDS  time.Time   // when it does that; zero if never

	fresh []rotate.NewKey
	tags  map[uint16]bool
	made  int
}

// begin makes the world as the state has it.
func (w *world) begin(s rotate.State) {
	for i := range s.Keys {
		k := &s.Keys[i]
		w.tags[k.Tag] = true
		w.served[k.ID] = rotate.KeyFacts{
			DNSKEY: presence(k.DNSKEY), KRRSIG: presence(k.KRRSIG), ZRRSIG: presence(k.ZRRSIG),
		}
		confirmed := !k.DS.Seen.IsZero()
		there := k.DS.State == rotate.Omnipresent || k.DS.State == rotate.Rumoured && confirmed || k.DS.State == rotate.Unretentive && !confirmed
		if there {
			w.ds = append(w.ds, k.Digests...)
		}
	}
	for _, r := range s.Pending {
		if r.Key != nil {
			w.tags[r.Key.Tag] = true
		}
	}
}

func presence(r rotate.Record) rotate.Presence {
	if r.State == rotate.Rumoured || r.State == rotate.Omnipresent {
		return rotate.Everywhere
	}
	return rotate.Nowhere
}

func (w *world) facts() rotate.Facts {
	f := rotate.Facts{
		Zone:    &rotate.ZoneFacts{Keys: maps.Clone(w.served), CDS: w.cds},
		DS:      &rotate.DSFacts{Servers: []rotate.ServerDS{{Name: "parent", Answered: true, DS: w.ds}}},
		NewKeys: w.fresh,
	}
	w.fresh = nil
	return f
}

// carryOut does what it is told, and says whether that changed what can be seen.
func (w *world) carryOut(actions []rotate.Action, now time.Time) bool {
	seen := false
	for _, action := range actions {
		switch a := action.(type) {
		case rotate.GenerateKey:
			w.fresh = append(w.fresh, w.generate(a))
			seen = true
		case rotate.SetDNSKEY:
			seen = w.publish(a.Keys, func(k *rotate.KeyFacts) *rotate.Presence { return &k.DNSKEY }) || seen
			seen = w.publish(a.SignedBy, func(k *rotate.KeyFacts) *rotate.Presence { return &k.KRRSIG }) || seen
		case rotate.SignZone:
			seen = w.publish(a.With, func(k *rotate.KeyFacts) *rotate.Presence { return &k.ZRRSIG }) || seen
		case rotate.SetCDS:
			cds := a.DS
			if a.Delete {
				cds = []rotate.DS{{}}
			}
			seen = seen || !slices.Equal(cds, w.cds)
			w.cds = cds
		case rotate.SetDS:
			if w.dueDS.IsZero() || !slices.Equal(a.Want, w.wantDS) {
				w.wantDS, w.dueDS = a.Want, now.Add(w.assume.ParentDelay)
			}
			seen = w.parentActs(now) || seen
		}
	}
	return seen
}

// publish makes the keys those, and no others, that have something.
func (w *world) publish(ids []string, field func(*rotate.KeyFacts) *rotate.Presence) bool {
	changed := false
	set := func(id string, to rotate.Presence) {
		k := w.served[id]
		if *field(&k) != to {
			*field(&k), changed = to, true
			w.served[id] = k
		}
	}
	for id := range w.served {
		if !slices.Contains(ids, id) {
			set(id, rotate.Nowhere)
		}
	}
	for _, id := range ids {
		set(id, rotate.Everywhere)
	}
	return changed
}

// parentActs says whether the parent's DS RRset is another than before.
func (w *world) parentActs(now time.Time) bool {
	if w.dueDS.IsZero() || now.Before(w.dueDS) {
		return false
	}
	changed := !slices.Equal(w.ds, w.wantDS)
	w.ds, w.dueDS = w.wantDS, time.Time{}
	return changed
}

// next is when there is something to do again; zero is never.
func (w *world) next(at time.Time) time.Time {
	if !w.dueDS.IsZero() && (at.IsZero() || w.dueDS.Before(at)) {
		return w.dueDS
	}
	return at
}

// generate makes a key that exists in the plan only.
func (w *world) generate(a rotate.GenerateKey) rotate.NewKey {
	w.made++
	tag := uint16(0)
	for w.collides(tag) {
		tag++
	}
	w.tags[tag] = true
	k := rotate.NewKey{Request: a.Request, ID: fmt.Sprintf("%s%d", plannedPrefix, w.made), Tag: tag}
	if a.Role != rotate.ZSK {
		k.Digests = []rotate.DS{{Tag: tag, Algorithm: a.Algorithm, DigestType: 2, Digest: strings.Repeat("00", 32)}}
	}
	return k
}

// anonymous takes the tags off keys that do not have one yet.
func (w *world) anonymous(changes []Change) []Change {
	for i := range changes {
		if strings.HasPrefix(changes[i].Key, plannedPrefix) {
			changes[i].Tag = 0
		}
	}
	return changes
}

func (w *world) collides(tag uint16) bool {
	for used := range w.tags {
		if rotate.Collides(tag, used) {
			return true
		}
	}
	return false
}
