package acmetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/internal/txtrr"
)

// AddTXT adds records; see [DNS.Writes] and [DNS.FailWrites].
func (d *DNS) AddTXT(ctx context.Context, records ...dns01.TXT) error {
	return d.write(ctx, "add", records)
}

// DeleteTXT deletes records.
func (d *DNS) DeleteTXT(ctx context.Context, records ...dns01.TXT) error {
	return d.write(ctx, "delete", records)
}

func (d *DNS) write(ctx context.Context, op string, records []dns01.TXT) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("acmetest: %s records: %w", op, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes = append(d.writes, slices.Clone(records))
	for _, r := range records {
		if d.failing != nil {
			if err := d.failing(op, r); err != nil {
				return fmt.Errorf("acmetest: %s %s TXT %q: %w", op, r.Name, r.Value, err)
			}
		}
		z := deepest(d.zones, dns.CanonicalName(r.Name))
		if z == nil || r.Zone != "" && z.name != dns.CanonicalName(r.Zone) && d.zones[dns.CanonicalName(r.Zone)] == nil {
			return fmt.Errorf("acmetest: %s %s TXT %q: zone %q is not served", op, r.Name, r.Value, r.Zone)
		}
		zone := z.name
		if r.Zone != "" {
			zone = dns.CanonicalName(r.Zone)
		}
		d.change(zone, txtRR(r), op == "add")
	}
	return nil
}

func txtRR(r dns01.TXT) *dns.TXT {
	return &dns.TXT{
		Hdr: dns.RR_Header{Name: dns.CanonicalName(r.Name), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: uint32(r.TTL / time.Second)},
		Txt: txtrr.Strings(r.Value),
	}
}

// ZoneOf finds the longest zone that has the name.
func (d *DNS) ZoneOf(_ context.Context, fqdn string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if z := deepest(d.zones, dns.CanonicalName(fqdn)); z != nil {
		return z.name, nil
	}
	return "", fmt.Errorf("acmetest: no zone is served that has %q", fqdn)
}

// Writes are the records of each call of AddTXT and DeleteTXT so far.
func (d *DNS) Writes() [][]dns01.TXT {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.writes)
}

// FailWrites makes calls fail, after the records before have been changed, with what
// the function returns for a record; op is "add" or "delete". Nil heals.
func (d *DNS) FailWrites(fail func(op string, record dns01.TXT) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failing = fail
}

// SetTXT makes these the values at a name, and no others: a publish function for
// [NewMythic].
func (d *DNS) SetTXT(zone, name string, values []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	zone, name = dns.CanonicalName(zone), dns.CanonicalName(name)
	z := d.zones[zone]
	if z == nil {
		d.t.Errorf("acmetest: set TXT of %s: zone %q is not served", name, zone)
		return
	}
	for _, value := range z.txt(name) {
		if !slices.Contains(values, value) {
			d.change(zone, txtRR(dns01.TXT{Name: name, Value: value}), false)
		}
	}
	for _, value := range values {
		d.change(zone, txtRR(dns01.TXT{Name: name, Value: value}), true)
	}
}
