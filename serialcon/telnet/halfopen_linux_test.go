package telnet_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

// vanish closes a connection without a word to its peer, as a machine does that
// loses power: a socket in repair mode closes so.
func vanish(t *testing.T, c net.Conn) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	var failed error
	require.NoError(t, raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_REPAIR, 1) }))
	if failed != nil {
		peer.Skip(t, "needs TCP_REPAIR: %v", failed)
	}
	require.NoError(t, c.Close())
}

// A server that lost power is noticed by a console, which opens its line anew.
func TestAServerThatVanishedIsNoticed(t *testing.T) {
	peer.NeedRoot(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	conns := make(chan net.Conn, 2)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("\xff\xfb\x00\xff\xfd\x00"))
			conns <- c
		}
	}()
	address := l.Addr().String()
	log := new(serialcontest.Log)
	c := &serialcon.Console{Name: "vm-7", Log: log, Engine: new(serialcon.Engine), Port: telnet.Config{
		Address: address, Dial: dial.TCP{Address: address, Silence: time.Second}.Dial,
	}}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- c.Run(ctx) }()
	defer func() {
		cancel()
		require.NoError(t, <-ran)
	}()
	first := <-conns
	require.NoError(t, log.Wait(t.Context(), func(_ []byte, events []serialcon.Event) bool {
		return len(events) > 0 && events[len(events)-1].Kind == serialcon.EventOpened
	}))
	vanish(t, first)
	second := <-conns
	_, err = second.Write([]byte("back"))
	require.NoError(t, err)
	require.NoError(t, log.Wait(t.Context(), func(b []byte, events []serialcon.Event) bool {
		closed := 0
		for _, e := range events {
			if e.Kind == serialcon.EventClosed {
				closed++
			}
		}
		return string(b) == "back" && closed == 1
	}))
	require.NoError(t, second.Close())
}

// A client that lost power is noticed by the server, which lets its line go.
func TestAClientThatVanishedIsNoticed(t *testing.T) {
	peer.NeedRoot(t)
	d := newDesk(t, func(s *telnet.Server) { s.Silence = time.Second })
	r := dialRaw(t, d.addr)
	vanish(t, r.Conn)
	port, err := patientUART{d.uart}.Open(t.Context())
	require.NoError(t, err)
	require.NoError(t, port.Close())
}

// patientUART opens a UART as soon as nobody has it.
type patientUART struct{ *serialcontest.UART }

func (o patientUART) Open(ctx context.Context) (port io.Closer, err error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if port, err = o.UART.Open(ctx); err == nil {
			return port, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-tick.C:
		}
	}
}
