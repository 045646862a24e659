package acmetest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// MythicRecord is a record of a [Mythic].
type MythicRecord struct {
	// Host is relative to the zone, "@" for the zone itself.
	Host string
	// TTL is in seconds.
	TTL        int
	Type, Data string
	// Fields are those that some types have beside, such as mx_priority.
	Fields map[string]int
	// Template and Generated mark records that the zone inherits. They are not
	// replaced or deleted.
	Template, Generated bool
}

// MarshalJSON has the form of the API.
func (r MythicRecord) MarshalJSON() ([]byte, error) {
	all := map[string]any{"host": r.Host, "ttl": r.TTL, "type": r.Type, "data": r.Data}
	for name, value := range r.Fields {
		all[name] = value
	}
	if r.Template {
		all["_template"] = true
	}
	if r.Generated {
		all["_generated"] = true
	}
	return json.Marshal(all)
}

// String is the record in presentation format.
func (r MythicRecord) String() string {
	data := r.Data
	if r.Type == "TXT" {
		data = `"` + strings.ReplaceAll(data, `"`, `\"`) + `"`
	}
	var fields strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		fmt.Fprintf(&fields, "%d ", r.Fields[name])
	}
	return fmt.Sprintf("%s %d %s %s%s", r.Host, r.TTL, r.Type, fields.String(), data)
}

// same reports whether two records cannot be beside each other.
func (r MythicRecord) same(o MythicRecord) bool {
	return r.Host == o.Host && r.Type == o.Type && r.Data == o.Data && maps.Equal(r.Fields, o.Fields)
}

func (r MythicRecord) inherited() bool { return r.Template || r.Generated }

// mythicZone is what the service has, and what its name servers have.
type mythicZone struct {
	records, visible []MythicRecord
}

// mythicUpdate is a change on its way to the name servers.
type mythicUpdate struct {
	zone           string
	at             time.Time
	added, removed []MythicRecord
}

// mythicName is a zone's name in lower case without a dot at its end.
func mythicName(zone string) string { return strings.ToLower(strings.TrimSuffix(zone, ".")) }

// change changes a zone and sends the change on its way. The mutex is held.
func (m *Mythic) change(zone string, removed, added []MythicRecord) {
	z := m.zones[zone]
	z.records = mythicWithout(z.records, removed)
	z.records = append(z.records, added...)
	m.pending = append(m.pending, mythicUpdate{zone: zone, at: time.Now().Add(m.opts.Delay), added: added, removed: removed})
	if m.opts.Delay > 0 {
		m.timers = append(m.timers, time.AfterFunc(m.opts.Delay, func() { m.publish(false) }))
	}
}

func mythicWithout(all, removed []MythicRecord) []MythicRecord {
	return slices.DeleteFunc(slices.Clone(all), func(r MythicRecord) bool {
		return slices.ContainsFunc(removed, r.same)
	})
}

// Settle puts all changes into the DNS that are on their way.
func (m *Mythic) Settle() { m.publish(true) }

// publish puts changes into the DNS whose time has come, or all, in their order.
func (m *Mythic) publish(all bool) {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	for {
		m.mu.Lock()
		if m.closed || len(m.pending) == 0 || !all && m.pending[0].at.After(time.Now()) {
			m.mu.Unlock()
			return
		}
		u := m.pending[0]
		m.pending = m.pending[1:]
		m.mu.Unlock()

		m.write(u)

		m.mu.Lock()
		z := m.zones[u.zone]
		z.visible = append(mythicWithout(z.visible, u.removed), u.added...)
		m.mu.Unlock()
	}
}

// write changes the TXT records of the DNS.
func (m *Mythic) write(u mythicUpdate) {
	if m.dns == nil {
		return
	}
	ctx := context.Background()
	if gone := u.txt(u.removed); len(gone) > 0 {
		if err := m.dns.DeleteTXT(ctx, gone...); err != nil {
			m.t.Errorf("acmetest: deleting records of the fake from the DNS: %v", err)
		}
	}
	if added := u.txt(u.added); len(added) > 0 {
		if err := m.dns.AddTXT(ctx, added...); err != nil {
			m.t.Errorf("acmetest: adding records of the fake to the DNS: %v", err)
		}
	}
}

func (u mythicUpdate) txt(records []MythicRecord) []dns01.TXT {
	var all []dns01.TXT
	for _, r := range records {
		if r.Type != "TXT" {
			continue
		}
		name := u.zone + "."
		if r.Host != "@" {
			name = r.Host + "." + name
		}
		all = append(all, dns01.TXT{Zone: u.zone + ".", Name: name, Value: r.Data, TTL: time.Duration(r.TTL) * time.Second})
	}
	return all
}
