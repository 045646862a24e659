package dns01

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/acme/internal/txtrr"
	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

// Authoritative is a [Verifier] that asks every address of every server of the zone,
// by UDP and TCP, and over IPv4 and IPv6. An address that this machine has no way to
// counts only if there is no other.
//
// A zone that a name is delegated to below the one that the record was added to is
// where it must be seen, since that is where authorities look.
type Authoritative struct {
	// DNS asks; nil means the zero value.
	DNS *DNS
	// Quorum is how many addresses must have the record; zero means all.
	Quorum int
	// IgnoreLame leaves servers out that do not answer for the zone: dead ones, and
	// those that refuse. One at least must have the record.
	IgnoreLame bool

	once sync.Once
	dns  *DNS
}

// verdict is what one address told.
type verdict struct {
	server server
	has    bool
	lame   bool // it told nothing about the record
	away   bool // there is no way to it from here
	why    error
	child  string // the zone that it delegates the name to
	answer *dns.Msg
}

// maxAsked is how many addresses are asked at once.
const maxAsked = 16

// Visible says whether the servers have the record, and else in the error which have
// not and why.
func (v *Authoritative) Visible(ctx context.Context, record TXT) (bool, error) {
	v.once.Do(func() {
		if v.dns = v.DNS; v.dns == nil {
			v.dns = new(DNS)
		}
	})
	name, err := canonical(record.Name)
	if err != nil {
		return false, fmt.Errorf("dns01: look for %q: %w", record.Name, err)
	}
	a, err := v.start(ctx, name, record.Zone)
	if err != nil {
		return false, fmt.Errorf("dns01: find the servers of %s: %w", name, err)
	}
	for range maxCuts {
		verdicts := v.ask(ctx, a, name, record.Value)
		child, err := v.below(ctx, verdicts)
		if err != nil {
			return false, fmt.Errorf("dns01: find the servers of %s: %w", name, err)
		}
		if child == nil {
			return v.judge(a, name, verdicts)
		}
		a = *child
	}
	return false, fmt.Errorf("dns01: %s is delegated more than %d times", name, maxCuts)
}

func (v *Authoritative) start(ctx context.Context, name, zone string) (authority, error) {
	if zone == "" {
		found, err := v.dns.enclosing(ctx, above(name))
		if err != nil {
			return authority{}, err
		}
		zone = found
	}
	zone = dns.CanonicalName(zone)
	servers, err := v.dns.serversOf(ctx, zone)
	return authority{zone, servers}, err
}

func (v *Authoritative) ask(ctx context.Context, a authority, name, value string) []verdict {
	verdicts := make([]verdict, len(a.servers))
	slots := make(chan struct{}, maxAsked)
	var all sync.WaitGroup
	for i, s := range a.servers {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			verdicts[i] = v.askOne(ctx, s, a.zone, name, value)
		})
	}
	all.Wait()
	return verdicts
}

var (
	errMissing = errors.New("the record is not there yet")
	errNoAddr  = errors.New("the host has no address")
)

func (v *Authoritative) askOne(ctx context.Context, s server, zone, name, value string) verdict {
	if !s.addr.IsValid() {
		return verdict{server: s, lame: true, why: errNoAddr}
	}
	m, err := v.dns.ask(ctx, s.addr, name, dns.TypeTXT, false)
	switch {
	case err != nil:
		return verdict{server: s, lame: true, away: dnsask.Unreachable(err), why: err}
	case useful(m, zone, name) != nil:
		return verdict{server: s, lame: true, why: useful(m, zone, name)}
	case txtrr.Has(m.Answer, name, value):
		return verdict{server: s, has: true}
	}
	if alias := aliasIn(m, name); alias != "" {
		return verdict{server: s, why: fmt.Errorf("it is an alias of %s: allow that zone by FollowCNAME, or remove the CNAME record", alias)}
	}
	return verdict{server: s, why: errMissing, child: referral(m, zone, name), answer: m}
}

// below is the zone that servers delegate the name to, if any does.
func (v *Authoritative) below(ctx context.Context, verdicts []verdict) (*authority, error) {
	for _, verdict := range verdicts {
		if verdict.child == "" {
			continue
		}
		servers, err := v.dns.addresses(ctx, verdict.child, verdict.answer.Ns, verdict.answer.Extra)
		return &authority{verdict.child, servers}, err
	}
	return nil, nil
}

func (v *Authoritative) judge(a authority, name string, verdicts []verdict) (bool, error) {
	var has, missing, lame int
	var whys []string
	for _, verdict := range verdicts {
		switch {
		case verdict.has:
			has++
			continue
		case verdict.away:
		case verdict.lame:
			lame++
		default:
			missing++
		}
		if len(whys) < maxAddrs {
			whys = append(whys, fmt.Sprintf("%s: %v", verdict.server, verdict.why))
		}
	}
	seen := has > 0 && missing == 0 && (lame == 0 || v.IgnoreLame)
	if v.Quorum > 0 {
		seen = has >= min(v.Quorum, len(verdicts))
	}
	if seen {
		return true, nil
	}
	return false, fmt.Errorf("dns01: %d of %d addresses of servers of %s have %s TXT: %s",
		has, len(verdicts), a.zone, name, strings.Join(whys, "; "))
}
