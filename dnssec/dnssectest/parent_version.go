package dnssectest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// update changes the zone and publishes it.
func (p *Parent) update(fn func(tx *dnssec.Tx) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	next, err := p.unsigned.Update(fn)
	if err != nil {
		return fmt.Errorf("dnssectest: zone %s: %w", p.name, err)
	}
	p.unsigned = next
	return p.publish(p.now())
}

// publish signs what is there as the newest version.
func (p *Parent) publish(now time.Time) error {
	var prev *dnssec.Zone
	if len(p.history) > 0 {
		prev = p.history[len(p.history)-1].zone
	}
	next, refresh, err := p.sign(prev, now)
	if err != nil {
		return err
	}
	p.history = append(p.history, version{now, next, refresh})
	return nil
}

func (p *Parent) sign(prev *dnssec.Zone, now time.Time) (*dnssec.Zone, time.Time, error) {
	if p.options.Insecure {
		return p.unsigned, now.Add(100 * 365 * 24 * time.Hour), nil
	}
	signer := dnssec.Signer{Denial: p.options.Denial, Workers: 1}
	next, report, err := signer.Sign(context.Background(), p.unsigned, prev, []dnssec.KeyUse{dnssec.CSK(p.key)}, now)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("dnssectest: sign %s: %w", p.name, err)
	}
	return next, report.NextRefresh, nil
}

// newest is the primary's version, signed anew when that is due.
func (p *Parent) newest(now time.Time) *dnssec.Zone {
	last := &p.history[len(p.history)-1]
	if now.Before(last.refresh) {
		return last.zone
	}
	if p.publish(now) != nil {
		return last.zone // an old signature is what a test will notice
	}
	return p.history[len(p.history)-1].zone
}

// served is what a name server has.
func (p *Parent) served(s *parentServer, now time.Time) *dnssec.Zone {
	if s.fault == Frozen {
		return s.frozen
	}
	zone := p.newest(now)
	for i := len(p.history) - 1; i >= 0; i-- {
		zone = p.history[i].zone
		if !p.history[i].since.After(now.Add(-s.lag)) {
			break
		}
	}
	return zone
}

func dsOf(z *dnssec.Zone, zone string) []rotate.DS {
	name, err := dnssec.ParseName(zone)
	if err != nil {
		return nil
	}
	var list []rotate.DS
	for _, rr := range z.RRset(name, dns.TypeDS) {
		list = append(list, fromRR(rr.(*dns.DS)))
	}
	return list
}

func fromRR(ds *dns.DS) rotate.DS {
	return rotate.DS{Tag: ds.KeyTag, Algorithm: ds.Algorithm, DigestType: ds.DigestType, Digest: strings.ToLower(ds.Digest)}
}

func toRR(zone string, ttl uint32, d rotate.DS) *dns.DS {
	return &dns.DS{
		Hdr:    dns.RR_Header{Name: zone, Rrtype: dns.TypeDS, Class: dns.ClassINET, Ttl: ttl},
		KeyTag: d.Tag, Algorithm: d.Algorithm, DigestType: d.DigestType, Digest: d.Digest,
	}
}
