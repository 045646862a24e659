package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/nfsroot/cmd/nfsinit/internal/boot"
)

// network is the kernel, as package boot sees it. It uses ioctl, which needs
// neither packages nor modules.
type network struct{ fd int } // of a socket for ioctl

var _ boot.System = (*network)(nil)

func newNetwork() (*network, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	n := &network{fd: fd}
	if err := n.setFlags("lo", unix.IFF_UP); err != nil {
		return nil, fmt.Errorf("set lo up: %w", err)
	}
	return n, nil
}

const classNet = "/sys/class/net"

func (n *network) Links() ([]boot.Link, error) {
	entries, err := os.ReadDir(classNet)
	if err != nil {
		return nil, err
	}
	var links []boot.Link
	for _, e := range entries {
		kind, err := attribute(e.Name(), "type")
		if err != nil || kind != strconv.Itoa(unix.ARPHRD_ETHER) {
			continue
		}
		l := boot.Link{Name: e.Name()}
		address, _ := attribute(e.Name(), "address")
		if l.MAC, err = net.ParseMAC(address); err != nil {
			continue
		}
		index, _ := attribute(e.Name(), "ifindex")
		l.Index, _ = strconv.Atoi(index)
		carrier, _ := attribute(e.Name(), "carrier") // an error while it is down
		l.Carrier = carrier == "1"
		links = append(links, l)
	}
	slices.SortFunc(links, func(a, b boot.Link) int { return a.Index - b.Index })
	return links, nil
}

func attribute(link, name string) (string, error) {
	b, err := os.ReadFile(filepath.Join(classNet, link, name))
	return strings.TrimSpace(string(b)), err
}

func (n *network) Up(l boot.Link) error { return n.setFlags(l.Name, unix.IFF_UP) }

func (n *network) setFlags(name string, flags uint16) error {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(n.fd, unix.SIOCGIFFLAGS, request); err != nil {
		return err
	}
	if request.Uint16()&flags == flags {
		return nil
	}
	request.SetUint16(request.Uint16() | flags)
	return unix.IoctlIfreq(n.fd, unix.SIOCSIFFLAGS, request)
}

func (n *network) SetAddress(l boot.Link, addr netip.Prefix, gateway netip.Addr) error {
	mask := net.CIDRMask(addr.Bits(), 32)
	for _, set := range []struct {
		request uint
		addr    []byte
	}{{unix.SIOCSIFADDR, addr.Addr().AsSlice()}, {unix.SIOCSIFNETMASK, mask}} {
		request, err := unix.NewIfreq(l.Name)
		if err != nil {
			return err
		}
		if err := request.SetInet4Addr(set.addr); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(n.fd, set.request, request); err != nil {
			return err
		}
	}
	if !gateway.IsValid() {
		return nil
	}
	if err := n.addDefaultRoute(gateway); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("gateway %s: %w", gateway, err)
	}
	return nil
}

func (n *network) SetHostname(name string) error {
	host, _, _ := strings.Cut(name, ".")
	return unix.Sethostname([]byte(host))
}

// dialMost is how long a connection may take if nobody says.
const dialMost = time.Minute

func (n *network) Dial(ctx context.Context, addr netip.AddrPort) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(dialMost)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()})
	if err != unix.EINPROGRESS {
		return err
	}
	if err := waitFor(fd, unix.POLLOUT, deadline); err != nil {
		return err
	}
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && errno != 0 {
		err = unix.Errno(errno)
	}
	return err
}

// Neighbour looks into the kernel's table of neighbours; flag 2 is of an entry
// that was answered.
func (n *network) Neighbour(addr netip.Addr) string {
	table, err := os.ReadFile("/proc/thread-self/net/arp")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line) // address, type, flags, hardware address, mask, device
		if len(f) >= 4 && f[0] == addr.String() && f[2] != "0x0" {
			return f[3]
		}
	}
	return ""
}

func (n *network) Mount(m boot.Mount) error {
	if err := os.MkdirAll(newRoot, 0o755); err != nil {
		return err
	}
	var flags uintptr
	if m.ReadOnly {
		flags = unix.MS_RDONLY
	}
	return unix.Mount(m.Source, newRoot, m.Type, flags, m.Data)
}

func (n *network) Unmount() error { return unix.Unmount(newRoot, unix.MNT_DETACH) }

func (n *network) Runnable(program string) error { return runnable(newRoot, program) }

func (n *network) WriteFile(name string, b []byte) error {
	path := filepath.Join("/run", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}
