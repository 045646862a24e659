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
	// Each file has a goroutine of its own, which may tell of its end after that of the
	// next one, or after the lease.
	var events []netboot.Event
	files := func(kind netboot.EventKind) (names []string) {
		for _, e := range events {
			if e.Kind == kind {
				names = append(names, path.Base(e.File))
			}
		}
		return names
	}
	require.Eventually(t, func() bool {
		events = s.events.of(in[0].iface)
		return slices.Contains(files(netboot.FileServed), "bootcode.bin") && slices.Contains(files(netboot.FileServed), "kernel8.img") &&
			len(files(netboot.FileProbed)) == 2 &&
			files(netboot.KernelServed) != nil && slices.ContainsFunc(events, func(e netboot.Event) bool { return e.Kind == netboot.OSLease })
	}, 5*time.Second, 10*time.Millisecond)

	last := -1
	for _, kind := range []netboot.EventKind{netboot.Discovered, netboot.Offered, netboot.Nudged, netboot.FileServed} {
		at := slices.IndexFunc(events, func(e netboot.Event) bool { return e.Kind == kind })
		require.Greater(t, at, last, "the first %q", kind)
		last = at
	}
	for _, e := range events {
		require.False(t, e.At.IsZero())
		switch e.Kind {
		case netboot.FileServed:
			require.Equal(t, e.Size, e.Bytes)
		case netboot.FileFailed, netboot.FileRefused, netboot.Stalled, netboot.GaveUp:
			t.Errorf("%s %q: %v", e.Kind, e.File, e.Err)
		}
	}
	require.ElementsMatch(t, []string{"start.elf", "kernel8.img"}, files(netboot.FileProbed))
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
