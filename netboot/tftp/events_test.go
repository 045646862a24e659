package tftp_test

import (
	"net/netip"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// TestEvents boots from a machine's own view of files and looks at what an
// observer is told.
func TestEvents(t *testing.T) {
	kernel := noise(300_000)
	inv, err := netboot.NewStatic(netboot.Reservation{
		Interface: "eth0.17",
		Machine: netboot.Machine{
			Name: "pi17", Addr: netip.MustParsePrefix("192.0.2.2/30"),
			Files: fstest.MapFS{
				"kernel8.img": {Data: kernel}, "config.txt": {Data: []byte("a=1\n")}, "pieeprom.upd": {Data: noise(9)},
			},
		},
	})
	require.NoError(t, err)
	seen := newEvents()
	s := &tftp.Server{Handler: tftp.FSHandler(inv), Observer: seen, Interface: "eth0.17"}
	inBubble(t, s, nil, func(t *testing.T, k *client) {
		got, _ := k.fetch(time.Second, rrq("5564247d/kernel8.img", "octet"))
		require.Equal(t, kernel, got)
		for _, name := range []string{"bootsig.bin", "../../etc/passwd", "pieeprom.upd"} {
			k.ask(rrq(name, "octet"))
			k.expectError(1)
		}
		pass(time.Second)
	})
	var kinds []netboot.EventKind
	for _, e := range seen.all {
		require.Equal(t, "pi17", e.Machine)
		require.Equal(t, "eth0.17", e.Client.Interface)
		require.Equal(t, memClient.Addr(), e.Addr)
		if e.Kind != netboot.FileProgress {
			kinds = append(kinds, e.Kind)
		}
	}
	require.Equal(t, []netboot.EventKind{
		netboot.FileServed, netboot.KernelServed, netboot.FileMissing, netboot.FileMissing, netboot.FileRefused,
	}, kinds)

	served := seen.of(netboot.FileServed)[0]
	require.Equal(t, "5564247d/kernel8.img", served.File)
	require.EqualValues(t, 300_000, served.Bytes)
	require.EqualValues(t, 300_000, served.Size)
	require.InDelta(t, time.Millisecond, served.RTT, float64(10*time.Microsecond))
	require.InDelta(t, 587*time.Millisecond, served.Took, float64(10*time.Millisecond))
	require.Zero(t, served.Retransmits)
	require.NoError(t, served.Err)
	require.ErrorIs(t, seen.of(netboot.FileRefused)[0].Err, netboot.ErrUpdateRefused)

	progress := seen.of(netboot.FileProgress)
	require.Len(t, progress, 2, "587 ms have two quarters of a second")
	require.Less(t, progress[0].Bytes, progress[1].Bytes)
}

// TestUnknownClient asks for a file of nobody's.
func TestUnknownClient(t *testing.T) {
	inv, err := netboot.NewStatic()
	require.NoError(t, err)
	seen := newEvents()
	s := &tftp.Server{Handler: tftp.FSHandler(inv), Observer: seen}
	inBubble(t, s, nil, func(t *testing.T, k *client) {
		k.ask(rrq("config.txt", "octet"))
		_, err := k.hear(time.Minute)
		require.ErrorIs(t, err, errSilence)
	})
	require.ErrorIs(t, seen.of(netboot.FileRefused)[0].Err, netboot.ErrUnknown)
}

// TestLastAckLost has a client that is done, and gone, while its last ACK is
// lost: asking for the next file tells that it has the one before.
func TestLastAckLost(t *testing.T) {
	seen := newEvents()
	s := &tftp.Server{Handler: files{"one": noise(1000), "two": noise(10)}, Observer: seen}
	lost := false
	drop := func(p memnet.Packet) bool {
		lose := !lost && string(p.Data) == string(ackOf(2))
		lost = lost || lose
		return lose
	}
	inBubble(t, s, drop, func(t *testing.T, k *client) {
		k.fetch(time.Second, rrq("one", "octet"))
		pass(100 * time.Millisecond)
		k.ask(rrq("two", "octet"))
		for k.expect(3).n != 1 { // copies of the last block
		}
		k.say(ackOf(1))
		pass(100 * time.Millisecond)
	})
	require.True(t, lost)
	require.Len(t, seen.of(netboot.FileServed), 2)
	require.Empty(t, seen.of(netboot.FileFailed))
	require.EqualValues(t, 1000, seen.of(netboot.FileServed)[0].Bytes)
}
