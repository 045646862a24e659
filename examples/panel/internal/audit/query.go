package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Filter says which entries are asked for. Zero fields ask for all.
type Filter struct {
	// Viewer is who asks: a customer gets what they did, and what was done to what was
	// theirs then, without where from others did it. An operator gets everything.
	Viewer Viewer
	Who    string
	Kind   string
	Thing  string
	Action string
	// Since and Until bound the time of an entry: Since is in, Until is not.
	Since, Until time.Time
	// Before asks for entries with smaller numbers: the next page.
	Before uint64
	// Limit is how many at most. Zero means 100; the most is 1000.
	Limit int
}

// Viewer is who asks for entries. A model.Viewer converts to it.
type Viewer struct {
	Name     string
	Operator bool
}

// The limits of a query.
const (
	usualLimit = 100
	mostLimit  = 1000
)

var errEnough = errors.New("enough")

// Query returns entries, the latest first. What became of an action is in its entry.
func (l *Log) Query(ctx context.Context, f Filter) ([]Entry, error) {
	if f.Limit <= 0 {
		f.Limit = usualLimit
	}
	f.Who, f.Kind, f.Thing = Clean(f.Who, mostName), Clean(f.Kind, mostName), Clean(f.Thing, mostName)
	q := query{Filter: f, head: l.Head().Number, ends: map[uint64]Entry{}}
	q.Limit = min(q.Limit, mostLimit)
	err := l.keep.chunks(ctx, true, func(data []byte) (err error) {
		backward(data, func(text []byte) bool {
			err = q.see(text)
			return err == nil
		})
		return err
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("audit: query: %w", err)
	}
	return q.found, nil
}

// query is one that is going on.
type query struct {
	Filter
	head  uint64
	ends  map[uint64]Entry // of actions that are still to come, by their number
	found []Entry
}

func (q *query) see(text []byte) error {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("a line is no entry: %w", ErrDamaged)
	}
	switch {
	case l.Number > q.head: // was written after the question
		return nil
	case l.Of != 0:
		q.ends[l.Of] = l.Entry
		return nil
	case l.At.Before(q.Since):
		return errEnough
	}
	e := l.Entry
	if end, ok := q.ends[e.Number]; ok {
		e.Outcome, e.Problem, e.Ended = end.Outcome, end.Problem, end.At
		delete(q.ends, e.Number)
	}
	if !q.wants(e) || !q.Viewer.sees(e) {
		return nil
	}
	q.found = append(q.found, q.Viewer.show(e))
	if len(q.found) >= q.Limit {
		return errEnough
	}
	return nil
}

func (f Filter) wants(e Entry) bool {
	return (f.Who == "" || f.Who == e.Name) &&
		(f.Kind == "" || f.Kind == e.Kind) &&
		(f.Thing == "" || f.Thing == e.Thing) &&
		(f.Action == "" || f.Action == e.Action) &&
		(f.Until.IsZero() || e.At.Before(f.Until)) &&
		(f.Before == 0 || e.Number < f.Before)
}

// sees reports whether the viewer may see an entry.
func (v Viewer) sees(e Entry) bool {
	return v.Operator || v.Name != "" && (v.Name == e.Name || v.Name == e.Owner)
}

// show hides from a customer where others did something from. What nobody known did to
// what is theirs, as a login that failed, they see whole.
func (v Viewer) show(e Entry) Entry {
	if !v.Operator && v.Name != e.Name && e.Name != "" {
		e.From, e.ID = netip.Addr{}, ""
	}
	return e
}
