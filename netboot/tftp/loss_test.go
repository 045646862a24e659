package tftp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

var (
	memServer = netip.MustParseAddrPort("192.0.2.1:69")
	memClient = netip.MustParseAddrPort("192.0.2.2:49152")
)

// inBubble serves s on a network in memory, with the test's clock, and gives
// the test a client. A packet takes half a millisecond, and none overtakes
// another. Those that drop says get lost.
func inBubble(t *testing.T, s *tftp.Server, drop func(memnet.Packet) bool, fn func(*testing.T, *client)) {
	synctest.Test(t, func(t *testing.T) {
		var last time.Time // when the last packet arrives
		n := &memnet.Network{Drop: drop, Delay: func(memnet.Packet) time.Duration {
			at := time.Now().Add(500 * time.Microsecond)
			if !at.After(last) {
				at = last.Add(time.Nanosecond)
			}
			last = at
			return time.Until(at)
		}}
		conn, err := n.ListenPacket(memServer)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.Serve(ctx, conn) })
		k, err := n.ListenPacket(memClient)
		require.NoError(t, err)
		fn(t, &client{t: t, conn: k, to: net.UDPAddrFromAddrPort(memServer), buf: make([]byte, 1<<16)})
		k.Close()
		cancel()
		wg.Wait()
	})
}

// lossy loses that part of all packets, the same ones each time.
func lossy(part float64, seed uint64) func(memnet.Packet) bool {
	r := rand.New(rand.NewPCG(seed, seed))
	return func(memnet.Packet) bool { return r.Float64() < part }
}

// TestLoss loses packets in both directions. The client sends nothing again by
// itself within its five seconds, so that the server has to, and soon.
func TestLoss(t *testing.T) {
	for _, c := range []struct {
		name        string
		loss        float64
		options     []string
		most        time.Duration
		retransmits int
	}{
		{"1% lockstep", .01, []string{"blksize", "1428"}, 2 * time.Second, 30},
		{"10% lockstep", .1, []string{"blksize", "1428"}, 10 * time.Second, 300},
		{"1% window 4", .01, []string{"blksize", "1428", "windowsize", "4"}, time.Second, 60},
		{"1% window 16", .01, []string{"blksize", "1428", "windowsize", "16"}, 300 * time.Millisecond, 100},
		{"1% window 64", .01, []string{"blksize", "1428", "windowsize", "64"}, 200 * time.Millisecond, 400},
		{"10% window 16", .1, []string{"blksize", "1428", "windowsize", "16"}, time.Second, 600},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := noise(1_000_000)
			s := &tftp.Server{Handler: files{"f": want}}
			inBubble(t, s, lossy(c.loss, 1), func(t *testing.T, k *client) {
				began := time.Now()
				got, _ := k.fetch(5*time.Second, rrq("f", "octet", c.options...))
				took := time.Since(began)
				synctest.Wait()
				require.True(t, bytes.Equal(want, got))
				require.Less(t, took, c.most)
				require.Less(t, s.Stats().Retransmits, uint64(c.retransmits))
			})
		})
	}
}

// TestPatience loses one packet in a thousand towards a client that gives a
// file up after one second and never sends anything again, as bootcode.bin.
func TestPatience(t *testing.T) {
	want := noise(2_000_000)
	s := &tftp.Server{Handler: files{"f": want}}
	inBubble(t, s, lossy(.01, 7), func(t *testing.T, k *client) {
		k.ask(rrq("f", "octet"))
		for next := uint16(1); ; {
			p, err := k.hear(time.Second)
			require.NoError(t, err, "a second without a packet before block %d", next)
			if p.n == next {
				next++
			}
			k.say(ackOf(p.n))
			if p.n == next-1 && len(p.body) < 512 {
				return
			}
		}
	})
}

// TestSorcerersApprentice acknowledges everything twice. Each block must still
// be sent once only.
func TestSorcerersApprentice(t *testing.T) {
	for _, options := range [][]string{nil, {"windowsize", "4"}} {
		want := noise(100 * 512)
		s := &tftp.Server{Handler: files{"f": want}}
		inBubble(t, s, nil, func(t *testing.T, k *client) {
			sent := make(map[uint16]int)
			k.ask(rrq("f", "octet", options...))
			for done := false; !done; {
				p, err := k.hear(5 * time.Second)
				require.NoError(t, err)
				if p.op == 6 {
					k.say(ackOf(0))
					k.say(ackOf(0))
					continue
				}
				sent[p.n]++
				done = len(p.body) < 512
				if options == nil || p.n%4 == 0 || done {
					k.say(ackOf(p.n))
					k.say(ackOf(p.n))
				}
			}
			for n, times := range sent {
				require.Equal(t, 1, times, "block %d with options %q", n, options)
			}
			require.Len(t, sent, 101)
		})
	}
}

// TestGapIsFilledAtOnce loses blocks of a window and reports the gap: the rest
// has to follow in a round trip, without a timeout.
func TestGapIsFilledAtOnce(t *testing.T) {
	for _, lost := range []uint16{5, 7, 12} {
		s := &tftp.Server{Handler: files{"f": noise(100 * 512)}, MinRTO: time.Second, MaxRTO: time.Second}
		inBubble(t, s, nil, func(t *testing.T, k *client) {
			k.ask(rrq("f", "octet", "windowsize", "8"))
			k.expect(6)
			k.say(ackOf(0))
			for n := uint16(1); n <= 4; n++ { // the window before, in two parts
				require.Equal(t, n, k.expect(3).n)
			}
			k.say(ackOf(4))
			for n := uint16(5); n <= 8; n++ {
				require.Equal(t, n, k.expect(3).n)
			}
			for n := uint16(5); n <= 12; n++ {
				require.Equal(t, n, k.expect(3).n)
			}
			asked := time.Now()
			k.say(ackOf(lost - 1))
			require.Equal(t, lost, k.expect(3).n)
			require.LessOrEqual(t, time.Since(asked), 10*time.Millisecond)
		})
	}
}

// TestGiveUp goes silent in the middle of a file.
func TestGiveUp(t *testing.T) {
	seen := newEvents()
	s := &tftp.Server{Handler: files{"f": noise(5000)}, Observer: seen}
	inBubble(t, s, nil, func(t *testing.T, k *client) {
		k.ask(rrq("f", "octet"))
		k.expect(3)
		k.say(ackOf(1))
		silent := time.Now()
		copies := 0
		for {
			p, err := k.hear(40 * time.Second)
			if err != nil {
				break
			}
			require.EqualValues(t, 2, p.n)
			copies++
		}
		e := seen.of(netboot.FileFailed)
		require.Len(t, e, 1)
		require.ErrorIs(t, e[0].Err, tftp.ErrTimeout)
		require.InDelta(t, 30, e[0].At.Sub(silent).Seconds(), 1)
		require.Equal(t, copies-1, e[0].Retransmits)
		require.InDelta(t, 150, copies, 15) // every 200 ms
	})
}

// TestForgedRequest never answers: what one forged request draws to the address
// in it is a few packets.
func TestForgedRequest(t *testing.T) {
	seen := newEvents()
	s := &tftp.Server{Handler: files{"f": noise(5000)}, Observer: seen}
	inBubble(t, s, nil, func(t *testing.T, k *client) {
		k.ask(rrq("f", "octet"))
		copies := 0
		for {
			if _, err := k.hear(time.Minute); err != nil {
				break
			}
			copies++
		}
		require.Len(t, seen.of(netboot.FileFailed), 1)
		require.LessOrEqual(t, copies, 10)
		require.Greater(t, copies, 4)
	})
}

// TestFirstPacketLost has a client that asks once, and loses the answer.
func TestFirstPacketLost(t *testing.T) {
	toLose := 2
	drop := func(p memnet.Packet) bool {
		if p.From != memServer || toLose == 0 {
			return false
		}
		toLose--
		return true
	}
	s := &tftp.Server{Handler: files{"f": noise(5000)}}
	inBubble(t, s, drop, func(t *testing.T, k *client) {
		began := time.Now()
		k.ask(rrq("f", "octet"))
		k.expect(3)
		require.Less(t, time.Since(began), time.Second)
	})
}

// TestRestartedClient asks for the same file from the same port after a time of
// silence, as a Pi that was power cycled: the transfer begins anew.
func TestRestartedClient(t *testing.T) {
	s := &tftp.Server{Handler: files{"bootcode.bin": noise(5000)}}
	inBubble(t, s, nil, func(t *testing.T, k *client) {
		k.ask(rrq("bootcode.bin", "octet"))
		k.expect(3)
		k.say(ackOf(1))
		require.EqualValues(t, 2, k.expect(3).n)
		pass(3 * time.Second)
		k.ask(rrq("bootcode.bin", "octet"))
		for k.expect(3).n != 1 { // block 2 was sent many times
		}
		k.say(ackOf(1))
		require.EqualValues(t, 2, k.expect(3).n)
	})
}

// TestStranger sends packets to a transfer from another port: they change
// nothing.
func TestStranger(t *testing.T) {
	want := noise(3000)
	addr := start(t, &tftp.Server{Handler: files{"f": want}})
	k := newClient(t, addr)
	k.ask(rrq("f", "octet"))
	got := []byte(k.expect(3).body)
	stranger := newClient(t, addr)
	stranger.tid = k.tid
	for n := uint16(1); ; n++ {
		for _, p := range [][]byte{ackOf(n), ackOf(n + 1), errorOf(0, "die"), {0, 3, 0, 1}} {
			stranger.say(p)
		}
		k.say(ackOf(n))
		if len(got) == len(want) {
			break
		}
		for p := k.expect(3); ; p = k.expect(3) {
			if p.n == n+1 {
				got = append(got, p.body...)
				break
			}
		}
	}
	require.True(t, bytes.Equal(want, got))
	_, err := stranger.hear(10 * time.Millisecond)
	require.ErrorIs(t, err, errSilence)
}

// bigFile is a file whose every four bytes are the offset they are at.
type bigFile int64

func (f bigFile) Size() int64  { return int64(f) }
func (f bigFile) Close() error { return nil }
func (f bigFile) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		at := off + int64(i)
		p[i] = byte(at >> 2 >> (8 * (at & 3)))
	}
	return len(p), nil
}

// TestWrap sends more than 65,535 blocks, and looks at the number after.
func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name    string
		size    int64
		options []string
	}{
		{"8 bytes", 600_000, []string{"blksize", "8", "windowsize", "16"}},
		{"8 bytes in lockstep", 530_000, []string{"blksize", "8"}},
		{"to 0", 600_000, []string{"blksize", "8", "windowsize", "16", "rollover", "0"}},
		{"to 1", 600_000, []string{"blksize", "8", "windowsize", "16", "rollover", "1"}},
		{"512 bytes", 34_000_000, []string{"windowsize", "32"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := newEvents()
			h := tftp.HandlerFunc(func(context.Context, *tftp.Request) (tftp.File, error) { return bigFile(c.size), nil })
			addr := start(t, &tftp.Server{Handler: h, Observer: seen})
			got, _ := newClient(t, addr).fetch(time.Second, rrq("f", "octet", c.options...))
			require.EqualValues(t, c.size, len(got))
			for at := int64(0); at+4 <= c.size; at += 4 {
				if int64(binary.LittleEndian.Uint32(got[at:])) != at>>2 {
					t.Fatalf("wrong bytes at %d", at)
				}
			}
			e := seen.wait(t, netboot.FileServed)
			if c.name == "8 bytes in lockstep" {
				require.ErrorIs(t, e.Err, tftp.ErrRollover)
			} else {
				require.NoError(t, e.Err)
			}
		})
	}
}
