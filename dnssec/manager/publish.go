package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// due says whether the zone may have to be signed.
func (z *zone) due(pub rotate.Publication, now time.Time) bool {
	if z.dirty || z.resigns() || z.behind() {
		return true
	}
	if refresh := z.see().refresh; z.rec.last().signed() && !now.Before(refresh) {
		return true
	}
	want, last := z.wanted(pub), z.rec.last()
	return last == nil || !last.sameKeys(&want)
}

// behind says whether a serial was taken under which this process has no zone.
func (z *zone) behind() bool {
	last := z.rec.last()
	return last != nil && z.staged == nil && (z.signed == nil || z.signed.Serial() != last.Last)
}

// resigns says whether all signatures are to be new.
func (z *zone) resigns() bool { return z.resign || z.rec.Resign }

// wanted is a version as the state has it, without serial and TTLs.
func (z *zone) wanted(pub rotate.Publication) version {
	v := version{DNSKEY: pub.DNSKEY, KRRSIG: pub.KRRSIG, ZRRSIG: pub.ZRRSIG}
	if pub.CDS.Delete {
		v.CDS = []rotate.DS{{}}
	} else if len(pub.DNSKEY) > 0 {
		v.CDS = pub.CDS.DS
	}
	return v
}

// publish makes the version of the zone that its state and contents ask for, and
// publishes it if it is another than the last one.
func (m *Manager) publish(ctx context.Context, z *zone, ring keyring, now time.Time) (changed bool, err error) {
	want := z.wanted(z.rec.State.Publication())
	next, checked, refresh, err := m.make(ctx, z, ring, want, now)
	if err != nil {
		return false, err
	}
	z.tell(func(v *view) { v.refresh = refresh })
	if next == z.signed && !z.behind() {
		z.verified = checked
		z.dirty, z.resign = false, false
		if z.rec.Resign { // of a zone without signatures
			z.rec.Resign = false
			if err := m.commit(ctx, z); err != nil {
				return false, err
			}
		}
		return false, m.finish(ctx, z)
	}
	if m.Review != nil {
		if err := m.Review(ctx, next, z.signed); err != nil {
			return false, fmt.Errorf("manager: publish %q: the review refused serial %d: %w", z.name, next.Serial(), err)
		}
	}
	ttl := next.TTLs()
	want.First, want.Last = next.Serial(), next.Serial()
	want.MaxTTL, want.NegativeTTL, want.DNSKEYTTL = ttl.Max, ttl.Negative, ttl.DNSKEY
	z.rec.publish(want)
	z.rec.Resign = false
	if err := m.commit(ctx, z); err != nil {
		return false, err
	}
	z.staged, z.checked, z.announce = next, checked, true
	z.dirty, z.resign = false, false
	return true, m.finish(ctx, z)
}

// finish saves and publishes the zone whose serial is taken, or publishes once more what
// this process has not published yet.
func (m *Manager) finish(ctx context.Context, z *zone) error {
	if z.staged != nil {
		if m.Zones != nil {
			if err := m.Zones.Save(ctx, z.staged); err != nil {
				return fmt.Errorf("manager: publish %q: keep it: %w", z.name, err)
			}
		}
		z.signed, z.verified, z.out = z.staged, z.checked, false
		z.staged, z.checked = nil, nil
	}
	if z.out || z.signed == nil || z.behind() || z.verified == nil && z.rec.last().signed() {
		return nil
	}
	if m.Publisher != nil {
		if err := m.Publisher.Publish(ctx, z.signed); err != nil {
			return fmt.Errorf("manager: publish %q: %w", z.name, err)
		}
	}
	z.out = true
	if z.announce {
		z.announce = false
		m.event(z, Event{Kind: Published, Serial: z.signed.Serial(), Text: fmt.Sprintf("%d records", z.signed.Records())})
	}
	return nil
}

// republish publishes what was published last by a process before this one, although
// nothing else can be done with the zone: a name server that starts has to have it.
func (m *Manager) republish(ctx context.Context, z *zone) error {
	if z.out || z.signed == nil || z.behind() || !z.rec.last().signed() {
		return nil
	}
	checked, err := dnssec.VerifyNext(ctx, z.signed, dnssec.VerifyOptions{
		At: z.rec.State.Last, Workers: m.Signer.Workers, DS: cachedDS(z), Allow: []dnssec.Rule{dnssec.RuleSigningKey, dnssec.RuleCDS},
	})
	if err != nil {
		return fmt.Errorf("manager: publish %q again: serial %d is not valid: %w", z.name, z.signed.Serial(), err)
	}
	z.verified = checked
	return m.finish(ctx, z)
}

// make makes the zone, signed or not, and verifies it.
func (m *Manager) make(ctx context.Context, z *zone, ring keyring, want version, now time.Time) (*dnssec.Zone, *dnssec.Verified, time.Time, error) {
	source, err := z.source(ring, want)
	if err != nil {
		return nil, nil, time.Time{}, err
	}
	if !want.signed() {
		if z.rec.last().signed() && !z.rec.State.Insecure {
			return nil, nil, time.Time{}, halted(z.name, errors.New("no key of the state signs, and the zone is signed"), "restore the record")
		}
		next, err := m.makeUnsigned(z, source, now)
		return next, nil, time.Time{}, err
	}
	next, checked, refresh, err := m.sign(ctx, z, ring, source, want, now)
	if err != nil && z.signed != nil && z.verified == nil && !z.resigns() && ctx.Err() == nil && errors.As(err, new(*dnssec.Finding)) {
		z.resign = true // what was kept on the disk may be damaged
		next, checked, refresh, err = m.sign(ctx, z, ring, source, want, now)
	}
	return next, checked, refresh, err
}

// sign signs the contents and verifies the result.
func (m *Manager) sign(ctx context.Context, z *zone, ring keyring, source *dnssec.Zone, want version, now time.Time) (*dnssec.Zone, *dnssec.Verified, time.Time, error) {
	fail := func(err error) (*dnssec.Zone, *dnssec.Verified, time.Time, error) {
		return nil, nil, time.Time{}, fmt.Errorf("manager: sign %q: %w", z.name, err)
	}
	prev, err := z.previous()
	if err != nil {
		return fail(err)
	}
	uses, err := ring.uses(want)
	if err != nil {
		return fail(err)
	}
	signer := m.signer(z.rec.Policy)
	next, report, err := signer.Sign(ctx, source, prev, uses, now)
	if err != nil {
		return fail(err)
	}
	if next == z.signed && z.verified != nil && z.verified.Zone() == next {
		return next, z.verified, report.NextRefresh, nil
	}
	options := dnssec.VerifyOptions{At: now, Workers: m.Signer.Workers, Known: z.verified, Unpublished: ring.unpublished(want)}
	options.DS = cachedDS(z)
	checked, err := dnssec.VerifyNext(ctx, next, options)
	if err != nil {
		return fail(fmt.Errorf("serial %d is not published, since it is not valid: %w", next.Serial(), err))
	}
	return next, checked, report.NextRefresh, nil
}

// signer is the signer of a policy.
func (m *Manager) signer(p Policy) *dnssec.Signer {
	s := m.Signer
	s.Denial, s.Validity, s.Serial, s.ZONEMD = p.Denial, p.Validity, p.Serial, p.ZONEMD
	s.BatchECDSA = s.BatchECDSA || p.BatchECDSA
	s.DNSKEYTTL = p.dnskeyTTL()
	return &s
}

// previous is the zone after which the next one comes: the last one, or one that only
// has its serial, if this process does not have it.
func (z *zone) previous() (*dnssec.Zone, error) {
	last := z.rec.last()
	switch {
	case last == nil:
		return nil, nil
	case z.signed != nil && !z.resigns() && !z.behind():
		return z.signed, nil
	case z.signed != nil && !z.resigns():
		return z.signed.Update(func(tx *dnssec.Tx) error {
			tx.RemoveRRset(z.apex, dns.TypeRRSIG) // so that it cannot pass for the next one
			return tx.Replace(withSerial(z.signed, last.Last))
		})
	}
	base := z.contents
	if base == nil {
		base = z.signed
	}
	return dnssec.NewZone(z.name, []dns.RR{withSerial(base, last.Last)}, dnssec.Options{})
}

func withSerial(z *dnssec.Zone, serial uint32) dns.RR {
	soa := *z.RRset(z.Origin(), dns.TypeSOA)[0].(*dns.SOA)
	soa.Serial = serial
	return &soa
}

// uses is what each key does.
func (r keyring) uses(v version) ([]dnssec.KeyUse, error) {
	ids := slices.Concat(v.DNSKEY, v.KRRSIG, v.ZRRSIG)
	slices.Sort(ids)
	var uses []dnssec.KeyUse
	for _, id := range slices.Compact(ids) {
		k := r[id]
		if k == nil {
			return nil, fmt.Errorf("%w: %s", ErrKey, id)
		}
		uses = append(uses, dnssec.KeyUse{
			Key:     k,
			Publish: slices.Contains(v.DNSKEY, id), SignKeys: slices.Contains(v.KRRSIG, id), SignZone: slices.Contains(v.ZRRSIG, id),
		})
	}
	return uses, nil
}

// unpublished are keys that sign or have a CDS without being in the zone.
func (r keyring) unpublished(v version) []*dns.DNSKEY {
	var out []*dns.DNSKEY
	for id, k := range r {
		if slices.Contains(v.DNSKEY, id) {
			continue
		}
		signs := slices.Contains(v.KRRSIG, id) || slices.Contains(v.ZRRSIG, id)
		if signs || slices.ContainsFunc(v.CDS, func(d rotate.DS) bool { return k.SEP() && d.Tag == k.Tag() && d.Algorithm == uint8(k.Algorithm()) }) {
			out = append(out, k.DNSKEY(0))
		}
	}
	return out
}

// cachedDS are the DS that any cache may have.
func cachedDS(z *zone) []*dns.DS {
	var out []*dns.DS
	for i := range z.rec.State.Keys {
		if k := &z.rec.State.Keys[i]; k.DS.State != rotate.Hidden {
			for _, d := range k.Digests {
				out = append(out, dsRecord(z.name, d))
			}
		}
	}
	return out
}

func dsRecord(zone string, d rotate.DS) *dns.DS {
	return &dns.DS{
		Hdr:    dns.RR_Header{Name: zone, Rrtype: dns.TypeDS, Class: dns.ClassINET},
		KeyTag: d.Tag, Algorithm: d.Algorithm, DigestType: d.DigestType, Digest: d.Digest,
	}
}
