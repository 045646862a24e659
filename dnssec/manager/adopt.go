package manager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// ErrAdopt is for a zone that cannot be taken over as it is.
var ErrAdopt = errors.New("zone cannot be taken over from its signer now")

// Adopt takes over a zone that another signer signs, such as BIND, with its keys and
// signatures, so that no resolver and no parent sees a change. Call it, instead of
// [Manager.Enable], when that signer has stopped; signed is the zone as it serves it, for
// example from a transfer. It goes on from its serial, and is the contents until
// [Manager.SetZone] gives others.
//
// All keys of the zone must be in the key store, for which the folder of BIND's key files
// does: [dnssec.KeyFiles]. Keys there that are not in the zone are left alone. Which key
// does what is taken from the zone, and which DS there is from the parent, never from
// metadata. Nothing counts as being in every cache before it was seen for as long as TTLs
// and the policy say; a DS that nobody could see waits for [Manager.ConfirmDS].
//
// A key that signs nothing is withdrawn, safely. The policy must be one that the keys
// satisfy, or it would begin a roll; Algorithm zero is that of the keys. A zone in the
// middle of a roll, in which no key signs everything, is an error that wraps [ErrAdopt]:
// let the old signer finish. So is one that is enabled already, or not valid. With an
// error of a kind that this package has, nothing was done.
func (m *Manager) Adopt(ctx context.Context, signed *dnssec.Zone, p Policy) error {
	z, err := m.zone(signed.Origin().String())
	if err != nil {
		return err
	}
	done := false
	err = m.work(ctx, z, func(ctx context.Context) error {
		done = true
		if err := m.adopt(ctx, z, signed, p); err != nil {
			return fmt.Errorf("manager: adopt %q: %w", z.name, err)
		}
		m.event(z, Event{Kind: PolicySet, Text: "adopted"})
		return m.look(ctx, z)
	})
	if err == nil && !done {
		return fmt.Errorf("manager: adopt %q: %w", z.name, ErrFollower)
	}
	return err
}

// adopt writes the record of the zone, and publishes the zone as it is.
func (m *Manager) adopt(ctx context.Context, z *zone, signed *dnssec.Zone, p Policy) error {
	now := m.now()
	if err := m.adoptable(ctx, z, signed); err != nil {
		return err
	}
	list, err := m.Keys.List(ctx, z.apex)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	ring := keyring{}
	for _, k := range list {
		ring[k.String()] = k
	}
	var seen *rotate.DSFacts
	if parent := m.parent(z.name); parent != nil {
		facts, err := parent.Observe(ctx, z.name)
		if err == nil {
			seen = &facts
		} else if ctx.Err() != nil {
			return err
		}
	}
	a := adoption{zone: signed, ring: ring, seen: seen, now: now.UTC().Round(0)}
	if err := a.read(); err != nil {
		return err
	}
	if p, err = a.policy(p); err != nil {
		return err
	}
	state, err := a.state(p)
	if err != nil {
		return err
	}
	checked, err := dnssec.VerifyNext(ctx, signed, dnssec.VerifyOptions{At: now, Workers: m.Signer.Workers, DS: a.trust(z.name, state)})
	if err != nil {
		return fmt.Errorf("%w: it is not valid: %w", ErrAdopt, err)
	}
	z.rec.Policy, z.rec.Enabled, z.rec.State, z.rec.DS = p, true, state, seen
	z.rec.Served = []version{a.version(z)}
	z.rec.remember(ring)
	if err := m.commit(ctx, z); err != nil {
		return err
	}
	if z.contents == nil {
		z.contents = signed
	}
	z.staged, z.checked, z.announce, z.dirty = signed, checked, true, true
	z.askNext = now
	return m.finish(ctx, z)
}

// adoptable refuses a zone that the manager has signed, or whose serial would go back.
func (m *Manager) adoptable(ctx context.Context, z *zone, signed *dnssec.Zone) error {
	if err := m.clock.trust(ctx, m); err != nil {
		return err
	}
	if err := m.refresh(ctx, z); err != nil {
		return err
	}
	last := z.rec.last()
	switch {
	case z.rec.Enabled || len(z.rec.State.Keys) > 0 || last.signed():
		return fmt.Errorf("%w: it is enabled: %w", ErrAdopt, fs.ErrExist)
	case last != nil && after(last.Last, signed.Serial()):
		return fmt.Errorf("%w: its serial %d is before %d, which was published", ErrAdopt, signed.Serial(), last.Last)
	}
	return nil
}

// adoption is a zone that is taken over.
type adoption struct {
	zone *dnssec.Zone
	ring keyring
	seen *rotate.DSFacts // nil is not known
	now  time.Time
	keys []adopted // those of the DNSKEY records
}

// adopted is what a key of the zone was seen to do.
type adopted struct {
	key                 *dnssec.Key
	signsKeys, signsAll bool
}

// read finds out what each key does.
func (a *adoption) read() error {
	type signer struct {
		tag uint16
		alg uint8
	}
	sets, ofKeys, ofAll := map[string]bool{}, map[signer]bool{}, map[signer]int{}
	for rr := range a.zone.All() {
		sig, ok := rr.(*dns.RRSIG)
		if !ok {
			continue
		}
		by := signer{sig.KeyTag, sig.Algorithm}
		switch sig.TypeCovered {
		case dns.TypeDNSKEY:
			ofKeys[by] = true
		case dns.TypeCDS, dns.TypeCDNSKEY:
		default:
			sets[fmt.Sprintf("%s/%d", dns.CanonicalName(sig.Hdr.Name), sig.TypeCovered)] = true
			ofAll[by]++
		}
	}
	for _, rr := range a.zone.RRset(a.zone.Origin(), dns.TypeDNSKEY) {
		is := rr.(*dns.DNSKEY)
		k := a.ring.find(is)
		if k == nil {
			return fmt.Errorf("%w: DNSKEY %d of algorithm %d has no private key in the store", ErrKey, is.KeyTag(), is.Algorithm)
		}
		by := signer{k.Tag(), uint8(k.Algorithm())}
		if n := ofAll[by]; n > 0 && n < len(sets) {
			return fmt.Errorf("%w: %s signs %d of %d RRsets: a roll is under way", ErrAdopt, k, n, len(sets))
		}
		a.keys = append(a.keys, adopted{key: k, signsKeys: ofKeys[by], signsAll: ofAll[by] > 0})
	}
	return nil
}

// find is the key of a DNSKEY record.
func (r keyring) find(is *dns.DNSKEY) *dnssec.Key {
	for _, k := range r {
		own := k.DNSKEY(0)
		if own.Algorithm == is.Algorithm && own.PublicKey == is.PublicKey && own.Flags == is.Flags {
			return k
		}
	}
	return nil
}

func (a *adoption) role(k adopted) rotate.Role {
	switch {
	case !k.key.SEP():
		return rotate.ZSK
	case k.signsAll:
		return rotate.CSK
	}
	return rotate.KSK
}

// policy is the policy with the algorithm of the keys.
func (a *adoption) policy(p Policy) (Policy, error) {
	for _, k := range a.keys {
		if p.Algorithm == 0 && (k.signsKeys || k.signsAll) {
			p.Algorithm = uint8(k.key.Algorithm())
		}
	}
	return p, p.Check()
}

// state is that of the keys. Nothing of them is in every cache for certain.
func (a *adoption) state(p Policy) (rotate.State, error) {
	s := rotate.State{Last: a.now, Requests: uint64(len(a.keys))}
	withDS := false
	for _, k := range a.keys {
		role := a.role(k)
		created := k.key.Timing.Created
		if created.IsZero() || created.After(a.now) {
			created = a.now
		}
		next := rotate.Key{
			ID: k.key.String(), Role: role, Algorithm: uint8(k.key.Algorithm()), Tag: k.key.Tag(),
			Created: created, Use: rotate.Retired, DNSKEY: a.is(rotate.Rumoured),
		}
		if role != rotate.ZSK {
			var err error
			if next.Digests, err = a.digests(k.key, p.Digests); err != nil {
				return s, err
			}
			if k.signsKeys {
				next.KRRSIG, next.Use = a.is(rotate.Rumoured), rotate.Active
			}
			next.DS = a.is(rotate.Rumoured)
			if a.none(&next) {
				next.DS = a.is(rotate.Unretentive)
			}
			withDS = withDS || next.Use == rotate.Active && next.DS.State == rotate.Rumoured
		}
		switch {
		case k.signsAll:
			next.ZRRSIG, next.Use = a.is(rotate.Rumoured), rotate.Active
		case role == rotate.ZSK:
			next.ZRRSIG = a.is(rotate.Unretentive) // it may have signed until a moment ago
		}
		s.Keys = append(s.Keys, next)
	}
	if err := a.foreign(s); err != nil {
		return s, err
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		if withDS && k.Role != rotate.ZSK && k.DS.State == rotate.Unretentive {
			k.Use = rotate.Retired // another has the DS
		}
	}
	return s, a.satisfies(s, p)
}

func (a *adoption) is(s rotate.RecordState) rotate.Record {
	return rotate.Record{State: s, Since: a.now}
}

// none says whether the parent was seen without a DS of the key on all its servers.
func (a *adoption) none(k *rotate.Key) bool {
	if a.seen == nil || len(a.seen.Servers) == 0 {
		return false
	}
	return !slices.ContainsFunc(a.seen.Servers, func(s rotate.ServerDS) bool {
		return !s.Answered || slices.ContainsFunc(s.DS, func(d rotate.DS) bool { return d.Tag == k.Tag && d.Algorithm == k.Algorithm })
	})
}

// digests are the DS of a key that the parent has. Without any they are those of the policy.
func (a *adoption) digests(k *dnssec.Key, types []dnssec.Digest) ([]rotate.DS, error) {
	var out []rotate.DS
	if a.seen != nil {
		for _, server := range a.seen.Servers {
			for _, d := range server.DS {
				ds, err := k.DS(dnssec.Digest(d.DigestType), 0)
				if err == nil && ds.KeyTag == d.Tag && ds.Algorithm == d.Algorithm && ds.Digest == d.Digest && !slices.Contains(out, d) {
					out = append(out, d)
				}
			}
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	n, err := newKey(k, rotate.GenerateKey{Role: rotate.KSK}, types)
	return n.Digests, err
}

// foreign refuses a parent that has the DS of a key that is not in the zone.
func (a *adoption) foreign(s rotate.State) error {
	if a.seen == nil {
		return nil
	}
	for _, server := range a.seen.Servers {
		for _, d := range server.DS {
			if !slices.ContainsFunc(s.Keys, func(k rotate.Key) bool {
				other := d.DigestType != uint8(dnssec.SHA256) && d.DigestType != uint8(dnssec.SHA384) && d.Tag == k.Tag && d.Algorithm == k.Algorithm
				return other || slices.Contains(k.Digests, d)
			}) {
				return fmt.Errorf("%w: %w: %v of %q is of no key in the zone", ErrAdopt, ErrForeignDS, d, server.Name)
			}
		}
	}
	return nil
}

// satisfies refuses keys that the policy would replace at once.
func (a *adoption) satisfies(s rotate.State, p Policy) error {
	want := map[rotate.Role]int{rotate.KSK: 0, rotate.ZSK: 0}
	if p.Scheme == rotate.SingleKey {
		want = map[rotate.Role]int{rotate.CSK: 0}
	}
	for _, k := range s.Keys {
		if k.Use != rotate.Active {
			continue
		}
		if _, ok := want[k.Role]; !ok || k.Algorithm != p.Algorithm {
			return fmt.Errorf("%w: %v is not what the policy asks for: adopt it by a policy of the keys that are there, and change that later", ErrAdopt, &k)
		}
		want[k.Role]++
	}
	for role, n := range want {
		if n == 0 {
			return fmt.Errorf("%w: the zone has no %v of algorithm %d that signs", ErrAdopt, role, p.Algorithm)
		}
	}
	return nil
}

// trust are the DS by which the zone is to be valid: those that the parent has, of keys
// that were not seen to have none.
func (a *adoption) trust(zone string, s rotate.State) []*dns.DS {
	var out []*dns.DS
	for _, k := range s.Keys {
		if k.DS.State != rotate.Rumoured || a.seen == nil {
			continue
		}
		for _, d := range k.Digests {
			out = append(out, dsRecord(zone, d))
		}
	}
	return out
}

// version is what is served.
func (a *adoption) version(z *zone) version {
	v := z.wanted(z.rec.State.Publication())
	v.CDS = nil
	for _, rr := range a.zone.RRset(z.apex, dns.TypeCDS) {
		ds := rr.(*dns.CDS)
		v.CDS = append(v.CDS, rotate.DS{Tag: ds.KeyTag, Algorithm: ds.Algorithm, DigestType: ds.DigestType, Digest: strings.ToLower(ds.Digest)})
	}
	ttl := a.zone.TTLs()
	v.First, v.Last = a.zone.Serial(), a.zone.Serial()
	v.MaxTTL, v.NegativeTTL, v.DNSKEYTTL = ttl.Max, ttl.Negative, ttl.DNSKEY
	return v
}
