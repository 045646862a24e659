package dns01

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

const (
	// maxHosts and maxAddrs bound what one delegation makes us ask.
	maxHosts = 32
	maxAddrs = 16
	// maxCuts and maxAliases bound how far a name leads.
	maxCuts    = 16
	maxAliases = 8
)

// DNS asks name servers. Its zero value asks recursive servers of /etc/resolv.conf
// which servers are authoritative, and those at port 53 for what matters. It must not
// be copied after first use.
type DNS struct {
	// Resolvers are recursive servers, asked in turn until one answers. None means
	// those of /etc/resolv.conf.
	Resolvers []netip.AddrPort
	// RecursiveOnly is for networks that reach no other servers: authoritative ones
	// are not asked. What recursive servers remember is then found out late.
	RecursiveOnly bool
	// Port is that of authoritative servers; zero means 53.
	Port uint16
	// Timeout is that of one attempt; zero means 2 seconds.
	Timeout time.Duration
	// Attempts is how often a server is asked by UDP before TCP is tried; zero
	// means 2.
	Attempts int
	// Dial connects; networks are "udp" and "tcp". Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex // guards cache
	cache map[string]remembered
}

// resolvers are the recursive servers.
func (d *DNS) resolvers() ([]netip.AddrPort, error) {
	if len(d.Resolvers) > 0 {
		return d.Resolvers, nil
	}
	servers, err := dnsask.System()
	if err != nil {
		return nil, fmt.Errorf("%w: set DNS.Resolvers", err)
	}
	return servers, nil
}

// lookup asks the recursive servers. An answer is NOERROR or NXDOMAIN.
func (d *DNS) lookup(ctx context.Context, name string, typ uint16) (*dns.Msg, error) {
	servers, err := d.resolvers()
	if err != nil {
		return nil, err
	}
	return d.client().Lookup(ctx, servers, question(name, typ, true))
}

// ask asks one server.
func (d *DNS) ask(ctx context.Context, server netip.AddrPort, name string, typ uint16, recursive bool) (*dns.Msg, error) {
	return d.client().Ask(ctx, server, question(name, typ, recursive))
}

func (d *DNS) client() *dnsask.Client {
	return &dnsask.Client{Timeout: d.Timeout, Attempts: d.Attempts, Dial: d.Dial}
}

func question(name string, typ uint16, recursive bool) *dns.Msg {
	m := new(dns.Msg).SetQuestion(name, typ)
	m.RecursionDesired = recursive
	m.SetEdns0(dnsask.Size, false)
	return m
}
