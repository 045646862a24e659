package tftp_test

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// TestPerClient takes all that one client may have: transfers that are under
// way keep their place, those that were never answered lose it to newer ones.
func TestPerClient(t *testing.T) {
	seen := newEvents()
	s := &tftp.Server{Handler: files{"f": noise(50_000)}, Observer: seen, MaxPerClient: 2}
	addr := start(t, s)
	begin := func(answer bool) *client {
		k := newClient(t, addr)
		k.ask(rrq("f", "octet"))
		if _, err := k.hear(200 * time.Millisecond); err != nil {
			return nil
		}
		if answer {
			k.say(ackOf(1))
			for k.expect(3).n != 2 {
			}
		}
		return k
	}
	require.NotNil(t, begin(true))
	require.NotNil(t, begin(false))
	require.NotNil(t, begin(true), "a transfer without an answer makes room")
	require.ErrorIs(t, seen.wait(t, netboot.FileRefused).Err, tftp.ErrLimit)
	require.Nil(t, begin(false), "transfers that are under way do not")
	require.Equal(t, 2, s.Stats().Active)
	require.Len(t, seen.of(netboot.FileRefused), 2)
}

// TestAbandonedTransfers has a client that leaves file after file half-way,
// without a word, as bootcode.bin does after a second: repeating its request, as
// a Pi does, it is served all the same.
func TestAbandonedTransfers(t *testing.T) {
	s := &tftp.Server{Handler: files{"f": noise(50_000)}, MaxPerClient: 1}
	addr := start(t, s)
	for range 3 {
		k := newClient(t, addr)
		for tries := 0; ; tries++ {
			k.ask(rrq("f", "octet"))
			if _, err := k.hear(200 * time.Millisecond); err == nil {
				break
			}
			require.Less(t, tries, 50, "not served within ten seconds")
		}
		k.say(ackOf(1))
		for k.expect(3).n != 2 {
		}
	}
	require.Equal(t, 1, s.Stats().Active)
}

// TestFlood has one client ask 5,000 times, from as many ports as it likes,
// while another one loads a file. Sockets stay few, and the other has its file.
func TestFlood(t *testing.T) {
	want := noise(200_000)
	seen := newEvents()
	s := &tftp.Server{Handler: files{"f": want}, Observer: seen}
	addr := startOn(t, s, "0.0.0.0:0")
	other := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), addr.Port())

	before := openFiles(t)
	ports := make([]*client, 50)
	for i := range ports {
		ports[i] = newClientFrom(t, "127.0.0.66:0", other)
	}
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		// What finds no room in the server's socket is lost, and asked once more.
		for i := 0; i < 5000 || s.Stats().Refused <= 1000 && i < 500_000; i++ {
			k := ports[i%len(ports)]
			_, _ = k.conn.WriteTo(rrq("f", "octet", "tsize", itoa(i)), k.to)
		}
	}()
	got, _ := newClient(t, other).fetch(200*time.Millisecond, rrq("f", "octet"))
	require.True(t, bytes.Equal(want, got))
	<-flooded
	require.LessOrEqual(t, openFiles(t)-before, len(ports)+tftp.DefaultMaxPerClient+10)
	require.LessOrEqual(t, s.Stats().Active, tftp.DefaultMaxPerClient+1)
	require.Greater(t, s.Stats().Refused, uint64(1000))
	require.Less(t, len(seen.of(netboot.FileRefused)), 600, "refusals are made known once a second; beside them transfers that had to make room")
}

// TestHangingHandler has a Handler that does not come back: however often a
// client asks, it holds as many calls as a client may have transfers.
func TestHangingHandler(t *testing.T) {
	var calls atomic.Int32
	h := tftp.HandlerFunc(func(ctx context.Context, r *tftp.Request) (tftp.File, error) {
		calls.Add(1)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	s := &tftp.Server{Handler: h, MaxPerClient: 3}
	inBubble(t, s, nil, func(t *testing.T, k *client) {
		for i := range 100 {
			k.ask(rrq(itoa(i), "octet"))
			synctest.Wait()
			pass(time.Second)
		}
		require.LessOrEqual(t, calls.Load(), int32(100))
		require.LessOrEqual(t, s.Stats().Active, 3)
	})
}

// TestRate asks more often than a client may: what is beyond gets no answer,
// and after a while requests are answered again.
func TestRate(t *testing.T) {
	s := &tftp.Server{Handler: files{}, RequestRate: 10}
	inBubble(t, s, nil, func(t *testing.T, k *client) {
		answers := func(requests int) (n int) {
			for range requests {
				k.ask(rrq("missing", "octet"))
				if _, err := k.hear(2 * time.Millisecond); err == nil {
					n++
				}
			}
			return n
		}
		require.Equal(t, 20, answers(40))
		pass(time.Second)
		require.Equal(t, 10, answers(12))
	})
}

func openFiles(t *testing.T) int {
	t.Helper()
	if !onLinux {
		t.Skip("counts files in /proc")
	}
	d, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(d)
}
