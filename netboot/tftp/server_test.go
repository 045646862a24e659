package tftp_test

import (
	"bytes"
	"context"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// memFile is a file in memory that knows when it was closed.
type memFile struct {
	*bytes.Reader
	closed func()
}

func (f memFile) Close() error {
	if f.closed != nil {
		f.closed()
	}
	return nil
}

// files is a Handler over files in memory.
type files map[string][]byte

func (f files) OpenTFTP(_ context.Context, r *tftp.Request) (tftp.File, error) {
	p, ok := f[r.Name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return memFile{Reader: bytes.NewReader(p)}, nil
}

// noise returns n bytes, the same ones each time.
func noise(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(p)
	return p
}

// events keeps what an Observer is told.
type events struct {
	mu   sync.Mutex
	all  []netboot.Event
	news chan struct{}
}

func newEvents() *events { return &events{news: make(chan struct{}, 1)} }

func (e *events) Observe(ev netboot.Event) {
	e.mu.Lock()
	e.all = append(e.all, ev)
	e.mu.Unlock()
	select {
	case e.news <- struct{}{}:
	default:
	}
}

func (e *events) of(kind netboot.EventKind) (found []netboot.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.all {
		if ev.Kind == kind {
			found = append(found, ev)
		}
	}
	return found
}

// wait returns the first event of that kind.
func (e *events) wait(t testing.TB, kind netboot.EventKind) netboot.Event {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		if found := e.of(kind); len(found) > 0 {
			return found[0]
		}
		select {
		case <-e.news:
		case <-late:
			t.Fatalf("no event %v; got %+v", kind, e.all)
		}
	}
}

// start serves s on loopback until the test ends, and checks that it ends.
func start(t testing.TB, s *tftp.Server) netip.AddrPort {
	t.Helper()
	return startOn(t, s, "127.0.0.1:0")
}

func startOn(t testing.TB, s *tftp.Server, addr string) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", addr)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, conn) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(10 * time.Second):
			t.Error("Serve did not return")
		}
	})
	a := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	bound := netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	k := newClient(t, reachable(bound))
	k.ask(ackOf(0)) // once this has an answer, Serve runs
	k.expectError(5)
	return bound
}

// reachable is where to reach a server that listens on a.
func reachable(a netip.AddrPort) netip.AddrPort {
	switch {
	case !a.Addr().IsUnspecified():
		return a
	case a.Addr().Is4():
		return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), a.Port())
	}
	return netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())
}

func TestServeNeedsHandler(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorContains(t, (&tftp.Server{}).Serve(t.Context(), conn), "Handler is nil")
}

// TestEveryByte reads files whose sizes lie around the borders of blocks and
// windows by every combination of options.
func TestEveryByte(t *testing.T) {
	for _, block := range []int{0, 8, 512, 1428, 1468, 8192, 65464} {
		for _, window := range []int{0, 1, 4, 16, 64} {
			b := block
			if b == 0 {
				b = 512
			}
			f := files{}
			for _, n := range []int{0, 1, b - 1, b, b + 1, 4 * b, 16 * b, 16*b + 1, 64*b - 1, 64 * b, 200*min(b, 9000) + 7} {
				f[itoa(n)] = noise(n)
			}
			addr := start(t, &tftp.Server{Handler: f, RequestRate: 1e6})
			var options []string
			if block > 0 {
				options = append(options, "blksize", itoa(block), "tsize", "0")
			}
			if window > 0 {
				options = append(options, "windowsize", itoa(window))
			}
			for name, want := range f {
				got, _ := newClient(t, addr).fetch(time.Second, rrq(name, "octet", options...))
				require.True(t, bytes.Equal(want, got), "blksize %d windowsize %d: %d bytes of %d", block, window, len(got), len(want))
			}
		}
	}
}

func TestIPv6(t *testing.T) {
	want := noise(100_000)
	s := &tftp.Server{Handler: files{"f": want}}
	addr := startOn(t, s, "[::1]:0")
	got, _ := newClient(t, addr).fetch(time.Second, rrq("f", "octet", "blksize", "1428", "windowsize", "8"))
	require.True(t, bytes.Equal(want, got))
}

// TestDualStack has an IPv4 client ask a socket that serves both.
func TestDualStack(t *testing.T) {
	want := noise(10_000)
	addr := startOn(t, &tftp.Server{Handler: files{"f": want}}, "[::]:0")
	v4 := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), addr.Port())
	got, _ := newClient(t, v4).fetch(time.Second, rrq("f", "octet"))
	require.True(t, bytes.Equal(want, got))
	c := newClient(t, v4)
	c.ask(rrq("missing", "octet"))
	require.Equal(t, v4.String(), c.expectError(1).from)
}

// TestAnswersFromTheAddressAsked asks a server that listens on all addresses at
// its second one.
func TestAnswersFromTheAddressAsked(t *testing.T) {
	if !onLinux {
		t.Skip("only Linux tells which address a packet came to")
	}
	addr := startOn(t, &tftp.Server{Handler: files{"f": noise(600)}}, "0.0.0.0:0")
	second := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), addr.Port())
	for _, name := range []string{"f", "missing"} {
		c := newClient(t, second)
		c.ask(rrq(name, "octet"))
		_, err := c.hear(5 * time.Second)
		require.NoError(t, err)
		require.Equal(t, "127.0.0.2", c.tid.(*net.UDPAddr).IP.String(), name)
	}
}

func TestShutdown(t *testing.T) {
	want := noise(5000)
	s := &tftp.Server{Handler: files{"f": want}}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(t.Context(), conn) }()
	addr := conn.LocalAddr().(*net.UDPAddr).AddrPort()

	c := newClient(t, addr)
	c.ask(rrq("f", "octet"))
	got := []byte(c.expect(3).body)
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(t.Context()) }()
	// What is asked from now on gets no answer; what runs goes on to its end.
	require.Eventually(t, func() bool {
		late := newClient(t, addr)
		late.ask(rrq("f", "octet"))
		_, err := late.hear(50 * time.Millisecond)
		return err != nil
	}, 5*time.Second, time.Millisecond)
	for n := uint16(1); len(got) < len(want); n++ {
		c.say(ackOf(n))
		for p := c.expect(3); ; p = c.expect(3) {
			if p.n == n+1 {
				got = append(got, p.body...)
				break
			}
		}
	}
	c.say(ackOf(10))
	require.True(t, bytes.Equal(want, got))
	require.NoError(t, <-down)
	require.NoError(t, <-served)
	require.Equal(t, 0, s.Stats().Active)
}

func TestShutdownCuts(t *testing.T) {
	seen := newEvents()
	s := &tftp.Server{Handler: files{"f": noise(5000)}, Observer: seen}
	addr := start(t, s)
	c := newClient(t, addr)
	c.ask(rrq("f", "octet"))
	c.expect(3)
	c.say(ackOf(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Shutdown(ctx), context.Canceled)
	require.ErrorIs(t, seen.wait(t, netboot.FileFailed).Err, tftp.ErrStopped)
	for {
		if p, err := c.hear(5 * time.Second); err != nil || p.op == 5 {
			require.NoError(t, err, "the client was not told")
			require.Equal(t, "Server stopping\x00", p.body)
			return
		}
	}
}

// TestManySockets serves one Server on two sockets: its limits are shared.
func TestManySockets(t *testing.T) {
	s := &tftp.Server{Handler: files{"f": noise(5000)}, MaxTransfers: 2}
	one, two := start(t, s), start(t, s)
	for _, addr := range []netip.AddrPort{one, two} {
		c := newClient(t, addr)
		c.ask(rrq("f", "octet"))
		c.expect(3)
		c.say(ackOf(1))
		c.expect(3)
	}
	c := newClient(t, two)
	c.ask(rrq("f", "octet"))
	_, err := c.hear(100 * time.Millisecond)
	require.ErrorIs(t, err, errSilence)
	require.Equal(t, 2, s.Stats().Active)
}
