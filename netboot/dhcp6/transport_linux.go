package dhcp6

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// allServers is All_DHCP_Relay_Agents_and_Servers, RFC 8415 section 7.1.
var allServers = [16]byte{0xff, 0x02, 13: 1, 15: 2}

const maxPacket = 4096

// Linux is a [Transport] on many network interfaces, which may be added and
// removed while it runs. It needs the capability CAP_NET_BIND_SERVICE, and
// keeps to the network namespace of the thread that made it.
type Linux struct {
	cfg     LinuxConfig
	conn    *net.UDPConn
	watch   *os.File // netlink notices of links and addresses
	routes  *netlink.Handle
	closing sync.Once
	running sync.WaitGroup
	reading sync.Mutex // one Recv reads at a time

	mu    sync.Mutex    // guards links
	links map[int]*link // by interface index
}

// link is an interface that is served.
type link struct {
	name  string
	mac   net.HardwareAddr
	addrs []netip.Prefix
}

var _ Transport = (*Linux)(nil)

// ListenLinux listens on every interface that cfg matches, now and later.
// Close ends it.
func ListenLinux(cfg LinuxConfig) (*Linux, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	t := &Linux{cfg: cfg, links: make(map[int]*link)}
	if err := t.open(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	t.running.Go(t.follow)
	return t, nil
}

func (t *Linux) open() (err error) {
	if t.watch, err = watchLinks(); err != nil {
		return fmt.Errorf("dhcp6: follow network interfaces: %w", err)
	}
	if t.routes, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("dhcp6: netlink: %w", err)
	}
	listen := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var opErr error
		err := c.Control(func(fd uintptr) {
			opErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		})
		return errors.Join(err, opErr)
	}}
	conn, err := listen.ListenPacket(context.Background(), "udp6", fmt.Sprintf("[::]:%d", ServerPort))
	if err != nil {
		return fmt.Errorf("dhcp6: %w", err)
	}
	t.conn = conn.(*net.UDPConn)
	return t.scan()
}

// watchLinks opens a socket that can be read when an interface or an IPv6
// address has come, gone or changed.
func watchLinks() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV6_IFADDR)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "netlink"), nil
}

// follow keeps links up to date until the transport is closed.
func (t *Linux) follow() {
	buf := make([]byte, 1<<16)
	for {
		if _, err := t.watch.Read(buf); err != nil && !errors.Is(err, unix.ENOBUFS) {
			return // closed
		}
		if err := t.scan(); err != nil {
			t.cfg.Log.Error("dhcp6 cannot serve an interface", "err", err)
		}
	}
}

// scan brings links up to date with the interfaces that there are.
func (t *Linux) scan() error {
	found, err := t.interfaces()
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for index, l := range found {
		if old := t.links[index]; old == nil || old.name != l.name {
			if err := t.join(index); err != nil {
				errs = append(errs, fmt.Errorf("dhcp6: join the servers' group on %s: %w", l.name, err))
				delete(found, index)
				continue
			}
			t.cfg.Log.Info("dhcp6 serves interface", "interface", l.name, "addresses", l.addrs)
		}
	}
	t.links = found // the kernel leaves the group with an interface that goes
	return errors.Join(errs...)
}

func (t *Linux) join(index int) error {
	raw, err := t.conn.SyscallConn()
	if err != nil {
		return err
	}
	var opErr error
	err = raw.Control(func(fd uintptr) {
		opErr = unix.SetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP,
			&unix.IPv6Mreq{Multiaddr: allServers, Interface: uint32(index)})
	})
	if errors.Is(opErr, unix.EADDRINUSE) {
		opErr = nil // joined before: the interface was down, or renamed
	}
	return errors.Join(err, opErr)
}

// interfaces returns those that are matched and up, by index.
func (t *Linux) interfaces() (map[int]*link, error) {
	list, err := t.routes.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // what interrupted it is noticed
		return nil, fmt.Errorf("dhcp6: list interfaces: %w", err)
	}
	found := make(map[int]*link)
	for _, l := range list {
		a := l.Attrs()
		skip := t.cfg.Match == nil && a.Flags&net.FlagLoopback != 0 || t.cfg.Match != nil && !t.cfg.Match(a.Name)
		if !skip && a.Flags&net.FlagUp != 0 {
			found[a.Index] = &link{name: a.Name, mac: a.HardwareAddr}
		}
	}
	addrs, err := t.routes.AddrList(nil, netlink.FAMILY_V6)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("dhcp6: list addresses: %w", err)
	}
	for _, a := range addrs {
		ip, ok := netip.AddrFromSlice(a.IP)
		if l := found[a.LinkIndex]; l != nil && ok && a.Mask != nil {
			ones, _ := a.Mask.Size()
			l.addrs = append(l.addrs, netip.PrefixFrom(ip, ones))
		}
	}
	return found, nil
}

// Recv is part of [Transport]. What is not DHCPv6 is skipped.
func (t *Linux) Recv(ctx context.Context) (Packet, error) {
	t.reading.Lock()
	defer t.reading.Unlock()
	defer context.AfterFunc(ctx, func() { _ = t.conn.SetReadDeadline(time.Unix(1, 0)) })()
	buf, oob := make([]byte, maxPacket), make([]byte, 128)
	for {
		n, oobn, _, src, err := t.conn.ReadMsgUDPAddrPort(buf, oob)
		switch {
		case ctx.Err() != nil:
			return Packet{}, context.Cause(ctx)
		case errors.Is(err, os.ErrDeadlineExceeded): // of a Recv before
			_ = t.conn.SetReadDeadline(time.Time{})
		case errors.Is(err, net.ErrClosed):
			return Packet{}, fmt.Errorf("dhcp6: %w", err)
		case err != nil:
			continue // an ICMP error that an earlier reply has met
		}
		if p, ok := t.packet(buf[:n], oob[:oobn], src); ok {
			return p, nil
		}
	}
}

func (t *Linux) packet(b, oob []byte, src netip.AddrPort) (Packet, bool) {
	m, err := dhcpv6.FromBytes(b)
	if err != nil {
		return Packet{}, false
	}
	p := Packet{Msg: m, Src: src, At: time.Now()}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return Packet{}, false
	}
	for _, c := range msgs {
		if c.Header.Level == unix.IPPROTO_IPV6 && c.Header.Type == unix.IPV6_PKTINFO && len(c.Data) >= unix.SizeofInet6Pktinfo {
			p.Multicast = c.Data[0] == 0xff
			p.IfIndex = int(binary.NativeEndian.Uint32(c.Data[16:]))
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.links[p.IfIndex]
	if l == nil {
		return Packet{}, false
	}
	p.Interface, p.MAC, p.Addrs = l.name, l.mac, l.addrs
	return p, true
}

// Send is part of [Transport].
func (t *Linux) Send(_ context.Context, ifindex int, r Reply) error {
	oob := unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: uint32(ifindex)})
	if !r.To.Addr().IsLinkLocalUnicast() {
		oob = nil // a relay may be anywhere
	}
	if _, _, err := t.conn.WriteMsgUDPAddrPort(r.Msg.ToBytes(), oob, r.To); err != nil {
		return fmt.Errorf("dhcp6: reply to %s: %w", r.To, err)
	}
	return nil
}

// Close is part of [Transport]. A second Close does nothing.
func (t *Linux) Close() error {
	t.closing.Do(func() {
		if t.watch != nil {
			t.watch.Close()
		}
		t.running.Wait()
		if t.conn != nil {
			t.conn.Close()
		}
		if t.routes != nil {
			t.routes.Close()
		}
	})
	return nil
}
