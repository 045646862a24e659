//go:build !linux

package tftp

import (
	"context"
	"net"
	"net/netip"
)

// udpListener is a UDP socket of a system whose control messages we do not
// use: it cannot tell which interface or address a request came to.
type udpListener struct{ conn *net.UDPConn }

func newUDPListener(conn *net.UDPConn, _ *config) (listener, error) {
	return &udpListener{conn}, nil
}

func (l *udpListener) read(p []byte) (int, arrival, error) {
	n, peer, err := l.conn.ReadFromUDPAddrPort(p)
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	return n, arrival{peer: peer, local: boundTo(l.conn)}, err
}

func (l *udpListener) reply(p []byte, a arrival) error {
	_, err := l.conn.WriteToUDPAddrPort(p, a.peer)
	return err
}

func (l *udpListener) open(ctx context.Context, a arrival) (link, error) {
	var d net.Dialer
	conn, err := d.DialUDP(ctx, udpNetwork(a.peer), netip.AddrPortFrom(a.local, 0), a.peer)
	if err != nil {
		return nil, err
	}
	return &udpLink{receiver{conn: conn}}, nil
}

// udpLink is a connected UDP socket.
type udpLink struct{ receiver }

func (l *udpLink) send(b *batch) error {
	packet := make([]byte, 0, b.size)
	for i := range b.ends {
		packet = packet[:0]
		for _, part := range b.packet(i) {
			packet = append(packet, part...)
		}
		if _, err := l.conn.Write(packet); keepFatal(err) != nil {
			return keepFatal(err)
		}
	}
	return nil
}

// boundTo returns the one address that conn is bound to, if it is one.
func boundTo(conn *net.UDPConn) netip.Addr {
	a, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok || a.IP.IsUnspecified() {
		return netip.Addr{}
	}
	return a.AddrPort().Addr().Unmap()
}
