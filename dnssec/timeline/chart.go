package timeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Chart is a drawing. Zone and Now are required.
type Chart struct {
	Zone string
	Now  time.Time
	// Past is what happened before Now, Planned what comes after it.
	Past, Planned []Change
	// From and To bound the drawing. Zero is as far as there are changes, and no
	// less than a day to both sides of Now.
	From, To time.Time
	// Width is in pixels; zero means 960.
	Width int
}

// row is a record of a key, and its spans.
type row struct {
	record string
	spans  []span
}

// span is for how long it was in a state.
type span struct {
	state    rotate.RecordState
	from, to time.Time
	open     bool // goes on beyond the drawing
	planned  bool
}

// keyRows is a key.
type keyRows struct {
	first Change
	rows  []row
}

// bounds are From and To, made up where they are missing.
func (c *Chart) bounds() (from, to time.Time) {
	from, to = c.From, c.To
	if from.IsZero() {
		from = c.Now.Add(-24 * time.Hour)
		for _, ch := range c.Past {
			from = earlier(from, ch.At)
		}
	}
	if to.IsZero() {
		to = c.Now.Add(24 * time.Hour)
		for _, ch := range c.Planned {
			if ch.At.After(to) {
				to = ch.At
			}
		}
		to = to.Add(to.Sub(from) / 40)
	}
	return from, to
}

// keys are those with something to draw between the bounds, in the order in which
// they came.
func (c *Chart) keys(from, to time.Time) []keyRows {
	at := map[place][]Change{}
	var order []Change
	for _, ch := range slices.Concat(c.Past, c.Planned) {
		if _, known := at[place{key: ch.Key}]; !known {
			at[place{key: ch.Key}] = nil
			order = append(order, ch)
		}
		p := place{ch.Key, ch.Record}
		at[p] = append(at[p], ch)
	}
	slices.SortStableFunc(order, func(a, b Change) int { return cmp.Compare(rank(a.Role), rank(b.Role)) })
	var keys []keyRows
	for _, first := range order {
		k := keyRows{first: first}
		for _, kind := range kinds {
			r := row{record: kind.String(), spans: c.spans(at[place{first.Key, kind.String()}], from, to)}
			if len(r.spans) > 0 {
				k.rows = append(k.rows, r)
			}
		}
		if len(k.rows) > 0 {
			keys = append(keys, k)
		}
	}
	return keys
}

// rank puts the keys that the parent knows first.
func rank(r rotate.Role) int {
	if r == rotate.ZSK {
		return 1
	}
	return 0
}

// spans are the states but hidden ones, cut at Now and at the bounds.
func (c *Chart) spans(changes []Change, from, to time.Time) []span {
	var spans []span
	for i, ch := range changes {
		s := span{state: ch.State, from: ch.At, to: to, open: true}
		if i+1 < len(changes) {
			s.to, s.open = changes[i+1].At, false
		}
		if s.to.After(to) {
			s.to, s.open = to, true
		}
		if s.from.Before(from) {
			s.from = from
		}
		if s.state == rotate.Hidden || !s.from.Before(s.to) {
			continue
		}
		if s.from.Before(c.Now) && s.to.After(c.Now) {
			spans = append(spans, span{state: s.state, from: s.from, to: c.Now})
			s.from = c.Now
		}
		s.planned = !s.from.Before(c.Now)
		spans = append(spans, s)
	}
	return spans
}

// title names a key for people.
func (k *keyRows) title() string {
	if k.planned() {
		return fmt.Sprintf("%v to come, algorithm %d", k.first.Role, k.first.Algorithm)
	}
	return fmt.Sprintf("%v %d, algorithm %d", k.first.Role, k.first.Tag, k.first.Algorithm)
}

func (k *keyRows) planned() bool { return strings.HasPrefix(k.first.Key, plannedPrefix) }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
