package manager

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// parent is who has the DS of a zone, nil if it cannot be asked.
func (m *Manager) parent(zone string) Parent {
	if m.Parent == nil {
		return nil
	}
	return m.Parent(zone)
}

// observe asks the parent, if it is time to. Its answer counts for one look at the
// zone.
func (m *Manager) observe(ctx context.Context, z *zone, now time.Time) (*rotate.DSFacts, error) {
	p := m.parent(z.name)
	if p == nil || now.Before(z.askNext) {
		return nil, nil
	}
	z.askNext = now.Add(m.pollDS(z))
	seen, err := p.Observe(ctx, z.name)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		m.aside(z, askParent, err)
		return nil, nil
	}
	m.aside(z, askParent, nil)
	z.rec.DS = &seen
	return &seen, nil
}

// pollDS is how long until the parent is asked again. Zones that wait for nothing are
// spread.
func (m *Manager) pollDS(z *zone) time.Duration {
	if waitsForDS(&z.rec.State) {
		return or(m.PollDS, 10*time.Minute)
	}
	every := or(m.CheckDS, 24*time.Hour)
	h := fnv.New64a()
	_, _ = h.Write([]byte(z.name))
	return every - time.Duration(h.Sum64()%uint64(every/4+1))
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// waitsForDS says whether somebody has to change the DS RRset.
func waitsForDS(s *rotate.State) bool {
	return slices.ContainsFunc(s.Keys, func(k rotate.Key) bool {
		return (k.DS.State == rotate.Rumoured || k.DS.State == rotate.Unretentive) && k.DS.Seen.IsZero()
	})
}

// resubmit is how long until a parent that has not done what it was asked for is asked
// again.
const resubmit = time.Hour

// submit asks the parent for a change of the DS RRset, and tells people of it.
func (m *Manager) submit(ctx context.Context, z *zone, want rotate.SetDS, now time.Time) error {
	if len(want.Add)+len(want.Remove) == 0 {
		z.submitted = ""
		z.tell(func(v *view) { v.toldDS = "" })
		return nil
	}
	what := fmt.Sprint(want.Add, want.Remove)
	if z.see().toldDS != what {
		z.tell(func(v *view) { v.toldDS = what })
		m.event(z, Event{Kind: DSWanted, Text: inWords(want)})
	}
	p := m.parent(z.name)
	if p == nil || what == z.submitted && now.Before(z.submitAt.Add(resubmit)) {
		return nil
	}
	if err := p.Submit(ctx, z.name, want.Add, want.Remove); err != nil {
		return fmt.Errorf("manager: ask the parent of %q for DS: %w", z.name, err)
	}
	z.submitted, z.submitAt = what, now
	if soon := now.Add(or(m.PollDS, 10*time.Minute)); z.askNext.After(soon) {
		z.askNext = soon
	}
	return nil
}

func inWords(want rotate.SetDS) string {
	var text strings.Builder
	for _, d := range want.Add {
		text.WriteString("add " + d.String() + "; ")
	}
	for _, d := range want.Remove {
		text.WriteString("remove " + d.String() + "; ")
	}
	return text.String() + "on every name server of the parent"
}

// foreignDS refuses to sign a zone for the first time while the parent has DS of keys
// that are not in its contents.
func foreignDS(z *zone, seen *rotate.DSFacts) error {
	base := z.contents
	if base == nil {
		base = z.signed
	}
	if seen == nil || base == nil || len(z.rec.State.Keys) > 0 || z.rec.last().signed() {
		return nil
	}
	for _, server := range seen.Servers {
		for _, d := range server.DS {
			if !slices.ContainsFunc(base.RRset(z.apex, dns.TypeDNSKEY), func(rr dns.RR) bool {
				k := rr.(*dns.DNSKEY)
				return k.KeyTag() == d.Tag && k.Algorithm == d.Algorithm
			}) {
				return halted(z.name, fmt.Errorf("%w: %v", ErrForeignDS, d), "have the DS removed first, and wait for its TTL")
			}
		}
	}
	return nil
}
