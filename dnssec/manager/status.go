package manager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Status says where a zone is. Its String is for people.
type Status struct {
	rotate.Status
	Zone string
	// Enabled says that the zone is to be signed, or still is.
	Enabled bool
	// Serial is that of the last publication.
	Serial uint32
	// Served is the serial of each name server, as far as it was asked.
	Served map[string]uint32
	// NextRefresh is when the first signatures are replaced, NextTick when the manager
	// looks at the zone again. Zero is not known to this process.
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

// Status says where a zone is. It asks nobody but the store and the key store, and waits
// for no work on the zone. A zone that the manager does not know is an error that wraps
// [fs.ErrNotExist].
func (m *Manager) Status(ctx context.Context, zone string) (Status, error) {
	z, err := m.zone(zone)
	if err != nil {
		return Status{}, err
	}
	st := Status{Zone: z.name}
	seen := z.see()
	st.Served = maps.Clone(seen.served)
	st.NextRefresh, st.NextTick = seen.refresh, seen.tick
	st.Problem, st.ProblemSince, st.Halted = seen.problem, seen.since, halts(seen.problem)
	rec, _, err := m.load(ctx, z.name)
	if err != nil {
		if errors.Is(err, ErrDamaged) {
			st.Phase, st.Problem, st.Halted = "halted", err, true
			return st, nil
		}
		return Status{}, err
	}
	st.Enabled = rec.Enabled
	if last := rec.last(); last != nil {
		st.Serial = last.Last
	}
	if !rec.Enabled {
		st.Phase = "unsigned"
		return st, nil
	}
	st.Status, err = rec.status(seen.served, m.now())
	if err != nil && st.Problem == nil {
		st.Problem, st.Halted = err, true
	}
	st.Changes = m.changes(ctx, z.apex, st.Status)
	return st, nil
}

// status is what a step would say, with what was seen last.
func (r *record) status(served map[string]uint32, now time.Time) (rotate.Status, error) {
	facts := rotate.Facts{DS: r.DS, ConfirmedDS: r.Confirmed}
	if r.last() != nil {
		if versions, err := r.served(served); err == nil {
			facts.Zone = present(r, versions)
		}
	}
	if now.Before(r.State.Last) {
		now = r.State.Last
	}
	_, _, status, err := rotate.Step(r.State, r.keyPolicy(), facts, now)
	return status, err
}

// changes are the DS to add and to remove, as text to copy.
func (m *Manager) changes(ctx context.Context, apex dnssec.Name, st rotate.Status) []DSChange {
	if len(st.DSAdd)+len(st.DSRemove) == 0 {
		return nil
	}
	keys, _ := m.Keys.List(ctx, apex) // without them the DS are told all the same
	var out []DSChange
	add := func(list []rotate.DS, remove bool) {
		for _, d := range list {
			record := dsRecord(apex.String(), d)
			c := DSChange{Remove: remove, DS: d, Record: line(record)}
			for _, k := range keys {
				if k.SEP() && k.Tag() == d.Tag && uint8(k.Algorithm()) == d.Algorithm {
					c.DNSKEY = line(k.DNSKEY(0))
				}
			}
			out = append(out, c)
		}
	}
	add(st.DSAdd, false)
	add(st.DSRemove, true)
	return out
}

// line is a record as a zone file has it, without TTL.
func line(rr dns.RR) string {
	h := rr.Header()
	return fmt.Sprintf("%s IN %s %s", h.Name, dns.TypeToString[h.Rrtype], strings.TrimPrefix(rr.String(), h.String()))
}

// String is the whole status in words, a line for each thing, with the DS ready to copy.
func (s Status) String() string {
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	say("%s %s, serial %d", s.Zone, s.Phase, s.Serial)
	if s.Problem != nil {
		what := "problem"
		if s.Halted {
			what = "HALTED"
		}
		say("%s since %s: %v", what, moment(s.ProblemSince), s.Problem)
	}
	for _, b := range s.Blockers {
		say("waits for %v", b)
	}
	for _, c := range s.Changes {
		what := "add at the parent:      "
		if c.Remove {
			what = "remove from the parent: "
		}
		say("%s%s", what, c.Record)
		if c.DNSKEY != "" {
			say("  its key:              %s", c.DNSKEY)
		}
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		var text strings.Builder
		fmt.Fprintf(&text, "%v %v:", &k.Key, k.Use)
		for kind := rotate.DNSKEY; kind <= rotate.DSRecord; kind++ {
			if r := k.Record(kind); r.State != rotate.Hidden {
				fmt.Fprintf(&text, " %v %v since %s", kind, r.State, moment(r.Since))
			}
		}
		if !k.Next.IsZero() {
			text.WriteString(", rolls at " + moment(k.Next))
		}
		say("%s", text.String())
	}
	for _, name := range slices.Sorted(maps.Keys(s.Served)) {
		say("name server %q has serial %d", name, s.Served[name])
	}
	if !s.NextRefresh.IsZero() {
		say("signatures are refreshed at %s", moment(s.NextRefresh))
	}
	if !s.NextTick.IsZero() {
		say("looked at again at %s", moment(s.NextTick))
	}
	return out.String()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format(time.RFC3339)
}

// List is the names of all zones, in order.
func (m *Manager) List(ctx context.Context) ([]string, error) {
	var names []string
	err := m.Store.List(ctx, m.prefix()+"zone/", func(key string, _ []byte, _ int64) error {
		if name, ok := m.recordZone(key); ok {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("manager: list the zones: %w", err)
	}
	slices.Sort(names)
	return names, nil
}
