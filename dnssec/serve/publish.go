package serve

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/dnssec"
)

const (
	defaultHistory = 32
	// smallHistory is how many records old snapshots may have without being counted.
	smallHistory = 1000
)

// entry is a zone as it is served. It is never changed, so that whoever has one
// goes on with it while the zone is replaced.
type entry struct {
	zone *dnssec.Zone
	// earlier are snapshots before, the newest first.
	earlier []earlier
}

type earlier struct {
	zone *dnssec.Zone
	// changes is how many records a transfer has that begins here.
	changes int
	// apart is how many records the snapshot does not share with the one after it.
	apart int
}

// Publish serves a zone, in the place of the one of its name if there is one, and
// tells the secondaries. The first zone of a name is told of as well: they may have
// missed it while the program did not run. A changed zone whose serial is not after
// the one before is an error: secondaries would not take it.
func (s *Server) Publish(ctx context.Context, z *dnssec.Zone) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("serve: publish %q: %w", z.Origin(), err)
	}
	for {
		old := s.entry(z.Origin())
		if old != nil && old.zone == z {
			return nil
		}
		next := &entry{zone: z}
		if old != nil && s.history() > 0 {
			var changed bool
			next.earlier, changed = old.history(z, s.history())
			if !changed {
				return nil
			}
		}
		if old != nil && !serialAfter(z.Serial(), old.zone.Serial()) {
			return fmt.Errorf("serve: publish %q: serial %d is not after %d, which is served: raise it, or secondaries keep the old zone",
				z.Origin(), z.Serial(), old.zone.Serial())
		}
		if s.swap(z.Origin(), old, next) {
			break
		}
	}
	s.notify(z.Origin(), z.Serial())
	return nil
}

// Remove ends the serving of a zone, if there is one. Transfers of it that have
// begun go on.
func (s *Server) Remove(zone dnssec.Name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.zones, zone)
	for _, c := range s.couriers {
		c.forget(zone)
	}
}

// Served is what is published of a name, nil for nothing.
func (s *Server) Served(zone dnssec.Name) *dnssec.Zone {
	if e := s.entry(zone); e != nil {
		return e.zone
	}
	return nil
}

func (s *Server) entry(zone dnssec.Name) *entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.zones[zone]
}

// swap is false if another publication came first.
func (s *Server) swap(zone dnssec.Name, old, next *entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.zones[zone] != old {
		return false
	}
	if s.zones == nil {
		s.zones = make(map[dnssec.Name]*entry)
	}
	s.zones[zone] = next
	return true
}

func (s *Server) history() int {
	if s.History == 0 {
		return defaultHistory
	}
	return s.History
}

// history is the snapshots before z. Those from which a transfer would have as much
// as the zone itself are of no use; and all of them keep no more records in memory,
// besides those of z, than z has.
func (e *entry) history(z *dnssec.Zone, limit int) (kept []earlier, changed bool) {
	removed, added := dnssec.Diff(e.zone, z)
	changes := len(removed) + len(added)
	kept = append(kept, earlier{zone: e.zone, apart: e.zone.Apart(z)})
	kept = append(kept, e.earlier...)
	room, memory := z.Records(), max(z.Records(), smallHistory)
	for i := range kept {
		kept[i].changes += changes
		memory -= kept[i].apart
		if i == limit || kept[i].changes >= room || memory < 0 {
			kept = kept[:i:i]
			break
		}
	}
	return kept, changes > 0
}

// at is the snapshot of a serial, nil if it is not kept.
func (e *entry) at(serial uint32) *dnssec.Zone {
	for _, old := range e.earlier {
		if old.zone.Serial() == serial {
			return old.zone
		}
	}
	return nil
}

// serialAfter says whether a comes after b (RFC 1982, section 3.2).
func serialAfter(a, b uint32) bool { return a != b && int32(a-b) > 0 }
