package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// Transport moves packets. Recv and Do are called from many goroutines.
type Transport interface {
	// Recv waits for a packet. It returns an error when ctx ends, or
	// net.ErrClosed when the transport is closed.
	Recv(ctx context.Context) (Packet, error)
	// Do does the one thing that a is: send a reply, send a frame, change a
	// neighbour entry. ifindex is that of the packet answered.
	Do(ctx context.Context, ifindex int, a Action) error
	// Close ends the transport and whatever it started.
	Close() error
}

// UDP is a [Transport] on one plain socket. It needs no privilege and no
// particular system. It answers whoever sent the packet, sends frames as
// datagrams, and ignores neighbour entries: it is for simulated clients and
// for clients behind a relay agent.
type UDP struct {
	name string
	conn *net.UDPConn
	addr netip.AddrPort
}

var _ Transport = (*UDP)(nil)

// ListenUDP returns a transport on addr, whose packets come in on an interface
// called name. Port 0 takes a free one.
func ListenUDP(name string, addr netip.AddrPort) (*UDP, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("dhcp: %w", err)
	}
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return &UDP{name: name, conn: conn, addr: netip.AddrPortFrom(local.Addr().Unmap(), local.Port())}, nil
}

// Addr returns the address that t listens on.
func (t *UDP) Addr() netip.AddrPort { return t.addr }

// Recv is part of [Transport]. What is not a client's message is skipped. The
// first context of a Recv that ends makes t deaf for good, since a socket's
// deadline is one for all its readers.
func (t *UDP) Recv(ctx context.Context) (Packet, error) {
	wake := func() { _ = t.conn.SetReadDeadline(time.Unix(1, 0)) }
	defer context.AfterFunc(ctx, wake)()
	buf := make([]byte, maxPacket)
	for {
		n, src, err := t.conn.ReadFromUDPAddrPort(buf)
		if ctx.Err() != nil {
			return Packet{}, ctx.Err()
		}
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return Packet{}, fmt.Errorf("dhcp: %w", net.ErrClosed)
		}
		if err != nil {
			continue // an ICMP error that an earlier reply has met
		}
		m, err := Parse(buf[:n])
		if err != nil {
			continue
		}
		src = netip.AddrPortFrom(src.Addr().Unmap(), src.Port())
		return Packet{Msg: m, Interface: t.name, Local: t.addr.Addr(), Src: src, At: time.Now()}, nil
	}
}

// Do is part of [Transport].
func (t *UDP) Do(_ context.Context, _ int, a Action) error {
	b := a.Payload
	if a.Frame != nil {
		b = a.Frame
	}
	if b == nil {
		return nil
	}
	to := a.To.Peer
	if a.To.Kind == Routed && a.Reply != nil && addrOf(a.Reply.GatewayIPAddr).IsValid() {
		to = a.To.Addr // a relay agent need not listen where it sends from
	}
	if _, err := t.conn.WriteToUDPAddrPort(b, to); err != nil {
		return fmt.Errorf("dhcp: reply to %s: %w", to, err)
	}
	return nil
}

// Close is part of [Transport].
func (t *UDP) Close() error {
	if err := t.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("dhcp: %w", err)
	}
	return nil
}
