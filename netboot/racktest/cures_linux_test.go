package racktest

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

func TestNudge(t *testing.T) {
	l := newLab(t)
	in := l.rack(20, 16<<10)
	var s servers
	s.serve(t, in...)
	var pis []netboottest.Pi
	for _, place := range in {
		p := place.pi()
		p.RxBug = true
		pis = append(pis, p)
	}
	requireBooted(t, in, boot(t, pis...))
	require.NotZero(t, s.dhcp.Stats().Nudges)
}

// Without the nudge the ROM never takes an OFFER up. The servers say so, and so
// does a recording.
func TestNudgeOff(t *testing.T) {
	l := newLab(t)
	in := l.rack(1, 16<<10)
	s := servers{dhcp: dhcp.Handler{NoNudge: true}}
	s.serve(t, in...)
	diagnose := record(t, in[0])
	p := in[0].pi()
	p.RxBug, p.TimeScale = true, 0.1
	r := boot(t, p)[0]
	require.ErrorIs(t, r.err, netboottest.ErrGaveUp)
	require.Equal(t, 5, r.Discovers)
	require.Empty(t, r.Files)

	gaveUp := s.events.wait(t, in[0].iface, netboot.GaveUp, 30*time.Second)
	require.Equal(t, "rom-receive-bug", gaveUp.Diagnosis.Code)
	require.Equal(t, "rom-receive-bug", diagnose().Code)
	require.Zero(t, s.dhcp.Stats().Nudges)
	st, _ := s.tracker.Status(in[0].iface)
	require.Equal(t, netboot.StageDead, st.Stage)
}

// neighbourStates are what the kernel may think of a Pi when it is switched on.
var neighbourStates = []string{"none", "stale", "delay", "probe", "failed"}

// setNeighbour brings the kernel's entry for the slot's Pi into a state.
func setNeighbour(t testing.TB, l *lab, s *slot, state string) {
	t.Helper()
	if state == "none" {
		return // nobody has spoken there yet
	}
	as := state
	if state == "delay" {
		as = "stale" // and becomes delay with the first packet
	}
	l.ip(false, fmt.Sprintf("neigh replace %s lladdr %s dev %s nud %s", s.addr, s.mac(), s.iface, as))
	if state == "delay" {
		conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.addr, 9)))
		require.NoError(t, err)
		defer conn.Close()
		_, err = conn.Write([]byte{0})
		require.NoError(t, err)
	}
}

// A Pi 3B that takes twenty seconds to load its files, all of which it is mute
// to ARP, boots whatever the kernel thought of it before. Without pinning and
// confirmation the kernel asks after five seconds, gets no answer for three,
// and sends no more.
func TestMuteARP(t *testing.T) {
	l := newLab(t)
	in := l.rack(len(neighbourStates)+1, 480<<10)
	cured, plain := in[:len(neighbourStates)], in[len(neighbourStates)]
	with := servers{apart: true}
	with.serve(t, cured...)
	without := servers{
		apart: true, dhcp: dhcp.Handler{NoPin: true}, tftp: tftp.Server{NoConfirm: true},
		patience: netboot.Patience{Step: 3 * time.Second},
	}
	without.serve(t, plain)
	diagnose := record(t, plain)

	var pis []netboottest.Pi
	for i, place := range in {
		p := place.pi()
		p.AckDelay = 10 * time.Millisecond
		pis = append(pis, p)
		if i < len(cured) {
			setNeighbour(t, l, place, neighbourStates[i])
		}
	}
	all := boot(t, pis...)
	requireBooted(t, cured, all)
	for i, r := range all[:len(cured)] {
		require.Greater(t, r.Stages[1].Took, 9*time.Second, "no test of what happens after eight")
		require.Zero(t, r.UnansweredARP, "the kernel asked %s, which was %s", cured[i].iface, neighbourStates[i])
	}

	stuck := all[len(cured)]
	require.ErrorIs(t, stuck.err, netboottest.ErrStalled)
	require.NotZero(t, stuck.UnansweredARP)
	stalled := without.events.wait(t, plain.iface, netboot.Stalled, 30*time.Second)
	require.Equal(t, "arp-mute", stalled.Diagnosis.Code)
	require.Equal(t, "arp-mute", diagnose().Code)
}

// dropping is a link on which the first copies of one block get lost, in the
// first file that has so many blocks.
type dropping struct {
	netboottest.Link
	block  uint16
	copies int
}

func (d *dropping) Recv() ([]byte, error) {
	for {
		f, err := d.Link.Recv()
		const headers = 14 + 20 + 8
		if err != nil || d.copies == 0 || len(f) < headers+4 || f[13] != 0 || f[23] != 17 {
			return f, err
		}
		if p := f[headers:]; binary.BigEndian.Uint16(p) != 3 || binary.BigEndian.Uint16(p[2:]) != d.block {
			return f, nil
		}
		d.copies--
	}
}

// bootcode.bin gives a file up when no packet came for a second. A packet that
// is lost, and once more when it is sent again, is made good long before that;
// with a retransmission timeout of one second it is the end of the boot.
func TestLoss(t *testing.T) {
	l := newLab(t)
	in := l.rack(2, 256<<10)
	good := servers{apart: true}
	good.serve(t, in[0])
	slow := servers{apart: true, tftp: tftp.Server{MinRTO: time.Second, MaxRTO: time.Second}}
	slow.serve(t, in[1])
	var pis []netboottest.Pi
	for _, place := range in {
		p := place.pi()
		p.GiveUp = time.Second
		p.Link = &dropping{Link: place.link, block: 300, copies: 2} // of start.elf
		pis = append(pis, p)
	}
	all := boot(t, pis...)
	requireBooted(t, in[:1], all[:1])
	require.ErrorIs(t, all[1].err, netboottest.ErrStalled)
	f, ok := all[1].File("start.elf")
	require.True(t, ok)
	require.EqualValues(t, 299*512, f.Bytes)
	require.Zero(t, pis[0].Link.(*dropping).copies, "both copies were lost")
	require.Less(t, pis[1].Link.(*dropping).copies, 2, "it did not come to the second")
}

// Random loss in both directions, as of a bad cable.
func TestRandomLoss(t *testing.T) {
	l := newLab(t)
	in := l.rack(4, 128<<10)
	var s servers
	s.serve(t, in...)
	var pis []netboottest.Pi
	var links []*netboottest.LossyLink
	for i, place := range in {
		lossy := netboottest.NewLossyLink(place.link, netboottest.Loss{Recv: 0.01, Seed: uint64(i) + 1})
		t.Cleanup(func() { lossy.Close() })
		links = append(links, lossy)
		p := place.pi()
		p.Link = lossy
		pis = append(pis, p)
	}
	requireBooted(t, in, boot(t, pis...))
	for _, lossy := range links {
		require.NotZero(t, lossy.Dropped())
	}
	require.NotZero(t, s.tftp.Stats().Retransmits)
}
