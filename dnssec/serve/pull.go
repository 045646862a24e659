package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

// Puller keeps a zone as its primaries have it, by the timers of its SOA (RFC 1034,
// section 4.3.5) and when it is told of a change. Its fields must not change while
// it runs.
type Puller struct {
	// Zone is its name, and Primaries those who have it, asked in this order.
	Zone      string
	Primaries []Primary
	// Have is the zone as it was fetched last, from a file perhaps; nil is none. It
	// counts as fetched when Run begins.
	Have *dnssec.Zone
	// Changed is called with each new zone; one that it returns an error for is
	// fetched again later. Nil does nothing.
	Changed func(ctx context.Context, z *dnssec.Zone) error
	// Expired is called when no primary answered for the EXPIRE of the SOA: the zone
	// is not to be served any more, until Changed is called. Nil does nothing.
	Expired func(ctx context.Context)
	// Limits bound what a primary may send.
	Limits FetchLimits
	// MinWait and MaxWait bound the timers of the SOA: 10 s and a day.
	MinWait, MaxWait time.Duration
	// Log is told of what comes and what fails; nil discards.
	Log *slog.Logger

	once sync.Once
	told chan struct{}

	mu      sync.Mutex // guards what is below
	zone    *dnssec.Zone
	expired bool
}

// Notified has the primaries asked at once if one of them says that the zone has
// changed; false is a message of somebody else. A primary with a key must sign.
func (p *Puller) Notified(n Notification) bool {
	zone, err := dnssec.ParseName(p.Zone)
	if err != nil || zone != n.Zone {
		return false
	}
	for _, primary := range p.Primaries {
		if primary.Addr.Addr().Unmap() != n.From.Addr() {
			continue
		}
		if primary.Key != nil {
			if name, err := keyName(primary.Key.Name); err != nil || name != n.Key {
				continue
			}
		}
		p.init()
		select {
		case p.told <- struct{}{}:
		default:
		}
		return true
	}
	return false
}

// Current is the zone of now, nil before the first; expired says that it is too old
// to be served.
func (p *Puller) Current() (z *dnssec.Zone, expired bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.zone, p.expired
}

func (p *Puller) init() { p.once.Do(func() { p.told = make(chan struct{}, 1) }) }

// Run keeps the zone until ctx ends, which is no error.
func (p *Puller) Run(ctx context.Context) error {
	zone, err := dnssec.ParseName(p.Zone)
	if err != nil {
		return err
	}
	if len(p.Primaries) == 0 {
		return fmt.Errorf("serve: zone %q has no primary", zone)
	}
	for _, primary := range p.Primaries {
		if _, err := primary.chain(); err != nil {
			return err
		}
	}
	p.init()
	r := &pull{Puller: p, name: zone, have: p.Have, good: time.Now(), log: p.Log}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	p.set(r.have, false)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-p.told:
		}
		timer.Reset(r.round(ctx))
	}
}

func (p *Puller) set(z *dnssec.Zone, expired bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.zone, p.expired = z, expired
}

// pull is a running puller.
type pull struct {
	*Puller
	name    dnssec.Name
	have    *dnssec.Zone
	good    time.Time // when a primary last answered
	expired bool
	fails   int
	log     *slog.Logger
}

// round asks the primaries, and is how long to wait for the next.
func (r *pull) round(ctx context.Context) time.Duration {
	err := r.refresh(ctx)
	now := time.Now()
	if err == nil {
		r.good, r.fails, r.expired = now, 0, false
		r.set(r.have, false)
		return r.bound(r.soa().Refresh, r.fails)
	}
	if ctx.Err() != nil {
		return 0
	}
	r.fails++
	r.log.Warn("serve: the zone was not refreshed", "zone", r.name, "err", err)
	if r.have == nil {
		return r.bound(10, r.fails)
	}
	expire := r.good.Add(time.Duration(r.soa().Expire) * time.Second)
	if !now.Before(expire) {
		if !r.expired {
			r.expired = true
			r.set(r.have, true)
			r.log.Error("serve: the zone has expired: no primary answered", "zone", r.name, "since", r.good)
			if r.Expired != nil {
				r.Expired(ctx)
			}
		}
		return r.bound(r.soa().Retry, 0)
	}
	return min(r.bound(r.soa().Retry, 0), expire.Sub(now))
}

// bound makes a timer of seconds. The last tenth is chance, so that zones do not
// come in step; failures double it.
func (r *pull) bound(seconds uint32, doubled int) time.Duration {
	d := time.Duration(seconds) * time.Second << min(doubled, 10)
	d = min(max(d, cmp.Or(r.MinWait, 10*time.Second)), cmp.Or(r.MaxWait, 24*time.Hour))
	return d - rand.N(d/10+1) //nolint:gosec // not a secret
}

func (r *pull) soa() *dns.SOA {
	for _, rr := range r.have.RRset(r.name, dns.TypeSOA) {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa
		}
	}
	return &dns.SOA{}
}

// refresh asks the primaries until one has something newer; it fails if none
// answers.
func (r *pull) refresh(ctx context.Context) error {
	var errs []error
	for _, primary := range r.Primaries {
		newer, err := r.newer(ctx, primary)
		if err == nil && !newer {
			continue
		}
		if err == nil {
			if err = r.fetch(ctx, primary); err == nil {
				return nil
			}
		}
		errs = append(errs, err)
	}
	if len(errs) == len(r.Primaries) {
		return errors.Join(errs...)
	}
	if len(errs) > 0 {
		r.log.Warn("serve: a primary failed, and another has nothing newer", "zone", r.name, "err", errors.Join(errs...))
	}
	if r.expired { // it is as good as new
		return r.changed(ctx, r.have)
	}
	return nil
}

func (r *pull) newer(ctx context.Context, primary Primary) (bool, error) {
	if r.have == nil {
		return true, nil
	}
	serial, err := primary.serial(ctx, r.name, serialWait)
	if err != nil {
		return false, fmt.Errorf("serve: serial of %q at %v: %w", r.name, primary.Addr, err)
	}
	return serialAfter(serial, r.have.Serial()), nil
}

func (r *pull) fetch(ctx context.Context, primary Primary) error {
	started := time.Now()
	z, err := Fetch(ctx, r.Zone, r.have, primary, r.Limits)
	if err != nil || z == r.have {
		return err
	}
	if err := r.changed(ctx, z); err != nil {
		return err
	}
	r.have = z
	r.log.Info("serve: fetched", "zone", r.name, "serial", z.Serial(), "primary", primary.Addr, "records", z.Records(), "took", time.Since(started))
	return nil
}

func (r *pull) changed(ctx context.Context, z *dnssec.Zone) error {
	if r.Changed == nil {
		return nil
	}
	return r.Changed(ctx, z)
}
