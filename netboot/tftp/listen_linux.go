package tftp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// udpListener is a UDP socket that tells which of our addresses, and which
// interface, each request came to. It belongs to one Serve, whose loop alone
// calls read; reply and open are called from any goroutine.
type udpListener struct {
	conn   *net.UDPConn
	inet6  bool
	bound  bool   // to a device
	ifaces ifaces // for read only
	oob    []byte // for read only
	noGSO  bool
}

func newUDPListener(conn *net.UDPConn, c *config) (listener, error) {
	l := &udpListener{conn: conn, oob: make([]byte, 128), noGSO: c.noGSO}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var opErr error
	if err := raw.Control(func(fd uintptr) { opErr = l.prepare(int(fd)) }); err != nil {
		return nil, err
	}
	if opErr != nil {
		return nil, fmt.Errorf("tftp: ask %v for packet information: %w", conn.LocalAddr(), opErr)
	}
	return l, nil
}

func (l *udpListener) prepare(fd int) error {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	l.inet6 = domain == unix.AF_INET6
	if dev, err := unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE); err == nil {
		l.bound = strings.TrimRight(dev, "\x00") != ""
	}
	if l.inet6 {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	} else {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	return errors.Join(err, allowFragments(fd, l.inet6))
}

// read returns the next packet that was sent to one address. RFC 1123 section
// 4.2.3.5 says to ignore requests to a broadcast address.
func (l *udpListener) read(p []byte) (int, arrival, error) {
	for {
		n, oobn, _, peer, err := l.conn.ReadMsgUDPAddrPort(p, l.oob)
		if err != nil {
			return 0, arrival{}, err
		}
		a := arrival{peer: netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())}
		if !a.readInfo(l.oob[:oobn]) {
			continue
		}
		a.iface = l.ifaces.find(a.iface.index, a.peer.Addr())
		a.iface.onLink = a.iface.onLink || l.bound && a.iface.name != ""
		return n, a, nil
	}
}

// readInfo takes the local address and the interface from a packet's control
// messages. It reports false when the packet was a broadcast or multicast.
func (a *arrival) readInfo(oob []byte) bool {
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return true
		}
		oob = rest
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			a.iface.index = int(int32(binary.NativeEndian.Uint32(data)))
			dst := netip.AddrFrom4([4]byte(data[8:12]))
			a.local = netip.AddrFrom4([4]byte(data[4:8]))
			if a.iface.index == 0 { // it came in before we asked for the information
				a.local = dst
			}
			return a.local == dst && !dst.IsMulticast()
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			a.iface.index = int(int32(binary.NativeEndian.Uint32(data[16:])))
			a.local = netip.AddrFrom16([16]byte(data[:16])).Unmap()
			if a.local.IsLinkLocalUnicast() {
				a.local = a.local.WithZone(a.peer.Addr().Zone())
			}
			return !a.local.IsMulticast() && a.local != netip.AddrFrom4([4]byte{255, 255, 255, 255})
		}
	}
	return true
}

func (l *udpListener) reply(p []byte, a arrival) error {
	_, _, err := l.conn.WriteMsgUDPAddrPort(p, l.source(a), a.peer)
	return err
}

// source is the control message that makes a reply leave from the address, and
// where we know better than the routes the interface, that a came to.
func (l *udpListener) source(a arrival) []byte {
	if !a.local.IsValid() {
		return nil
	}
	index := 0
	if a.iface.onLink {
		index = a.iface.index
	}
	if l.inet6 {
		return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: a.local.As16(), Ifindex: uint32(index)})
	}
	return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: a.local.As4(), Ifindex: int32(index)})
}

func (l *udpListener) open(ctx context.Context, a arrival) (link, error) {
	d := net.Dialer{Control: func(network, _ string, raw syscall.RawConn) error {
		var opErr error
		err := raw.Control(func(fd uintptr) { opErr = prepareData(int(fd), network, a.iface) })
		if err == nil {
			err = opErr
		}
		return err
	}}
	conn, err := d.DialUDP(ctx, udpNetwork(a.peer), netip.AddrPortFrom(a.local, 0), a.peer)
	if err != nil {
		return nil, err
	}
	return newUDPLink(conn, l.noGSO)
}

// prepareData sets a data socket up before it is bound.
func prepareData(fd int, network string, on iface) error {
	if on.onLink {
		// Without the privilege, or with the interface just gone, the
		// routes decide.
		_ = unix.BindToDevice(fd, on.name)
	}
	return allowFragments(fd, network == "udp6")
}

// allowFragments has packets leave without the don't-fragment bit, which
// confuses some boot ROMs.
func allowFragments(fd int, inet6 bool) error {
	if inet6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT); err != nil {
			return err
		}
	}
	// An IPv6 socket may have IPv4 packets too.
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
}
