package backend

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// Check is what an active check of a member does. The zero value connects and
// closes. Each of the fields adds a step.
type Check struct {
	// Proxy sends a PROXY header first, as the site's connections do: LOCAL of
	// version 2, or a line of version 1 with the two ends of the check's own
	// connection.
	Proxy proxyheader.Version
	// TLS shakes hands with Name as the server name. The certificate is not
	// verified: that is the clients' matter.
	TLS bool
	// Name is the site's name, for TLS and HTTP; empty means the address.
	Name string
	// Path is fetched with GET, over TLS if that is on; a status of 200 to 399 is
	// well. Empty means no HTTP.
	Path string

	// Every is the time between two checks of a member that is well; zero means
	// 10 seconds. Fast is that of one which is not, or whose last result differs
	// from its state; zero means 1 second.
	Every, Fast time.Duration
	// Timeout is how long a check may take; zero means 3 seconds.
	Timeout time.Duration
	// Fall is after how many failed checks in a row a member is Down; zero means
	// 3. Rise is after how many successful ones it is Up again; zero means 2.
	// When no member is up one success is enough.
	Fall, Rise int

	// Guard is asked before each check. Nil allows all addresses.
	Guard *Guard
	// Source is where checks come from. A NAT46 source has no client to map, and
	// leaves it to the kernel.
	Source *Source
	// Dial connects; nil means [Dial] with Guard and Source.
	Dial func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
}

// Probe does one check of addr, and says what went wrong.
func (c *Check) Probe(ctx context.Context, addr netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, orElse(c.Timeout, 3*time.Second))
	defer cancel()
	if err := c.probe(ctx, addr); err != nil {
		return fmt.Errorf("backend: check %v: %w", addr, err)
	}
	return nil
}

func (c *Check) probe(ctx context.Context, addr netip.AddrPort) error {
	conn, err := c.dial(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	wire := conn // what conn is becomes a layer on it, while the context may end
	stop := context.AfterFunc(ctx, func() { _ = wire.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if c.Proxy != proxyheader.Off {
		if conn, err = c.introduce(conn); err != nil {
			return err
		}
	}
	if c.TLS {
		if conn, err = c.handshake(ctx, conn, addr); err != nil {
			return fmt.Errorf("TLS: %w", err)
		}
	}
	if c.Path != "" {
		return c.get(ctx, conn, addr)
	}
	return nil
}

func (c *Check) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	if c.Dial == nil {
		return dialOne(ctx, addr, &DialOptions{Guard: c.Guard, Source: c.Source})
	}
	if c.Guard != nil {
		if err := c.Guard.Check(addr); err != nil {
			return nil, err
		}
	}
	return c.Dial(ctx, addr)
}

// introduce sends the PROXY header, or leaves it for the first write: receivers
// like to find header and payload in one segment.
func (c *Check) introduce(conn net.Conn) (net.Conn, error) {
	h := proxyheader.Header{Version: c.Proxy, Command: proxyheader.Local}
	if c.Proxy == proxyheader.V1 {
		h.Source, h.Destination = addrPort(conn.LocalAddr()), addrPort(conn.RemoteAddr())
	}
	header, err := proxyheader.Append(nil, &h)
	if err != nil {
		return conn, err
	}
	if c.TLS || c.Path != "" {
		return &prefixed{Conn: conn, prefix: header}, nil
	}
	_, err = conn.Write(header)
	return conn, err
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort()
	}
	return netip.AddrPort{}
}

// prefixed writes prefix together with the first bytes.
type prefixed struct {
	net.Conn
	prefix []byte
}

func (c *prefixed) Write(b []byte) (int, error) {
	if c.prefix == nil {
		return c.Conn.Write(b)
	}
	n, err := c.Conn.Write(append(c.prefix, b...))
	n = max(0, n-len(c.prefix))
	c.prefix = nil
	return n, err
}

func (c *Check) handshake(ctx context.Context, conn net.Conn, addr netip.AddrPort) (net.Conn, error) {
	t := tls.Client(conn, &tls.Config{
		ServerName:         orElse(c.Name, addr.Addr().String()),
		NextProtos:         []string{"http/1.1"},
		InsecureSkipVerify: true, //nolint:gosec // G402: it is asked whether the server answers, not who it is
	})
	return t, t.HandshakeContext(ctx)
}

// maxHead bounds what is read of a response.
const maxHead = 64 << 10

func (c *Check) get(ctx context.Context, conn net.Conn, addr netip.AddrPort) error {
	target, err := url.ParseRequestURI(c.Path)
	if err != nil {
		return fmt.Errorf("HTTP: %w", err)
	}
	target.Scheme, target.Host = "http", orElse(c.Name, addr.String())
	req := (&http.Request{
		Method: http.MethodGet, URL: target, Host: target.Host, Close: true,
		Header: http.Header{"User-Agent": {"hostkit-sniproxy-check"}},
	}).WithContext(ctx)
	if err := req.Write(conn); err != nil {
		return fmt.Errorf("HTTP: %w", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxHead)), req)
	if err != nil {
		return fmt.Errorf("HTTP: GET %q: %w", c.Path, err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 399 {
		return fmt.Errorf("HTTP: GET %q: status %d", c.Path, resp.StatusCode)
	}
	return nil
}
