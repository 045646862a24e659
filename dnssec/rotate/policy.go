package rotate

import (
	"fmt"
	"slices"
	"time"
)

// Scheme says how the work is split among keys.
type Scheme uint8

// The schemes.
const (
	KSKZSK    Scheme = iota // one key signs the DNSKEY RRset, another all else
	SingleKey               // a CSK signs everything
)

func (s Scheme) roles() []Role {
	if s == SingleKey {
		return []Role{CSK}
	}
	return []Role{KSK, ZSK}
}

// KSKMethod says how a KSK is replaced (RFC 7583 section 2.2).
type KSKMethod uint8

// The methods.
const (
	DoubleKSK KSKMethod = iota // the new DNSKEY first, then the DS is swapped
	DoubleDS                   // the new DS first, then the DNSKEY is swapped
)

// Policy is what the operator wants. It may change at any time: what has begun is
// finished with the longer of the old and new intervals. Fields of zero mean what
// they say. TTLs are lower limits: longer ones that are observed count as well.
type Policy struct {
	Scheme    Scheme
	Algorithm uint8 // 0 means 13, ECDSA P-256; 8, 14 and 15 are the others
	KSKMethod KSKMethod
	// Insecure takes the zone back to unsigned, safely: first the DS goes, by
	// CDS (RFC 8078 section 4) or by hand; then all else.
	Insecure bool
	// Manual makes each step wait for [Facts].Approved: to generate a key, to publish
	// or to withdraw a record of one. Time and observations still count by themselves.
	Manual bool

	// KSKLifetime is for a KSK or CSK, ZSKLifetime for a ZSK: after it a roll
	// begins. 0 means never.
	KSKLifetime, ZSKLifetime time.Duration
	// StandbyKSK is how many KSKs have a DS and no DNSKEY, ready to take over.
	StandbyKSK int

	// DNSKEYTTL is the TTL of the DNSKEY RRset. 0 means 1 hour.
	DNSKEYTTL time.Duration
	// NegativeTTL is how long resolvers remember that there is no DNSKEY
	// RRset: the lesser of the SOA's TTL and MINIMUM. 0 means 1 hour.
	NegativeTTL time.Duration
	// MaxZoneTTL is the longest TTL in the zone. 0 means 24 hours.
	MaxZoneTTL time.Duration
	// DSTTL is the TTL of the parent's DS RRset. 0 means 24 hours.
	DSTTL time.Duration

	// ZonePropagation is how long after [Facts] showed something another name
	// server of the zone may still answer otherwise. 0 means 5 minutes,
	// negative means not at all.
	ZonePropagation time.Duration
	// ParentPropagation is the same for the parent. 0 means 1 hour.
	ParentPropagation time.Duration
	// PublishSafety and RetireSafety are added to the waits before something
	// counts as being in every cache, and in none. 0 means 1 hour, negative
	// means none.
	PublishSafety, RetireSafety time.Duration
	// SignInterval is how long it may take until all RRsets are signed by a
	// new key. Lifetimes are checked against it, nothing else. 0 means 9 days.
	SignInterval time.Duration
}

func (p Policy) withDefaults() Policy {
	if p.Algorithm == 0 {
		p.Algorithm = 13
	}
	for _, d := range []struct {
		field     *time.Duration
		otherwise time.Duration
	}{
		{&p.DNSKEYTTL, time.Hour},
		{&p.NegativeTTL, time.Hour},
		{&p.MaxZoneTTL, 24 * time.Hour},
		{&p.DSTTL, 24 * time.Hour},
		{&p.ZonePropagation, 5 * time.Minute},
		{&p.ParentPropagation, time.Hour},
		{&p.PublishSafety, time.Hour},
		{&p.RetireSafety, time.Hour},
		{&p.SignInterval, 9 * 24 * time.Hour},
	} {
		if *d.field == 0 {
			*d.field = d.otherwise
		}
		*d.field = max(*d.field, 0)
	}
	return p
}

const maxTTL = 1<<31 - 1 // seconds; RFC 2181 section 8

// Check returns an error that wraps [ErrPolicy] and says what to change, if the
// policy cannot be carried out: an algorithm that must not be used (RFC 9904), or
// keys that would have to go before their successors are ready.
func (p Policy) Check() error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("rotate: %w: %s", ErrPolicy, fmt.Sprintf(format, args...))
	}
	for name, ttl := range map[string]time.Duration{
		"DNSKEYTTL": p.DNSKEYTTL, "NegativeTTL": p.NegativeTTL, "MaxZoneTTL": p.MaxZoneTTL, "DSTTL": p.DSTTL,
	} {
		if ttl < 0 || ttl > maxTTL*time.Second {
			return refuse("%s is %v, and a TTL is from 0 to %d seconds", name, ttl, maxTTL)
		}
	}
	p = p.withDefaults()
	switch {
	case !slices.Contains([]uint8{8, 13, 14, 15}, p.Algorithm):
		return refuse("algorithm %d is not 8, 13, 14 or 15", p.Algorithm)
	case p.Scheme > SingleKey:
		return refuse("there is no scheme %d", p.Scheme)
	case p.KSKMethod > DoubleDS:
		return refuse("there is no KSK method %d", p.KSKMethod)
	case p.Scheme == SingleKey && p.KSKMethod == DoubleDS:
		return refuse("a CSK signs the zone, so its DNSKEY cannot be swapped at once; use DoubleKSK")
	case p.StandbyKSK < 0 || p.StandbyKSK > 3:
		return refuse("%d standby KSKs; 0 to 3 are possible", p.StandbyKSK)
	case p.Scheme == SingleKey && p.StandbyKSK > 0:
		return refuse("a CSK cannot be on standby, since its signatures would be missing when it took over")
	case p.KSKLifetime != 0 && p.KSKLifetime < p.keyInterval():
		return refuse("KSKLifetime is %v, and a roll takes %v at least", p.KSKLifetime, p.keyInterval())
	case p.ZSKLifetime != 0 && p.ZSKLifetime < p.zoneInterval():
		return refuse("ZSKLifetime is %v, and a roll takes %v at least", p.ZSKLifetime, p.zoneInterval())
	}
	return nil
}

// keyInterval is how long replacing a KSK takes, or a CSK, if the parent acts at
// once.
func (p Policy) keyInterval() time.Duration {
	ds := p.ParentPropagation + p.DSTTL + max(p.PublishSafety, p.RetireSafety)
	if p.Scheme == SingleKey {
		ds = max(ds, p.SignInterval+p.ZonePropagation+p.MaxZoneTTL+p.RetireSafety)
	}
	return ds + 2*(p.ZonePropagation+p.DNSKEYTTL) + p.PublishSafety + p.RetireSafety
}

// zoneInterval is how long replacing a ZSK takes.
func (p Policy) zoneInterval() time.Duration {
	return 2*(p.ZonePropagation+p.DNSKEYTTL) + p.PublishSafety + p.RetireSafety +
		p.SignInterval + p.ZonePropagation + p.MaxZoneTTL + p.RetireSafety
}
