package netboottest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// UDPLink is a [Link] to servers on ordinary UDP sockets, such as those of a
// test on loopback. It needs no privilege.
//
// A datagram that the machine sends goes out of a real socket, one for each of
// the machine's ports: to DHCP when it is for port 67, to TFTP for port 69, and
// otherwise to where the last datagram from that port came from. What arrives
// is put into a frame from there, with port 67 or 69 again where it came from
// DHCP or TFTP, and with the address that the machine sent to. A datagram on the DHCP socket that is a wake-up frame (Ethernet
// type 0x0842) becomes that frame. ARP is answered for every address.
type UDPLink struct {
	conf UDPLinkConfig
	in   *queue

	mu    sync.Mutex // guards all below
	done  bool
	ports map[uint16]*udpPort
	order []uint16 // ports, the least recently opened first
	wg    sync.WaitGroup
}

// UDPLinkConfig says where the servers are.
type UDPLinkConfig struct {
	// DHCP and TFTP are the servers' addresses. A zero one is not there:
	// packets for it are lost.
	DHCP, TFTP netip.AddrPort
	// Local is the address that the sockets are bound to, by which servers
	// may tell clients apart. Zero means 127.0.0.1.
	Local netip.Addr
}

var _ Link = (*UDPLink)(nil)

// hostMAC is the servers' hardware address on the machine's side.
var hostMAC = hwAddr{0x02, 0, 0, 0, 0, 0x01}

// openPorts is how many of the machine's ports stay open: late packets to an
// older one are lost, as they are on a machine that has gone on.
const openPorts = 8

// NewUDPLink returns a link. It opens sockets when they are needed.
func NewUDPLink(conf UDPLinkConfig) *UDPLink {
	if !conf.Local.IsValid() {
		conf.Local = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return &UDPLink{conf: conf, in: newQueue(), ports: make(map[uint16]*udpPort)}
}

// udpPort is one port of the machine.
type udpPort struct {
	conn *net.UDPConn

	mu   sync.Mutex // guards all below
	mac  hwAddr
	addr netip.Addr                // of the machine, unspecified before it has one
	host netip.Addr                // whom the machine sends to, zero before it knows
	real map[uint16]netip.AddrPort // where what the machine sees as a port is
}

// Send is part of [Link].
func (l *UDPLink) Send(frame []byte) error {
	if a, ok := parseARP(frame); ok {
		l.answer(a)
		return nil
	}
	d, err := parseDatagram(frame)
	if err != nil {
		return nil //nolint:nilerr // nobody on the other side would understand it either
	}
	p, err := l.port(d.src.Port())
	if err != nil {
		return err
	}
	to := p.target(&d, l.conf)
	if !to.IsValid() {
		return nil
	}
	if _, err := p.conn.WriteToUDPAddrPort(d.payload, to); err != nil && errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil // any other error is a packet lost
}

func (l *UDPLink) answer(a arp) {
	if a.op != arpRequest || a.senderIP == a.targetIP {
		return
	}
	reply := arp{op: arpReply, senderMAC: hostMAC, senderIP: a.targetIP, targetMAC: a.senderMAC, targetIP: a.senderIP}
	l.in.push(reply.frame(a.senderMAC))
}

// target says where d really goes, and remembers who sent it.
func (p *udpPort) target(d *datagram, conf UDPLinkConfig) netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mac, p.addr = d.from, d.src.Addr()
	if d.dst.Addr() != broadcastIP {
		p.host = d.dst.Addr()
	}
	switch d.dst.Port() {
	case dhcpServerPort:
		return conf.DHCP
	case tftpPort:
		return conf.TFTP
	}
	return p.real[d.dst.Port()]
}

func (l *UDPLink) port(number uint16) (*udpPort, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return nil, net.ErrClosed
	}
	if p := l.ports[number]; p != nil {
		return p, nil
	}
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(l.conf.Local, 0)))
	if err != nil {
		return nil, fmt.Errorf("netboottest: %w", err)
	}
	if len(l.order) == openPorts {
		l.ports[l.order[0]].conn.Close()
		delete(l.ports, l.order[0])
		l.order = l.order[1:]
	}
	p := &udpPort{conn: conn, real: make(map[uint16]netip.AddrPort)}
	l.ports[number] = p
	l.order = append(l.order, number)
	l.wg.Go(func() { l.read(number, p) })
	return p, nil
}

// read turns what arrives on a socket into frames until it is closed.
func (l *UDPLink) read(number uint16, p *udpPort) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := p.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error that something sent earlier has met
		}
		payload := slices.Clone(buf[:n])
		if number == dhcpClientPort && etherType(payload) == etherTypeWake {
			l.in.push(payload)
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		l.in.push(p.wrap(number, from, payload, l.conf))
	}
}

// wrap puts payload into the frame that the machine gets.
func (p *udpPort) wrap(number uint16, from netip.AddrPort, payload []byte, conf UDPLinkConfig) []byte {
	seen := from
	switch from {
	case conf.DHCP:
		seen = netip.AddrPortFrom(from.Addr(), dhcpServerPort)
	case conf.TFTP:
		seen = netip.AddrPortFrom(from.Addr(), tftpPort)
	}
	p.mu.Lock()
	p.real[seen.Port()] = from
	mac, addr := p.mac, p.addr
	if p.host.IsValid() {
		seen = netip.AddrPortFrom(p.host, seen.Port())
	}
	p.mu.Unlock()
	if addr.IsUnspecified() {
		addr = broadcastIP
	}
	d := datagram{to: mac, from: hostMAC, src: seen, dst: netip.AddrPortFrom(addr, number), payload: payload}
	return d.frame(0)
}

// Recv is part of [Link].
func (l *UDPLink) Recv() ([]byte, error) { return l.in.pop() }

// SetReadDeadline is part of [Link].
func (l *UDPLink) SetReadDeadline(t time.Time) error { return l.in.setDeadline(t) }

// Close is part of [Link]. It closes the sockets and waits for their readers.
func (l *UDPLink) Close() error {
	l.mu.Lock()
	l.done = true
	for _, p := range l.ports {
		p.conn.Close()
	}
	l.mu.Unlock()
	l.wg.Wait()
	return l.in.close()
}
