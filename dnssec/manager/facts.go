package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// errStranger is for a name server with a zone that the manager did not publish.
var errStranger = errors.New("a name server has a version of the zone that was never published, or one from before all others were")

// zoneFacts is what the name servers serve, nil if that is not known, and how many of
// the oldest versions none of them has any more. As long as this process has not
// published the last version, nobody can tell whether it is served.
func (m *Manager) zoneFacts(ctx context.Context, z *zone) (f *rotate.ZoneFacts, gone int, err error) {
	last := z.rec.last()
	if last == nil || !z.out {
		return nil, 0, nil
	}
	versions := []*version{last}
	if m.Served != nil {
		served, err := m.Served(ctx, z.name)
		if err != nil {
			if ctx.Err() != nil {
				return nil, 0, err
			}
			z.tell(func(v *view) { v.served = served }) // those that answered, for people
			m.aside(z, askServers, err)
			return nil, 0, nil
		}
		m.aside(z, askServers, nil)
		z.tell(func(v *view) { v.served = served })
		if versions, err = z.rec.served(served); err != nil {
			return nil, 0, err
		}
	}
	f = present(z.rec, versions)
	for i := range z.rec.Served { // any of them may be in a cache
		v := &z.rec.Served[i]
		f.MaxTTL = max(f.MaxTTL, seconds(v.MaxTTL))
		f.DNSKEYTTL = max(f.DNSKEYTTL, seconds(v.DNSKEYTTL))
		f.NegativeTTL = max(f.NegativeTTL, seconds(v.NegativeTTL))
	}
	return f, z.rec.before(versions), nil
}

func seconds(ttl uint32) time.Duration { return time.Duration(ttl) * time.Second }

// served is the version of each name server.
func (r *record) served(serials map[string]uint32) ([]*version, error) {
	if len(serials) == 0 {
		return []*version{r.last()}, nil
	}
	var out []*version
	for name, serial := range serials {
		i := slices.IndexFunc(r.Served, func(v version) bool { return v.has(serial) })
		if i < 0 {
			return nil, fmt.Errorf("%w: %q has serial %d, and the last one is %d", errStranger, name, serial, r.last().Last)
		}
		if v := &r.Served[i]; !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out, nil
}

// present is how far each key is in the versions that are served.
func present(r *record, versions []*version) *rotate.ZoneFacts {
	f := &rotate.ZoneFacts{Keys: map[string]rotate.KeyFacts{}, CDS: r.last().CDS}
	count := func(id string, in func(*version) []string) rotate.Presence {
		n := 0
		for _, v := range versions {
			if slices.Contains(in(v), id) {
				n++
			}
		}
		switch n {
		case 0:
			return rotate.Nowhere
		case len(versions):
			return rotate.Everywhere
		}
		return rotate.Somewhere
	}
	for i := range r.State.Keys {
		id := r.State.Keys[i].ID
		f.Keys[id] = rotate.KeyFacts{
			DNSKEY: count(id, func(v *version) []string { return v.DNSKEY }),
			KRRSIG: count(id, func(v *version) []string { return v.KRRSIG }),
			ZRRSIG: count(id, func(v *version) []string { return v.ZRRSIG }),
		}
	}
	return f
}

// before counts the versions that are older than all of those.
func (r *record) before(served []*version) int {
	i := slices.IndexFunc(r.Served, func(v version) bool {
		return slices.ContainsFunc(served, func(s *version) bool { return s.First == v.First })
	})
	return max(i, 0)
}

// What is asked of others, for people.
const (
	askServers = "ask the name servers for their serials"
	askParent  = "ask the parent for its DS"
)
