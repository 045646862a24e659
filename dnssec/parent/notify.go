package parent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

// Notify tells the parent by NOTIFY(CDS) that the zone's CDS records have changed,
// at the place that the parent's DSYNC record names (RFC 9859). A parent without
// one finds out by itself, so that this is no error.
type Notify struct {
	// Resolver finds the DSYNC record and the target's addresses.
	Resolver Resolver
	// Again is how long after the last NOTIFY one is sent for the same change;
	// zero means an hour.
	Again time.Duration
	// Agent is the domain to which the parent may report errors (RFC 9567), which
	// must be one of the zone's name servers or below it. None asks for no reports.
	Agent string
	// Observer nil means that people confirm what the parent has.
	Observer Observer
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	mu   sync.Mutex // guards sent
	sent map[string]sent
}

// sent is the last NOTIFY of a zone that was answered well.
type sent struct {
	change string
	at     time.Time
}

// Submit sends a NOTIFY(CDS), unless one was sent for the same change not long
// ago.
func (n *Notify) Submit(ctx context.Context, zone string, add, remove []rotate.DS) error {
	zone, err := canonical(zone)
	if err != nil {
		return err
	}
	if len(add)+len(remove) == 0 {
		return nil
	}
	change := Change{Zone: zone, Add: add, Remove: remove}.digest()
	now := time.Now()
	if n.Now != nil {
		now = n.Now()
	}
	if n.recent(zone, change, now) {
		return nil
	}
	if err := n.Send(ctx, zone); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sent == nil {
		n.sent = make(map[string]sent)
	}
	n.sent[zone] = sent{change, now}
	return nil
}

func (n *Notify) recent(zone, change string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	last, ok := n.sent[zone]
	return ok && last.change == change && now.Before(last.at.Add(cmp.Or(n.Again, time.Hour)))
}

// Observe asks the Observer.
func (n *Notify) Observe(ctx context.Context, zone string) (rotate.DSFacts, error) {
	return observe(ctx, n.Observer, zone)
}

// Send sends a NOTIFY(CDS) to the addresses of the parent's target in turn, until
// one acknowledges it. The error says what the others answered, with the extended
// error (RFC 8914) if they gave one.
func (n *Notify) Send(ctx context.Context, zone string) error {
	zone, err := canonical(zone)
	if err != nil {
		return err
	}
	dsync, err := n.Resolver.DSYNC(ctx, zone, dns.TypeCDS)
	if err != nil || dsync == nil {
		return err
	}
	addrs, err := n.Resolver.addresses(ctx, dsync.Target, dns.TypeA, dns.TypeAAAA)
	if err == nil && len(addrs) == 0 {
		err = errors.New("it has no address")
	}
	if err != nil {
		return fmt.Errorf("parent: NOTIFY(CDS) of %s: find %s: %w", zone, dsync.Target, err)
	}
	m, err := n.message(zone)
	if err != nil {
		return fmt.Errorf("parent: NOTIFY(CDS) of %s: %w", zone, err)
	}
	var errs []error
	for _, addr := range addrs {
		server := netip.AddrPortFrom(addr, dsync.Port)
		err := n.one(ctx, server, m)
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s (%s): %w", dsync.Target, server, err))
	}
	return fmt.Errorf("parent: NOTIFY(CDS) of %s: %w", zone, errors.Join(errs...))
}

func (n *Notify) message(zone string) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetNotify(zone)
	m.Question[0].Qtype = dns.TypeCDS
	if n.Agent == "" {
		return m, nil
	}
	agent, err := canonical(n.Agent)
	if err != nil {
		return nil, fmt.Errorf("agent %q: %w", n.Agent, err)
	}
	m.SetEdns0(dnsask.Size, false)
	opt := m.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_REPORTING{Code: dns.EDNS0REPORTING, AgentDomain: agent})
	return m, nil
}

func (n *Notify) one(ctx context.Context, server netip.AddrPort, m *dns.Msg) error {
	client := n.Resolver.client()
	client.MixCase = false // it is no question
	answer, err := client.Exchange(ctx, server, m)
	if err != nil {
		return err
	}
	if answer.Rcode == dns.RcodeSuccess {
		return nil
	}
	err = dnsask.RcodeError(answer.Rcode)
	if opt := answer.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if ede, ok := option.(*dns.EDNS0_EDE); ok {
				err = fmt.Errorf("%w: %s (%q)", err, dns.ExtendedErrorCodeToString[ede.InfoCode], ede.ExtraText)
			}
		}
	}
	return err
}
