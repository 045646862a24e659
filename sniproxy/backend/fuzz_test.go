package backend_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

// answering is a connection to a server that answers each question with the same
// bytes, behind the question's ID and, if echo, the question.
type answering struct {
	net.Conn
	stream, echo bool
	answer       []byte
	out          bytes.Buffer
}

func (c *answering) Write(b []byte) (int, error) {
	q := b
	if c.stream {
		q = b[2:]
	}
	wire := append([]byte(nil), q[:2]...)
	if c.echo && len(c.answer) > 10 {
		rest := q[12:]
		if n := bytes.IndexByte(rest, 0); n >= 0 {
			rest = rest[:n+5]
		}
		wire = append(append(append(wire, c.answer[:10]...), rest...), c.answer[10:]...)
		wire[4], wire[5] = 0, 1
	} else {
		wire = append(wire, c.answer...)
	}
	if c.stream {
		c.out.Write([]byte{byte(len(wire) >> 8), byte(len(wire))})
	}
	c.out.Write(wire)
	return len(b), nil
}

func (c *answering) Read(b []byte) (int, error) {
	if c.out.Len() == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return c.out.Read(b)
}

func (c *answering) Close() error                { return nil }
func (c *answering) SetDeadline(time.Time) error { return nil }

func FuzzDNSAnswer(f *testing.F) {
	for _, script := range [][]string{
		{"x.example. 60 IN AAAA 2001:db8::1"},
		{"x.example. 60 IN CNAME y.example.", "y.example. 60 IN AAAA 2001:db8::1"},
		{"x.example. 60 IN CNAME x.example."},
		nil,
	} {
		m := new(dns.Msg).SetQuestion("x.example.", dns.TypeAAAA)
		m.Response = true
		for _, text := range script {
			rr, err := dns.NewRR(text)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(false, wire[2:])
		m.Truncated, m.Question = true, nil
		wire, err = m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(true, wire[2:])
	}
	f.Add(true, []byte{0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16})
	f.Fuzz(func(t *testing.T, echo bool, answer []byte) {
		if len(answer) > 2000 {
			return
		}
		r := &backend.DNSResolver{
			Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53")},
			Dial: func(_ context.Context, network, _ string) (net.Conn, error) {
				return &answering{stream: network == "tcp", echo: echo, answer: answer}, nil
			},
		}
		addrs, ttl, err := r.LookupAAAA(t.Context(), "x.example")
		if ttl < 0 || ttl > 5*time.Minute {
			t.Fatalf("TTL %v", ttl)
		}
		var failed *backend.LookupError
		if err != nil && (!errors.As(err, &failed) || len(addrs) > 0) {
			t.Fatalf("%v, %v", addrs, err)
		}
		if err == nil && (len(addrs) == 0 || len(addrs) > 32) {
			t.Fatalf("%d addresses", len(addrs))
		}
		for _, a := range addrs {
			if !a.Is6() || a.Zone() != "" {
				t.Fatalf("address %v", a)
			}
		}
	})
}

// FuzzGuard compares the guard with a slow and plain reading of the rules.
func FuzzGuard(f *testing.F) {
	for _, s := range []string{
		"::", "::1", "::ffff:7f00:1", "fe80::1", "fec0::1", "ff02::1", "64:ff9b::1", "64:ff9b:1::1", "64:ff9b:2::1",
		"2002::1", "2001::1", "2001:1::", "fd00::1", "2001:db8::1", "::ffff:0:1.2.3.4", "::1:0:0:1",
	} {
		b := netip.MustParseAddr(s).As16()
		f.Add(b[:], uint16(443))
	}
	g := &backend.Guard{Allow: []netip.Prefix{everybody}}
	f.Fuzz(func(t *testing.T, raw []byte, port uint16) {
		addr, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		err := g.Check(netip.AddrPortFrom(addr, port))
		if (err == nil) != g.Allowed(netip.AddrPortFrom(addr, port)) {
			t.Fatal("Check and Allowed differ")
		}
		if want := plainly(addr, port); (err == nil) != want {
			t.Fatalf("%v port %d: %v, want allowed %v", addr, port, err, want)
		}
	})
}

func plainly(addr netip.Addr, port uint16) bool {
	if !addr.Is6() || port != 80 && port != 443 {
		return false
	}
	b := addr.As16()
	zeros := func(from, to int) bool { return len(bytes.Trim(b[from:to], "\x00")) == 0 }
	nat64 := bytes.HasPrefix(b[:], []byte{0, 0x64, 0xff, 0x9b})
	switch {
	case zeros(0, 12), zeros(0, 10) && b[10] == 0xff && b[11] == 0xff, zeros(0, 8) && b[8] == 0xff && b[9] == 0xff && zeros(10, 12):
		return false
	case b[0] == 0xfe && b[1] >= 0x80, b[0] == 0xff, b[0]&0xfe == 0xfc:
		return false
	case nat64 && zeros(4, 12), nat64 && b[4] == 0 && b[5] == 1:
		return false
	case b[0] == 0x20 && b[1] == 0x02, b[0] == 0x20 && b[1] == 0x01 && zeros(2, 4):
		return false
	}
	return true
}
