package tftp

import (
	"context"
	"net/netip"
	"time"
)

// listener is where requests come in: a UDP socket, or any other PacketConn.
type listener interface {
	// read waits for the next packet.
	read(p []byte) (int, arrival, error)
	// reply answers a packet once, from the address it was sent to.
	reply(p []byte, a arrival) error
	// open makes the way for one transfer.
	open(ctx context.Context, a arrival) (link, error)
}

// arrival is how a request came in.
type arrival struct {
	peer  netip.AddrPort
	local netip.Addr // zero when unknown
	iface iface
}

// iface is the interface that a request came in on; zero when the socket does
// not tell.
type iface struct {
	index  int
	name   string
	mtu    int
	onLink bool // the client is a neighbour on it
}

// blockLimit is the largest block that reaches the client in one IP packet:
// the MTU without the headers of IP, UDP and TFTP.
func (a arrival) blockLimit(mtu int) int {
	if a.iface.mtu > 0 {
		mtu = a.iface.mtu
	}
	const udp = 8
	if a.peer.Addr().Is4() {
		return max(minBlock, min(mtu-20-udp-headerLen, maxBlock))
	}
	return max(minBlock, min(mtu-40-udp-headerLen, maxBlock))
}

// link is the way to the client of one transfer. send and close are called
// from any goroutine, recv from one.
type link interface {
	// send sends each packet of b. Its errors, and recv's, end the transfer:
	// ErrUnreachable and net.ErrClosed. An error that a better moment cures
	// is not reported: the packets are lost, as on the wire.
	send(b *batch) error
	// recv waits for a packet of this client until the deadline and returns
	// os.ErrDeadlineExceeded then.
	recv(p []byte, deadline time.Time) (int, error)
	// close ends recv too, with net.ErrClosed.
	close() error
}

// batch is packets to be sent together. All but the last are of one size.
type batch struct {
	size    int      // bytes of each packet but the last
	parts   [][]byte // the packets, each in several parts
	ends    []int    // for each packet the index after its last part
	confirm bool     // the client was just heard: its neighbour entry is good
}

// one makes b the single packet p.
func (b *batch) one(p []byte) *batch {
	b.parts = append(b.parts[:0], p)
	b.ends = append(b.ends[:0], 1)
	b.size = len(p)
	return b
}

// packet returns the parts of packet i.
func (b *batch) packet(i int) [][]byte { return b.span(i, i+1) }

// span returns the parts of the packets from i until j.
func (b *batch) span(i, j int) [][]byte {
	start := 0
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.parts[start:b.ends[j-1]]
}

// udpNetwork is the network of a socket that reaches peer.
func udpNetwork(peer netip.AddrPort) string {
	if peer.Addr().Is4() {
		return "udp4"
	}
	return "udp6"
}
