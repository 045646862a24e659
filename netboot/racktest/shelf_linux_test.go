package racktest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot/netboottest"
)

// shelfSize is how many Pis fit on a shelf.
const shelfSize = 96

// together powers the Pis of slots on, as they are.
func together(t testing.TB, in ...*slot) []result {
	t.Helper()
	var pis []netboottest.Pi
	for _, s := range in {
		pis = append(pis, s.pi())
	}
	return boot(t, pis...)
}

// A shelf gets power, and every Pi on it boots. The kernel asks for a silent
// neighbour after one second here, and not after five, because a boot is
// shorter than on a real shelf.
func TestShelf(t *testing.T) {
	l := newLab(t)
	in := l.rack(shelfSize, 512<<10)
	for _, place := range in {
		place.neighbour(t, "delay_first_probe_time", "1")
		place.neighbour(t, "retrans_time_ms", "200")
	}
	var s servers
	s.serve(t, in...)
	all := together(t, in...)
	requireBooted(t, in, all)
	for i, r := range all {
		require.Zero(t, r.UnansweredARP, "the kernel asked for %s", in[i].iface)
		st, _ := s.tracker.Status(in[i].iface)
		require.Equal(t, 1, st.Boots)
	}
	require.Zero(t, s.dhcp.Stats().Unsent)
}

// Interfaces are added and removed while the servers run and others boot.
func TestInterfacesComeAndGo(t *testing.T) {
	l := newLab(t)
	all := l.plan(56, tree3B(64<<10))
	first, later := all[:48], all[48:]
	l.plug(first...)
	var s servers
	s.serve(t, all...)
	requireBooted(t, first, together(t, first...))

	l.plug(later...)
	requireBooted(t, later, together(t, later...))

	gone, stay := all[:8], all[8:]
	var running sync.WaitGroup
	var stayed []result
	running.Go(func() { stayed = together(t, stay...) })
	l.unplug(gone...)
	running.Wait()
	requireBooted(t, stay, stayed)
	requireBooted(t, stay, together(t, stay...))
}
