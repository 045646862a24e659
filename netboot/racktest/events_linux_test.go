package racktest

import (
	"net/netip"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
)

// A good boot from power to a running system, as the servers tell it.
func TestEventsOfABoot(t *testing.T) {
	l := newLab(t)
	in := l.rack(1, 64<<10)
	var s servers
	s.serve(t, in...)
	p := in[0].pi()
	p.RxBug, p.OS = true, true
	all := boot(t, p)
	requireBooted(t, in, all)
	s.events.wait(t, in[0].iface, netboot.OSLease, 5*time.Second)

	events := s.events.of(in[0].iface)
	last := -1
	for _, kind := range []netboot.EventKind{
		netboot.Discovered, netboot.Offered, netboot.Nudged, netboot.FileServed, netboot.KernelServed, netboot.OSLease,
	} {
		at := slices.IndexFunc(events, func(e netboot.Event) bool { return e.Kind == kind })
		require.Greater(t, at, last, "the first %q", kind)
		last = at
	}
	var served, probed []string
	for _, e := range events {
		require.False(t, e.At.IsZero())
		switch e.Kind {
		case netboot.FileServed:
			require.Equal(t, e.Size, e.Bytes)
			served = append(served, path.Base(e.File))
		case netboot.FileProbed:
			probed = append(probed, path.Base(e.File))
		case netboot.FileFailed, netboot.FileRefused, netboot.Stalled, netboot.GaveUp:
			t.Errorf("%s %q: %v", e.Kind, e.File, e.Err)
		}
	}
	require.Equal(t, "bootcode.bin", served[0])
	require.Equal(t, "kernel8.img", served[len(served)-1])
	require.Equal(t, []string{"start.elf", "kernel8.img"}, probed)
	st, _ := s.tracker.Status(in[0].iface)
	require.Equal(t, netboot.StageUp, st.Stage)
	require.Empty(t, st.Diagnosis.Code)
}

// The ROM takes its address from an OFFER without a REQUEST and sends no
// client identifier; the operating system sends one. There is one address.
func TestOneAddressForROMAndSystem(t *testing.T) {
	l := newLab(t)
	in := l.plan(2, tree3B(16<<10))
	pool := in[1]
	pool.machine.Addr = netip.Prefix{}
	pool.machine.Pool = netboot.Pool{First: pool.addr, Last: pool.addr, Bits: pool.bits}
	l.plug(in...)
	var s servers
	s.serve(t, in...)
	var pis []netboottest.Pi
	for _, place := range in {
		p := place.pi()
		p.OS = true
		pis = append(pis, p)
	}
	all := boot(t, pis...)
	requireBooted(t, in, all)
	for _, r := range all {
		require.Equal(t, r.Addr, r.OSAddr)
	}
}
