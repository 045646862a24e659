package timeline

import (
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Change is a record of a key that went into a state.
type Change struct {
	At        time.Time   `json:"at"`
	Key       string      `json:"key"` // its ID
	Role      rotate.Role `json:"role"`
	Tag       uint16      `json:"tag"` // 0 of a key that is only planned, or of one with that tag
	Algorithm uint8       `json:"algorithm"`
	// Record is "DNSKEY", "KRRSIG", "ZRRSIG" or "DS", as [rotate.Kind] has them.
	Record string             `json:"record"`
	State  rotate.RecordState `json:"state"`
}

// Log is what happened, in its order. The zero value is one of nothing, and its
// JSON is for keeping it. It is not to be used by two goroutines at once.
type Log struct {
	Changes []Change `json:"changes"`
}

var kinds = []rotate.Kind{rotate.DSRecord, rotate.DNSKEY, rotate.KRRSIG, rotate.ZRRSIG}

// Observe adds what is different from what was observed last, and says whether
// anything is. A key that is missing is gone: all its records are hidden now.
func (l *Log) Observe(keys []rotate.Key, now time.Time) bool {
	last := l.last()
	var changes []Change
	for i := range keys {
		k := &keys[i]
		for _, kind := range kinds {
			at := place{k.ID, kind.String()}
			was, rec := last[at], k.Record(kind)
			delete(last, at)
			if was.State == rec.State {
				continue
			}
			c := change(k, kind, rec.State, rec.Since)
			if c.At.IsZero() || c.At.Before(was.At) || c.At.After(now) {
				c.At = now
			}
			changes = append(changes, c)
		}
	}
	for _, gone := range last {
		if gone.State != rotate.Hidden {
			gone.State, gone.At = rotate.Hidden, now
			changes = append(changes, gone)
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return a.At.Compare(b.At) })
	l.Changes = append(l.Changes, changes...)
	return len(changes) > 0
}

// Trim forgets the keys of which nothing is left since before that time.
func (l *Log) Trim(before time.Time) {
	ended := map[string]bool{}
	for _, c := range l.last() {
		gone := c.State == rotate.Hidden && c.At.Before(before)
		if so, known := ended[c.Key]; known {
			gone = gone && so
		}
		ended[c.Key] = gone
	}
	l.Changes = slices.DeleteFunc(l.Changes, func(c Change) bool { return ended[c.Key] })
}

// place is a row.
type place struct{ key, record string }

func (l *Log) last() map[place]Change {
	last := map[place]Change{}
	for _, c := range l.Changes {
		last[place{c.Key, c.Record}] = c
	}
	return last
}

func change(k *rotate.Key, kind rotate.Kind, state rotate.RecordState, at time.Time) Change {
	return Change{At: at, Key: k.ID, Role: k.Role, Tag: k.Tag, Algorithm: k.Algorithm, Record: kind.String(), State: state}
}
