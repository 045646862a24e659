package dhcp

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// batchSize is how many packets one system call reads.
const batchSize = 8

// link is an interface that is listened on.
type link struct {
	name  string
	index int
	ports []*port // 67 and, for a proxy, 4011

	current             atomic.Pointer[linkInfo]
	received, malformed atomic.Uint64
}

// port is one socket of a link.
type port struct {
	number  int
	conn    *net.UDPConn
	dropped atomic.Uint32 // by the kernel, as it says
}

func (l *link) info() *linkInfo { return l.current.Load() }

// openLink opens the sockets of an interface. The socket is bound to the device and
// not to its address, because broadcasts would not reach it there.
func openLink(name string, index int, numbers []int, share bool) (*link, error) {
	l := &link{name: name, index: index}
	cfg := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if cerr := c.Control(func(fd uintptr) { err = setOptions(int(fd), name, share) }); cerr != nil {
			return cerr
		}
		return err
	}}
	for _, n := range numbers {
		conn, err := cfg.ListenPacket(context.Background(), "udp4", fmt.Sprintf("0.0.0.0:%d", n))
		if err != nil {
			l.close()
			return nil, fmt.Errorf("dhcp: listen on %s: %w", name, err)
		}
		l.ports = append(l.ports, &port{number: n, conn: conn.(*net.UDPConn)})
	}
	return l, nil
}

func setOptions(fd int, device string, share bool) error {
	if share {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return err
		}
	}
	for _, o := range [][2]int{{unix.SOL_SOCKET, unix.SO_BROADCAST}, {unix.SOL_SOCKET, unix.SO_RXQ_OVFL}, {unix.IPPROTO_IP, unix.IP_PKTINFO}} {
		if err := unix.SetsockoptInt(fd, o[0], o[1], 1); err != nil {
			return err
		}
	}
	return unix.BindToDevice(fd, device)
}

// read passes the packets of p to t's queue until p is closed.
func (l *link) read(t *Linux, p *port) {
	conn := ipv4.NewPacketConn(p.conn)
	msgs := make([]ipv4.Message, batchSize)
	for i := range msgs {
		msgs[i].Buffers = [][]byte{make([]byte, maxPacket)}
		msgs[i].OOB = make([]byte, 128)
	}
	for {
		n, err := conn.ReadBatch(msgs, 0)
		if err != nil {
			if t.ended(l) {
				return
			}
			// The interface is down, or an ICMP error met an earlier reply.
			select {
			case <-time.After(50 * time.Millisecond):
			case <-t.closed:
			}
			continue
		}
		now := time.Now()
		for i := range msgs[:n] {
			pkt, ok := l.packet(p, &msgs[i], now)
			if !ok {
				continue
			}
			select {
			case t.queue <- pkt:
			case <-t.closed:
				return
			}
		}
	}
}

func (l *link) packet(p *port, m *ipv4.Message, now time.Time) (Packet, bool) {
	dst := p.control(m.OOB[:m.NN])
	msg, err := Parse(m.Buffers[0][:m.N])
	if err != nil {
		l.malformed.Add(1)
		return Packet{}, false
	}
	l.received.Add(1)
	src := m.Addr.(*net.UDPAddr).AddrPort()
	info := l.info()
	pkt := Packet{
		Msg: msg, Interface: l.name, IfIndex: l.index, Addrs: info.addrs, Dst: dst, Port: p.number, At: now,
		Src: netip.AddrPortFrom(src.Addr().Unmap(), src.Port()),
	}
	if len(info.addrs) > 0 {
		pkt.Local = info.addrs[0].Addr()
	}
	return pkt, true
}

// control reads a packet's control messages: the count of packets dropped, and
// the address it was sent to, which is returned.
func (p *port) control(oob []byte) (dst netip.Addr) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return dst
	}
	for _, m := range msgs {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= 12:
			dst = netip.AddrFrom4([4]byte(m.Data[8:12]))
		case m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_RXQ_OVFL && len(m.Data) >= 4:
			p.dropped.Store(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return dst
}

// send sends a reply as an ordinary datagram.
func (l *link) send(a Action) error {
	to := a.To.Addr
	if a.To.Kind == Direct { // no raw socket
		to = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), to.Port())
	}
	for _, p := range l.ports {
		if p.number != int(a.To.From.Port()) {
			continue
		}
		src := a.To.From.Addr().As4()
		oob := unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: int32(l.index), Spec_dst: src})
		if _, _, err := p.conn.WriteMsgUDPAddrPort(a.Payload, oob, to); err != nil {
			return fmt.Errorf("dhcp: reply on %s: %w", l.name, err)
		}
		return nil
	}
	return fmt.Errorf("dhcp: no socket on port %d of %s", a.To.From.Port(), l.name)
}

func (l *link) dropped() (n uint64) {
	for _, p := range l.ports {
		n += uint64(p.dropped.Load())
	}
	return n
}

func (l *link) close() {
	for _, p := range l.ports {
		p.conn.Close()
	}
}
