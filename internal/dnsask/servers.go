package dnsask

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/miekg/dns"
)

var errNoServers = errors.New("no recursive server is known")

// System returns the recursive servers of /etc/resolv.conf. None is an error.
func System() ([]netip.AddrPort, error) { return fromFile("/etc/resolv.conf") }

func fromFile(path string) ([]netip.AddrPort, error) {
	config, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoServers, err)
	}
	var servers []netip.AddrPort
	for _, server := range config.Servers {
		if addr, err := netip.ParseAddr(server); err == nil {
			servers = append(servers, netip.AddrPortFrom(addr, 53))
		}
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("%w: %s names none", errNoServers, path)
	}
	return servers, nil
}

// Lookup asks recursive servers in turn until one says what there is, or that there
// is nothing: an answer is NOERROR or NXDOMAIN. The error says what each of them said.
func (c *Client) Lookup(ctx context.Context, servers []netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	var errs []error
	for _, server := range servers {
		answer, err := c.Ask(ctx, server, m)
		switch {
		case err != nil:
		case answer.Rcode == dns.RcodeSuccess || answer.Rcode == dns.RcodeNameError:
			return answer, nil
		default:
			err = RcodeError(answer.Rcode)
		}
		q := m.Question[0]
		errs = append(errs, fmt.Errorf("look up %s %s at %s: %w", q.Name, dns.Type(q.Qtype), server, err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}
