package racktest

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// servers are a DHCP and a TFTP server with a tracker, running.
type servers struct {
	// For serve: what differs from the defaults.
	dhcp     dhcp.Handler
	tftp     tftp.Server
	patience netboot.Patience
	journal  string // of leases; "" keeps them in memory
	apart    bool   // listens on the slots' addresses, beside others that do

	events  *recorder
	tracker *netboot.Tracker
	stop    func() // ends everything and waits; the test's cleanup does it too
}

// serve starts the servers for slots, plugged or not.
func (s *servers) serve(t testing.TB, in ...*slot) {
	t.Helper()
	var reservations []netboot.Reservation
	for _, place := range in {
		reservations = append(reservations, netboot.Reservation{Interface: place.iface, Machine: place.machine})
	}
	inv, err := netboot.NewStatic(reservations...)
	require.NoError(t, err)
	leases, err := dhcp.OpenLeases(s.journal)
	require.NoError(t, err)
	s.events = new(recorder)
	s.tracker = &netboot.Tracker{Next: s.events, Patience: s.patience}
	s.dhcp.Inventory, s.dhcp.Leases, s.dhcp.Observer = inv, leases, s.tracker
	s.tftp.Handler = tftp.FSHandler(s.dhcp.FileInventory())
	s.tftp.Observer = netboot.Observers(&s.dhcp, s.tracker)

	transport, err := dhcp.ListenLinux(dhcp.LinuxConfig{Match: func(name string) bool {
		return slices.ContainsFunc(in, func(place *slot) bool { return place.iface == name })
	}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	run := func(f func() error) {
		running.Go(func() {
			if err := f(); err != nil && ctx.Err() == nil {
				t.Errorf("a server ended: %v", err)
			}
		})
	}
	run(func() error { return s.tracker.Run(ctx) })
	run(func() error { return dhcp.Serve(ctx, transport, &s.dhcp) })
	for _, addr := range s.listenOn(in) {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 69)))
		require.NoError(t, err)
		run(func() error { return s.tftp.Serve(ctx, conn) })
	}
	s.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		transport.Close()
		leases.Close()
	})
	t.Cleanup(s.stop)
}

func (s *servers) listenOn(in []*slot) (all []netip.Addr) {
	if !s.apart {
		return []netip.Addr{netip.IPv4Unspecified()}
	}
	for _, place := range in {
		all = append(all, place.server)
	}
	return all
}

// recorder keeps events.
type recorder struct {
	mu  sync.Mutex
	all []netboot.Event
}

func (r *recorder) Observe(e netboot.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
}

// of returns the events of a machine, in order.
func (r *recorder) of(machine string) (some []netboot.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.all {
		if e.Machine == machine {
			some = append(some, e)
		}
	}
	return some
}

// wait returns the first event of a kind about a machine, which must come.
func (r *recorder) wait(t testing.TB, machine string, kind netboot.EventKind, within time.Duration) (found netboot.Event) {
	t.Helper()
	require.Eventually(t, func() bool {
		some := r.of(machine)
		i := slices.IndexFunc(some, func(e netboot.Event) bool { return e.Kind == kind })
		if i >= 0 {
			found = some[i]
		}
		return i >= 0
	}, within, 10*time.Millisecond, "no %q of %s", kind, machine)
	return found
}
