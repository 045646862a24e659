package manager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

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
	PolicySet    Kind = "policy set"    // an operator enabled or disabled a zone, or changed its policy
	Asked        Kind = "asked"         // an operator asked for something else; Text says what
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

// level is how loud a kind is: an operator must look at errors. What fails is
// told once for as long as it lasts.
func (k Kind) level() slog.Level {
	switch k {
	case Halted, DSVanished:
		return slog.LevelError
	case Failed:
		return slog.LevelWarn
	case Published:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// event tells of something.
func (m *Manager) event(z *zone, e Event) {
	e.Time, e.Zone = m.now(), z.name
	if m.Log != nil {
		attrs := []slog.Attr{slog.String("zone", e.Zone)}
		if e.Key != "" {
			attrs = append(attrs, slog.String("key", e.Key))
		}
		if e.Serial != 0 {
			attrs = append(attrs, slog.Uint64("serial", uint64(e.Serial)))
		}
		if e.Text != "" {
			attrs = append(attrs, slog.String("what", e.Text))
		}
		if e.Err != nil {
			attrs = append(attrs, slog.String("error", e.Err.Error()))
		}
		m.Log.LogAttrs(context.Background(), e.Kind.level(), string(e.Kind), attrs...)
	}
	if m.Events != nil {
		m.Events(e)
	}
}

// aside tells of something that failed and holds up nothing else: once, until it
// worked again. What is for the kind of thing.
func (m *Manager) aside(z *zone, what string, err error) {
	was := z.asides[what]
	if was == (err != nil) {
		return
	}
	if z.asides == nil {
		z.asides = map[string]bool{}
	}
	z.asides[what] = err != nil
	if err != nil {
		m.event(z, Event{Kind: Failed, Text: what, Err: err})
	} else {
		m.event(z, Event{Kind: Recovered, Text: what})
	}
}

// outcome remembers how a look ended, and tells of what has changed.
func (m *Manager) outcome(z *zone, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	was := z.see().problem
	now := m.now()
	z.tell(func(v *view) {
		switch {
		case err == nil:
			v.problem, v.since, v.failures = nil, time.Time{}, 0
		case v.problem == nil:
			v.since = now
			fallthrough
		default:
			v.problem = err
			v.failures++
		}
	})
	kind := Failed
	if halts(err) {
		kind = Halted
	}
	switch {
	case err == nil && was != nil:
		m.event(z, Event{Kind: Recovered})
	case err != nil && (was == nil || kindOf(was) != kindOf(err)):
		m.event(z, Event{Kind: kind, Err: err})
	}
}

// kindOf is an error without what changes from one try to the next.
func kindOf(err error) string {
	for _, kind := range []error{ErrKey, ErrDamaged, ErrForeignDS, ErrClock, ErrContents, rotate.ErrClock, rotate.ErrState, rotate.ErrPolicy, errStranger} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	return err.Error()
}

// retryAt is when a zone is tried again: the later, the more often it failed.
func (m *Manager) retryAt(z *zone) time.Time {
	wait := or(m.Retry, time.Minute)
	for n := z.see().failures; n > 1 && wait < time.Hour; n-- {
		wait *= 2
	}
	return m.now().Add(min(wait, max(time.Hour, or(m.Retry, time.Minute))))
}

// tellMoves tells which records of keys went to another state.
func (m *Manager) tellMoves(z *zone, before rotate.State) (moved bool) {
	was := map[string]rotate.Key{}
	for _, k := range before.Keys {
		was[k.ID] = k
	}
	for i := range z.rec.State.Keys {
		k := &z.rec.State.Keys[i]
		old := was[k.ID]
		for kind := rotate.DNSKEY; kind <= rotate.DSRecord; kind++ {
			from, to := old.Record(kind).State, k.Record(kind).State
			if from == to {
				continue
			}
			moved = true
			if kind == rotate.DSRecord && from == rotate.Omnipresent && to == rotate.Rumoured {
				m.event(z, Event{Kind: DSVanished, Key: k.ID, Text: fmt.Sprintf("the parent does not have the DS of %v on every name server any more; the zone stays signed, and the DS is asked for", k)})
				continue
			}
			m.event(z, Event{Kind: KeyMoved, Key: k.ID, Text: fmt.Sprintf("%v of %v from %v to %v", kind, k, from, to)})
		}
	}
	return moved
}
