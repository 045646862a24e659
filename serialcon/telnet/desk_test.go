package telnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

// settable is a UART's port whose settings can be changed.
type settable struct {
	uartPort
	*settings
}

type uartPort interface {
	serialcon.Port
	serialcon.Breaker
	serialcon.ModemLines
	serialcon.Counters
	serialcon.Notifier
}

type settings struct {
	mu     sync.Mutex
	now    telnet.Serial
	purges []string
}

// badRate is one that the line does not take.
const badRate = 31250

var errRate = errors.New("no such rate")

func (s *settings) SetSerial(_ context.Context, w telnet.Serial) (telnet.Serial, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.Baud == badRate {
		return s.now, errRate
	}
	s.now = telnet.Serial{
		Baud: or(w.Baud, s.now.Baud), DataBits: or(w.DataBits, s.now.DataBits), Parity: or(w.Parity, s.now.Parity),
		StopBits: or(w.StopBits, s.now.StopBits), Flow: or(w.Flow, s.now.Flow),
	}
	return s.now, nil
}

func (s *settings) Purge(said, written bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if said {
		s.purges = append(s.purges, "said")
	}
	if written {
		s.purges = append(s.purges, "written")
	}
	return nil
}

func (s *settings) is() telnet.Serial {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// desk is a server on loopback whose line is a UART.
type desk struct {
	uart     *serialcontest.UART
	settings *settings
	addr     string
}

// serve runs a server until the test ends.
func serve(t *testing.T, s *telnet.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-served, context.Canceled)
	})
	return l.Addr().String()
}

func newDesk(t *testing.T, set func(*telnet.Server)) *desk {
	t.Helper()
	d := &desk{uart: new(serialcontest.UART), settings: &settings{now: telnet.Serial{
		Baud: 115200, DataBits: 8, Parity: telnet.ParityNone, StopBits: telnet.StopOne, Flow: telnet.FlowNone,
	}}}
	s := &telnet.Server{
		Poll: 5 * time.Millisecond,
		Open: func(ctx context.Context, _ net.Addr) (io.ReadWriteCloser, error) {
			p, err := d.uart.Open(ctx)
			if err != nil {
				return nil, err
			}
			return settable{p.(uartPort), d.settings}, nil
		},
	}
	if set != nil {
		set(s)
	}
	d.addr = serve(t, s)
	return d
}

// raw is a client that says what a test wants it to.
type raw struct{ net.Conn }

const hello = "\xff\xfb\x03\xff\xfd\x03\xff\xfb\x01\xff\xfb\x00\xff\xfd\x00\xff\xfd\x2c"

func dialRaw(t *testing.T, addr string) *raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	r := &raw{c}
	r.expect(t, hello)
	return r
}

// agree agrees to everything.
func (r *raw) agree(t *testing.T) {
	t.Helper()
	r.say(t, "\xff\xfd\x03\xff\xfb\x03\xff\xfd\x01\xff\xfd\x00\xff\xfb\x00\xff\xfb\x2c")
	r.expect(t, com(107, 0x00))
}

func (r *raw) say(t *testing.T, wire string) {
	t.Helper()
	_, err := io.WriteString(r, wire)
	require.NoError(t, err)
}

// expect reads what comes next.
func (r *raw) expect(t *testing.T, wire string) {
	t.Helper()
	require.NoError(t, r.SetReadDeadline(time.Now().Add(30*time.Second)))
	got := make([]byte, len(wire))
	n, err := io.ReadFull(r, got)
	require.NoError(t, err, "want %q, got %q", wire, got[:n])
	require.Equal(t, wire, string(got))
}

// com is a subnegotiation of RFC 2217.
func com(command byte, value ...byte) string {
	return "\xff\xfa\x2c" + string([]byte{command}) +
		string(bytes.ReplaceAll(value, []byte{255}, []byte{255, 255})) + "\xff\xf0"
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, time.Minute, time.Millisecond)
}

// sub reads a subnegotiation.
func (r *raw) sub(t *testing.T) string {
	t.Helper()
	require.NoError(t, r.SetReadDeadline(time.Now().Add(30*time.Second)))
	var got []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(got, []byte("\xff\xf0")) {
		_, err := io.ReadFull(r, one)
		require.NoError(t, err, "%q", got)
		got = append(got, one...)
	}
	return string(got)
}
