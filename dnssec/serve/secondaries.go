package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// serialWait is how long one answer about a serial is waited for.
const serialWait = 3 * time.Second

// Secondaries asks the servers of zones which serial they have. Its
// [Secondaries.Served] is what a key manager wants to know before it goes on.
type Secondaries struct {
	// Servers are host names or addresses, with ":port" or without. A name stands
	// for all of its addresses.
	Servers []string
	// ServersOf are those of a zone; nil, and nil of it, mean Servers.
	ServersOf func(zone string) []string
	// Key signs the questions; nil is none.
	Key *Key
	// Lookup finds the addresses of a name; nil means net.DefaultResolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial connects; nil means net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Wait is how long one answer is waited for; zero means 3 s. Each server is asked
	// by UDP twice, and then by TCP.
	Wait time.Duration
	// Parallel is how many are asked at once for a zone; zero means 16.
	Parallel int
}

// Served is the serial of each address of each server, by "name (address:port)", or
// just the latter. The error says who did not answer, and why; the others' serials
// are there nevertheless.
func (s *Secondaries) Served(ctx context.Context, zone string) (map[string]uint32, error) {
	name, err := dnssec.ParseName(zone)
	if err != nil {
		return nil, err
	}
	servers := s.Servers
	if s.ServersOf != nil {
		if of := s.ServersOf(zone); of != nil {
			servers = of
		}
	}
	var (
		mu      sync.Mutex // guards errs and serials
		wg      sync.WaitGroup
		errs    []error
		serials = make(map[string]uint32)
		slots   = make(chan struct{}, cmp.Or(s.Parallel, 16))
	)
	for _, server := range servers {
		addrs, err := s.addresses(ctx, server)
		if err != nil {
			mu.Lock()
			errs = append(errs, fmt.Errorf("serve: secondary %q: %w", server, err))
			mu.Unlock()
		}
		for label, addr := range addrs {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				p := Primary{Addr: addr, Key: s.Key, Dial: s.Dial}
				serial, err := p.serial(ctx, name, cmp.Or(s.Wait, serialWait))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					errs = append(errs, fmt.Errorf("serve: serial of %q at %s: %w", name, label, err))
					return
				}
				serials[label] = serial
			})
		}
	}
	wg.Wait()
	return serials, errors.Join(errs...)
}

// addresses are those of a server, by what they are called.
func (s *Secondaries) addresses(ctx context.Context, server string) (map[string]netip.AddrPort, error) {
	host, port := server, uint16(53)
	if a, err := netip.ParseAddrPort(server); err == nil {
		return map[string]netip.AddrPort{a.String(): a}, nil
	}
	if h, p, err := net.SplitHostPort(server); err == nil {
		n, err := net.DefaultResolver.LookupPort(ctx, "udp", p)
		if err != nil {
			return nil, err
		}
		host, port = h, uint16(n)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		addr := netip.AddrPortFrom(a, port)
		return map[string]netip.AddrPort{addr.String(): addr}, nil
	}
	lookup := s.Lookup
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	found, err := lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("it has no address")
	}
	out := make(map[string]netip.AddrPort, len(found))
	for _, a := range found {
		addr := netip.AddrPortFrom(a.Unmap(), port)
		out[fmt.Sprintf("%s (%v)", host, addr)] = addr
	}
	return out, nil
}
