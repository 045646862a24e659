package tftp_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// TestWithoutGSO sends windows packet by packet.
func TestWithoutGSO(t *testing.T) {
	want := noise(1_000_000)
	s := &tftp.Server{Handler: files{"f": want}, NoGSO: true, NoConfirm: true}
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		addr := startOn(t, s, at)
		got, _ := newClient(t, addr).fetch(time.Second, rrq("f", "octet", "blksize", "1428", "windowsize", "64"))
		require.True(t, bytes.Equal(want, got))
	}
}

// shrinkingFile says that it is longer than it is.
type shrinkingFile struct{ memFile }

func (f shrinkingFile) Size() int64 { return f.memFile.Size() + 100_000 }

// TestReadError has the file fail in its middle: the client is told.
func TestReadError(t *testing.T) {
	seen := newEvents()
	closed := make(chan struct{})
	h := tftp.HandlerFunc(func(context.Context, *tftp.Request) (tftp.File, error) {
		return shrinkingFile{memFile{bytes.NewReader(noise(100_000)), func() { close(closed) }}}, nil
	})
	addr := start(t, &tftp.Server{Handler: h, Observer: seen})
	k := newClient(t, addr)
	k.ask(rrq("f", "octet"))
	for {
		p, err := k.hear(5 * time.Second)
		require.NoError(t, err)
		if p.op == 5 {
			require.Equal(t, "Server error\x00", p.body)
			break
		}
		k.say(ackOf(p.n))
	}
	var local *tftp.LocalError
	require.ErrorAs(t, seen.wait(t, netboot.FileFailed).Err, &local)
	require.Equal(t, "read", local.Op)
	<-closed
}

// TestContext ends Serve in the middle of a file and of a Handler.
func TestContext(t *testing.T) {
	entered := make(chan struct{})
	h := tftp.HandlerFunc(func(ctx context.Context, r *tftp.Request) (tftp.File, error) {
		if r.Name == "slow" {
			close(entered)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return files{"f": noise(5000)}.OpenTFTP(ctx, r)
	})
	seen := newEvents()
	s := &tftp.Server{Handler: h, Observer: seen}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, conn) }()
	addr := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	k, slow := newClient(t, addr), newClient(t, addr)
	k.ask(rrq("f", "octet"))
	k.expect(3)
	slow.ask(rrq("slow", "octet"))
	<-entered
	cancel()
	require.NoError(t, <-done)
	require.Len(t, seen.of(netboot.FileFailed), 2)
	for _, e := range seen.of(netboot.FileFailed) {
		require.True(t, errors.Is(e.Err, tftp.ErrStopped), "%v", e.Err)
	}
	require.Zero(t, s.Stats().Active)
	_, err = conn.WriteTo([]byte{0}, conn.LocalAddr())
	require.ErrorIs(t, err, net.ErrClosed, "Serve closes its connection")
}

// TestClosedConn closes the connection under Serve.
func TestClosedConn(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &tftp.Server{Handler: files{}}
	done := make(chan error, 1)
	go func() { done <- s.Serve(t.Context(), conn) }()
	conn.Close()
	require.NoError(t, <-done)
}

// TestFromPin serves the same handler through the portable engine.
func TestFromPin(t *testing.T) {
	want := noise(100_000)
	s := tftp.FromPin(files{"f": want}, "eth0.17")
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(conn) }()
	addr := netip.MustParseAddrPort(conn.LocalAddr().String())
	k := newClient(t, addr)
	got, _ := k.fetch(5*time.Second, rrq("f", "octet", "blksize", "1428", "tsize", "0"))
	require.True(t, bytes.Equal(want, got))
	k.ask(rrq("missing", "octet"))
	require.Equal(t, "File not found\x00", k.expectError(1).body)

	// A lost packet is made good long before a Pi loses its patience.
	k.ask(rrq("f", "octet"))
	k.expect(3)
	began := time.Now()
	require.EqualValues(t, 1, k.expect(3).n)
	require.Less(t, time.Since(began), time.Second, "which is the patience of a Pi")
	k.say(errorOf(0, "enough"))
	s.Shutdown()
	require.NoError(t, <-done)
}
