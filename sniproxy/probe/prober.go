package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// Protocol is what a backend is asked in.
type Protocol uint8

// The protocols of the two ports of a site.
const (
	HTTP Protocol = iota // port 80
	TLS                  // port 443
)

// String returns "HTTP" or "TLS".
func (p Protocol) String() string {
	switch p {
	case HTTP:
		return "HTTP"
	case TLS:
		return "TLS"
	}
	return fmt.Sprintf("Protocol(%d)", uint8(p))
}

// Prober asks backends. Check is required.
type Prober struct {
	// Check says whether the address may be connected to; its error is returned
	// as the reason. It is called with the very address that is dialled.
	Check func(netip.AddrPort) error
	// Dial connects. Nil is a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Timeout bounds each of the three connections, from dialling to the
	// answer. 0 is 5 seconds.
	Timeout time.Duration
}

const (
	defaultTimeout = 5 * time.Second
	maxName        = 253
)

// Probe asks the backend at the address for the site of the name, and returns
// what came of it. The name is sent as Host or SNI; "" is the address itself, or
// no SNI. A backend that cannot be reached is a report, not an error: an error
// is an address that Check refuses, a name that is none, or ctx that ended.
//
// Headers name the two ends of the probe's own connection, so that the server's
// log shows who asked.
func (p *Prober) Probe(ctx context.Context, addr netip.AddrPort, proto Protocol, name string) (*Report, error) {
	if p.Check == nil {
		return nil, errors.New("probe: Prober.Check is nil: say which addresses may be probed")
	}
	if proto > TLS {
		return nil, fmt.Errorf("probe: no protocol %d: use HTTP or TLS", uint8(proto))
	}
	if !validName(name) {
		return nil, fmt.Errorf("probe: %q is no host name", name)
	}
	r := &Report{Addr: addr, Protocol: proto, Name: name}
	for _, version := range []proxyheader.Version{proxyheader.Off, proxyheader.V1, proxyheader.V2} {
		if err := p.Check(addr); err != nil {
			return nil, fmt.Errorf("probe: %v must not be probed: %w", addr, err)
		}
		a := p.attempt(ctx, r, version)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("probe: ask %v: %w", addr, err)
		}
		r.Attempts = append(r.Attempts, a)
		if a.Outcome == Unconnected {
			break
		}
	}
	r.Verdict = judge(r.Attempts)
	return r, nil
}

// validName takes letters, digits, '-', '_' and '.', so that nothing else gets
// into a request.
func validName(name string) bool {
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return len(name) <= maxName
}

// attempt sends the question in one form.
func (p *Prober) attempt(ctx context.Context, r *Report, version proxyheader.Version) Attempt {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, defaultTimeout))
	defer cancel()
	dial := p.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	a := Attempt{Sent: version}
	conn, err := dial(ctx, "tcp", r.Addr.String())
	if err != nil {
		a.Outcome, a.Err = Unconnected, err
		return a
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		stop()
		_ = conn.Close()
	}()
	w := &wire{Conn: conn}
	if w.prefix, err = header(conn, version); err != nil {
		a.Outcome, a.Err = Unconnected, err
		return a
	}
	if r.Protocol == TLS {
		err = askTLS(ctx, w, r.Name)
	} else {
		err = askHTTP(w, cmp.Or(r.Name, r.Addr.String()))
	}
	a.First = w.first
	a.Outcome, a.Err = classify(r.Protocol, version, w.first, err, ctx.Err())
	return a
}

// header is the header of the version for the connection itself.
func header(conn net.Conn, version proxyheader.Version) ([]byte, error) {
	return proxyheader.Append(nil, &proxyheader.Header{
		Version: version, Source: endpoint(conn.LocalAddr()), Destination: endpoint(conn.RemoteAddr()),
	})
}

func endpoint(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return ap
}
