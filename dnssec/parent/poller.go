package parent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Server is a name server and where it answers.
type Server struct {
	Name  string
	Addrs []netip.AddrPort
}

// Answer is what one address of a name server of the parent says.
type Answer struct {
	Server string
	// Addr is not valid for a server that has no address.
	Addr netip.AddrPort
	// DS are the zone's; none is a zone without DS, if Err is nil.
	DS []rotate.DS
	// TTL is that of the records at their source; zero if there are none.
	TTL time.Duration
	// Err says why the answer does not count.
	Err error
}

// Poller observes a zone's DS records by asking every address of every name
// server of its parent. The zero value finds these by the system's resolver.
type Poller struct {
	// Resolver finds the name servers, has the trust anchors, and says how often
	// and how long everybody is asked.
	Resolver Resolver
	// Servers says which zone is the parent and what its name servers are. Nil
	// means that they are looked up.
	Servers func(ctx context.Context, zone string) (parent string, servers []Server, err error)
	// NoIPv4 and NoIPv6 leave out addresses that this machine cannot reach. A
	// server that has no other counts as one that did not answer.
	NoIPv4, NoIPv6 bool
	// Port is where servers that were looked up answer; zero means 53.
	Port uint16
	// Log is told why an answer does not count; nil discards.
	Log *slog.Logger
}

// atOnce is how many addresses are asked at a time.
const atOnce = 16

// Observe asks. What does not count is Answered false; if nothing does, that is
// an error.
func (p *Poller) Observe(ctx context.Context, zone string) (rotate.DSFacts, error) {
	answers, err := p.Ask(ctx, zone)
	if err != nil {
		return rotate.DSFacts{}, err
	}
	log := p.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var facts rotate.DSFacts
	var errs []error
	for _, a := range answers {
		name := a.Server
		if a.Addr.IsValid() {
			name += " (" + a.Addr.String() + ")"
		}
		facts.Servers = append(facts.Servers, rotate.ServerDS{Name: name, Answered: a.Err == nil, DS: a.DS})
		facts.TTL = max(facts.TTL, a.TTL)
		if a.Err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, a.Err))
			log.Debug("the parent's answer does not count", "zone", zone, "server", a.Server, "address", a.Addr, "error", a.Err)
		}
	}
	if len(errs) == len(answers) {
		return facts, fmt.Errorf("parent: DS of %s: no name server of the parent gave an answer that counts: %w", zone, errors.Join(errs...))
	}
	return facts, nil
}

// Ask is what each address says, in the order of the servers' names.
func (p *Poller) Ask(ctx context.Context, zone string) ([]Answer, error) {
	zone, err := canonical(zone)
	if err != nil {
		return nil, err
	}
	if zone == "." {
		return nil, errors.New("parent: the root has no parent")
	}
	parent, servers, err := p.servers(ctx, zone)
	if err != nil {
		return nil, fmt.Errorf("parent: find the name servers of the parent of %s: %w", zone, err)
	}
	poll := poll{Poller: p, zone: zone, parent: parent}
	if len(p.Resolver.Anchors) > 0 {
		if poll.keys, err = p.parentKeys(ctx, parent, servers); err != nil {
			return nil, fmt.Errorf("parent: DS of %s: validate the keys of %s: %w", zone, parent, err)
		}
	}
	return poll.all(ctx, servers), nil
}

// poll is one round of asking.
type poll struct {
	*Poller
	zone, parent string
	keys         []*dns.DNSKEY // validated, if there are anchors
}

func (p poll) all(ctx context.Context, servers []Server) []Answer {
	var answers []Answer
	for _, server := range servers {
		if len(server.Addrs) == 0 {
			answers = append(answers, Answer{Server: server.Name, Err: errors.New("it has no address that may be asked")})
		}
		for _, addr := range server.Addrs {
			answers = append(answers, Answer{Server: server.Name, Addr: addr})
		}
	}
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range answers {
		if answers[i].Err != nil {
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			a := &answers[i]
			a.DS, a.TTL, a.Err = p.one(ctx, a.Addr)
		})
	}
	all.Wait()
	return answers
}

func (p poll) one(ctx context.Context, addr netip.AddrPort) ([]rotate.DS, time.Duration, error) {
	m, err := p.Resolver.ask(ctx, addr, p.zone, dns.TypeDS, false)
	if err != nil {
		return nil, 0, err
	}
	return p.judge(m)
}

// servers finds the parent zone and the addresses to ask.
func (p *Poller) servers(ctx context.Context, zone string) (string, []Server, error) {
	if p.Servers != nil {
		parent, servers, err := p.Servers(ctx, zone)
		if err == nil && len(servers) == 0 {
			err = errors.New("Servers returned none")
		}
		if err != nil {
			return "", nil, err
		}
		parent, err = canonical(parent)
		return parent, servers, err
	}
	parent, hosts, err := p.Resolver.parentOf(ctx, zone)
	if err != nil {
		return "", nil, err
	}
	slices.Sort(hosts)
	var families []uint16
	if !p.NoIPv4 {
		families = append(families, dns.TypeA)
	}
	if !p.NoIPv6 {
		families = append(families, dns.TypeAAAA)
	}
	var servers []Server
	for _, host := range hosts {
		addrs, err := p.Resolver.addresses(ctx, host, families...)
		if err != nil {
			return "", nil, err
		}
		server := Server{Name: host}
		for _, addr := range addrs {
			server.Addrs = append(server.Addrs, netip.AddrPortFrom(addr, cmp.Or(p.Port, 53)))
		}
		servers = append(servers, server)
	}
	return parent, servers, nil
}

// parentKeys asks the parent's own servers for its keys, in turn until one gives
// those that a DS or an anchor says are good.
func (p *Poller) parentKeys(ctx context.Context, parent string, servers []Server) ([]*dns.DNSKEY, error) {
	ds, err := p.Resolver.dsAt(ctx, parent, maxDepth)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, server := range servers {
		for _, addr := range server.Addrs {
			m, err := p.Resolver.ask(ctx, addr, parent, dns.TypeDNSKEY, false)
			if err == nil {
				var keys []*dns.DNSKEY
				keys, err = trusted(pick(m.Answer, parent, dns.TypeDNSKEY), parent, ds, p.Resolver.now())
				if err == nil {
					return keys, nil
				}
			}
			errs = append(errs, fmt.Errorf("%s (%s): %w", server.Name, addr, err))
			if ctx.Err() != nil {
				return nil, errors.Join(errs...)
			}
		}
	}
	return nil, errors.Join(errs...)
}
