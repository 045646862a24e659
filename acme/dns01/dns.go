package dns01

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	// udpSize is what a datagram may have without being fragmented (RFC 9715).
	udpSize = 1232
	// maxDatagram is what is read of one all the same.
	maxDatagram = 4096
	// maxOdd is how many datagrams that are no answer are read before TCP is used.
	maxOdd = 32
	// maxHosts and maxAddrs bound what one delegation makes us ask.
	maxHosts = 32
	maxAddrs = 16
	// maxCuts and maxAliases bound how far a name leads.
	maxCuts    = 16
	maxAliases = 8
)

var (
	errOdd       = errors.New("what came is no answer to what was asked")
	errTruncated = errors.New("the answer is truncated even by TCP")
	errResolvers = errors.New("no recursive server is known: set DNS.Resolvers")
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

// rcodeError is an answer that is an error.
type rcodeError int

func (e rcodeError) Error() string {
	if name, ok := dns.RcodeToString[int(e)]; ok {
		return "the answer is " + name
	}
	return fmt.Sprintf("the answer is RCODE %d", int(e))
}

// resolvers are the recursive servers.
func (d *DNS) resolvers() ([]netip.AddrPort, error) {
	if len(d.Resolvers) > 0 {
		return d.Resolvers, nil
	}
	config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errResolvers, err)
	}
	var servers []netip.AddrPort
	for _, server := range config.Servers {
		if addr, err := netip.ParseAddr(server); err == nil {
			servers = append(servers, netip.AddrPortFrom(addr, 53))
		}
	}
	if len(servers) == 0 {
		return nil, errResolvers
	}
	return servers, nil
}

// lookup asks the recursive servers. An answer is NOERROR or NXDOMAIN.
func (d *DNS) lookup(ctx context.Context, name string, typ uint16) (*dns.Msg, error) {
	servers, err := d.resolvers()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, server := range servers {
		m, err := d.ask(ctx, server, name, typ, true)
		switch {
		case err != nil:
		case m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError:
			return m, nil
		default:
			err = rcodeError(m.Rcode)
		}
		errs = append(errs, fmt.Errorf("look up %s %s at %s: %w", name, dns.Type(typ), server, err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// ask asks one server, by UDP and then, if that gives no whole answer, by TCP.
func (d *DNS) ask(ctx context.Context, server netip.AddrPort, name string, typ uint16, recursive bool) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(name, typ)
	m.RecursionDesired = recursive
	m.SetEdns0(udpSize, false)
	answer, err := d.exchange(ctx, server, m)
	if err == nil && (answer.Rcode == dns.RcodeFormatError || answer.Rcode == dns.RcodeNotImplemented) {
		m.Extra = nil // a server that knows no EDNS
		return d.exchange(ctx, server, m)
	}
	return answer, err
}

func (d *DNS) exchange(ctx context.Context, server netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	attempts := d.Attempts
	if attempts == 0 {
		attempts = 2
	}
	for range attempts {
		answer, err := d.once(ctx, "udp", server, m)
		if err == nil && !answer.Truncated {
			return answer, nil
		}
		if err == nil || errors.Is(err, errOdd) || unreachable(err) {
			break
		}
		if ctx.Err() != nil {
			return nil, err
		}
	}
	answer, err := d.once(ctx, "tcp", server, m)
	if err == nil && answer.Truncated {
		return nil, errTruncated
	}
	return answer, err
}

// once is one attempt, on a connection of its own and so from a port that cannot be
// guessed.
func (d *DNS) once(ctx context.Context, network string, server netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	timeout := d.Timeout
	if timeout == 0 {
		timeout = 2 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	m.Id = dns.Id()
	dial := d.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	raw, err := dial(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn := &dns.Conn{Conn: raw, UDPSize: maxDatagram}
	if err := conn.WriteMsg(m); err != nil {
		return nil, fmt.Errorf("send by %s: %w", network, err)
	}
	answer, err := read(conn, network, m)
	if err != nil && ctx.Err() != nil && !errors.Is(err, errOdd) {
		return nil, fmt.Errorf("no answer by %s: %w", network, ctx.Err())
	}
	return answer, err
}

// read waits for the answer to a question. Datagrams that are none are somebody
// else's, or forged: the answer may still come.
func read(conn *dns.Conn, network string, m *dns.Msg) (*dns.Msg, error) {
	odd := false
	for range maxOdd {
		packet, err := conn.ReadMsgHeader(nil)
		if err != nil {
			if odd {
				return nil, errOdd
			}
			return nil, err
		}
		answer := new(dns.Msg)
		if answer.Unpack(packet) == nil && answers(answer, m) {
			return answer, nil
		}
		if network == "tcp" {
			return nil, errOdd
		}
		odd = true
	}
	return nil, errOdd
}

// answers says whether a message is one to the question.
func answers(a, m *dns.Msg) bool {
	if a.Id != m.Id || !a.Response || a.Opcode != m.Opcode {
		return false
	}
	if len(a.Question) == 0 {
		return a.Rcode != dns.RcodeSuccess // some servers repeat nothing with an error
	}
	asked, got := m.Question[0], a.Question[0]
	return len(a.Question) == 1 && got.Qtype == asked.Qtype && got.Qclass == asked.Qclass && strings.EqualFold(got.Name, asked.Name)
}
