package httpboot

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// arrivedOn returns the name of the interface that c's handshake came in on,
// "" when the kernel does not tell.
func arrivedOn(c net.Conn) string {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return ""
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return ""
	}
	var name string
	if err := raw.Control(func(fd uintptr) { name = handshakeInterface(int(fd)) }); err != nil {
		return ""
	}
	return name
}

// handshakeInterface asks for the socket's packet options. For a TCP socket
// that was accepted these hold the index of the interface on which the
// handshake ended (ip(7) IP_PKTINFO; RFC 2292 section 5 for IPv6).
func handshakeInterface(fd int) string {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return ""
	}
	level, enable, get := unix.IPPROTO_IP, unix.IP_PKTINFO, unix.IP_PKTOPTIONS
	if domain == unix.AF_INET6 {
		level, enable, get = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, unix.IPV6_2292PKTOPTIONS
	}
	if unix.SetsockoptInt(fd, level, enable, 1) != nil {
		return ""
	}
	defer func() { _ = unix.SetsockoptInt(fd, level, enable, 0) }()
	buf := make([]byte, 256)
	n := uint32(len(buf))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(get),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 || int(n) > len(buf) {
		return ""
	}
	return nameOf(fd, packetInfoIndex(buf[:n]))
}

// packetInfoIndex returns the interface index in control messages, 0 when
// there is none.
func packetInfoIndex(oob []byte) uint32 {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range msgs {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			return binary.NativeEndian.Uint32(m.Data)
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			return binary.NativeEndian.Uint32(m.Data[16:])
		}
	}
	return 0
}

// nameOf returns the name of an interface in the network namespace of the
// socket fd.
func nameOf(fd int, index uint32) string {
	if index == 0 {
		return ""
	}
	req, err := unix.NewIfreq("")
	if err != nil {
		return ""
	}
	req.SetUint32(index)
	if unix.IoctlIfreq(fd, unix.SIOCGIFNAME, req) != nil {
		return ""
	}
	return req.Name()
}

// Listen listens on port, TCP, for connections that come in on the interface
// called iface, and answers by that interface whatever the routes say. It is
// for private networks that use the same addresses; a single [net.Listen]
// serves all others. Port 0 takes a free one.
func Listen(ctx context.Context, iface string, port uint16) (net.Listener, error) {
	cfg := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if cerr := raw.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), iface) }); cerr != nil {
			return cerr
		}
		return err
	}}
	l, err := cfg.Listen(ctx, "tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, fmt.Errorf("httpboot: listen on interface %q: %w", iface, err)
	}
	return l, nil
}
