package serve

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// packets answers datagrams until the socket is closed.
func (g *group) packets(c net.PacketConn) error {
	buf := make([]byte, maxMessage)
	for {
		n, from, reply, err := receive(c, buf)
		switch {
		case err == nil:
		case g.ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return err
		default: // an ICMP error, or no memory
			select {
			case <-g.ctx.Done():
				return err
			case <-time.After(time.Millisecond):
			}
			continue
		}
		if from.Port() == 0 {
			continue // a forged source that nothing can be sent to
		}
		r := &request{from: unmap(from), udp: true}
		out, t := g.server.handle(buf[:n], r)
		if t != nil {
			out = g.server.small(t)
		}
		if out != nil {
			reply(out)
		}
	}
}

// receive reads a datagram; reply sends one back from the address that it came to.
func receive(c net.PacketConn, buf []byte) (n int, from netip.AddrPort, reply func([]byte), err error) {
	if u, ok := c.(*net.UDPConn); ok {
		n, session, err := dns.ReadFromSessionUDP(u, buf)
		if err != nil {
			return 0, from, nil, err
		}
		from, err = netip.ParseAddrPort(session.RemoteAddr().String())
		return n, from, func(b []byte) { _, _ = dns.WriteToSessionUDP(u, b, session) }, err
	}
	n, addr, err := c.ReadFrom(buf)
	if err != nil {
		return 0, from, nil, err
	}
	from, err = netip.ParseAddrPort(addr.String())
	return n, from, func(b []byte) { _, _ = c.WriteTo(b, addr) }, err
}
