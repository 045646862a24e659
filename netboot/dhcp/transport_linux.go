package dhcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Linux is a [Transport] on many network interfaces, which may be added and
// removed while it runs. Each has its own socket, so a packet's interface is
// certain. A client without an address is answered by a frame to its hardware
// address; where raw sockets are not permitted, by broadcast. It needs the
// capabilities CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE, and keeps
// to the network namespace of the thread that made it.
type Linux struct {
	cfg    LinuxConfig
	ns     *namespace
	routes *netlink.Handle
	watch  *os.File // netlink notices of links and addresses
	raw    int      // packet socket for sending, -1 without the permission
	queue  chan Packet

	start   sync.Once
	closing sync.Once
	closed  chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	links   map[int]*link
	started bool // the readers of links run
}

var _ Transport = (*Linux)(nil)

// ListenLinux opens a socket on every interface that cfg matches. The first
// Recv starts the readers, one goroutine for each interface and one that
// follows changes; Close ends them.
func ListenLinux(cfg LinuxConfig) (*Linux, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	t := &Linux{
		cfg: cfg, raw: -1, links: make(map[int]*link),
		queue: make(chan Packet, maxQueue), closed: make(chan struct{}),
	}
	if err := t.open(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Linux) open() (err error) {
	if t.ns, err = currentNamespace(); err != nil {
		return fmt.Errorf("dhcp: network namespace: %w", err)
	}
	return t.ns.do(func() error {
		if t.watch, err = watchLinks(); err != nil {
			return fmt.Errorf("dhcp: follow network interfaces: %w", err)
		}
		if t.routes, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
			return fmt.Errorf("dhcp: netlink: %w", err)
		}
		t.raw, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.raw = -1
			t.cfg.Log.Warn("dhcp cannot send frames, and broadcasts instead; it needs CAP_NET_RAW", "err", err)
		}
		return t.scan()
	})
}

// Recv is part of [Transport]. What is not a client's message is counted and
// skipped.
func (t *Linux) Recv(ctx context.Context) (Packet, error) {
	t.start.Do(t.run)
	select {
	case p := <-t.queue:
		return p, nil
	case <-ctx.Done():
		return Packet{}, ctx.Err()
	case <-t.closed:
		return Packet{}, fmt.Errorf("dhcp: %w", net.ErrClosed)
	}
}

// Do is part of [Transport].
func (t *Linux) Do(_ context.Context, ifindex int, a Action) error {
	t.mu.Lock()
	l := t.links[ifindex]
	t.mu.Unlock()
	if l == nil {
		return fmt.Errorf("dhcp: interface %d is gone", ifindex)
	}
	switch {
	case a.Neighbor != nil:
		return t.neighbor(l, a.Neighbor)
	case a.Frame != nil:
		return t.frame(l, a.Frame)
	case a.Payload == nil:
		return nil
	case a.To.Kind == Direct && t.raw >= 0 && len(l.info().mac) == 6:
		f, err := udpFrame(a.To.MAC, l.info().mac, a.To.From, a.To.Addr, a.Payload)
		if err != nil {
			return err
		}
		return t.send(l, f)
	}
	return l.send(a)
}

// frame sends f, with the interface's address as source if it has none.
func (t *Linux) frame(l *link, f []byte) error {
	if len(f) < etherHeader || t.raw < 0 {
		return fmt.Errorf("dhcp: cannot send a frame on %s", l.name)
	}
	if src := l.info().mac; [6]byte(f[6:12]) == ([6]byte{}) && len(src) == 6 {
		f = append([]byte(nil), f...)
		copy(f[6:], src)
	}
	return t.send(l, f)
}

func (t *Linux) send(l *link, f []byte) error {
	to := &unix.SockaddrLinklayer{Ifindex: l.index, Halen: 6}
	copy(to.Addr[:], f[:6])
	if err := unix.Sendto(t.raw, f, 0, to); err != nil {
		return fmt.Errorf("dhcp: send frame on %s: %w", l.name, err)
	}
	return nil
}

// neighbor sets an entry. The kernel takes the state over as an
// administrator's whatever the entry was doing, an ARP probe included.
func (t *Linux) neighbor(l *link, n *Neighbor) error {
	entry := &netlink.Neigh{
		LinkIndex: l.index, Family: unix.AF_INET, State: netlink.NUD_REACHABLE,
		IP: n.Addr.AsSlice(), HardwareAddr: n.MAC,
	}
	if n.Release {
		entry.State = netlink.NUD_STALE
	}
	if err := t.routes.NeighSet(entry); err != nil {
		return fmt.Errorf("dhcp: neighbour %s on %s: %w", n.Addr, l.name, err)
	}
	return nil
}

// Stats returns what came in on each interface that there is now, by name.
func (t *Linux) Stats() map[string]LinkStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[string]LinkStats, len(t.links))
	for _, l := range t.links {
		all[l.name] = LinkStats{Received: l.received.Load(), Malformed: l.malformed.Load(), Dropped: l.dropped()}
	}
	return all
}

// Close is part of [Transport]. A second Close does nothing.
func (t *Linux) Close() error {
	t.closing.Do(func() {
		t.start.Do(func() {}) // too late to start
		close(t.closed)
		if t.watch != nil {
			t.watch.Close()
		}
		t.mu.Lock()
		for _, l := range t.links {
			l.close()
		}
		t.mu.Unlock()
		t.running.Wait()
		if t.raw >= 0 {
			unix.Close(t.raw)
		}
		if t.routes != nil {
			t.routes.Close()
		}
		if t.ns != nil {
			t.ns.close()
		}
	})
	return nil
}

// linkInfo is what changes about an interface while it exists.
type linkInfo struct {
	mac   net.HardwareAddr
	addrs []netip.Prefix
}
