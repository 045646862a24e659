package telnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
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
type raw struct {
	net.Conn
	got []byte
}

const hello = "\xff\xfb\x03\xff\xfd\x03\xff\xfb\x01\xff\xfb\x00\xff\xfd\x00\xff\xfd\x2c"

func dialRaw(t *testing.T, addr string) *raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	r := &raw{Conn: c}
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

// Our own client keeps a port's promises through our own server.
func TestTheServersLineKeepsThePromises(t *testing.T) {
	for _, c := range []telnet.Config{{}, {Serial: &telnet.Serial{Baud: 9600}}} {
		t.Run(c.String(), func(t *testing.T) {
			serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
				d := newDesk(t, nil)
				c.Address = d.addr
				return c, d.uart.Far()
			})
		})
	}
}

func TestDescriptorsBeyond1023(t *testing.T) {
	serialcontest.UseDescriptors(t)
	serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
		d := newDesk(t, nil)
		return telnet.Config{Address: d.addr, Serial: &telnet.Serial{}}, d.uart.Far()
	})
}

func TestCommandsAndAnswers(t *testing.T) {
	d := newDesk(t, func(s *telnet.Server) { s.Signature = "desk\xff" })
	r := dialRaw(t, d.addr)
	r.agree(t)
	for _, tt := range []struct{ name, say, want string }{
		{"signature", com(0), com(100, []byte("desk\xff")...)},
		{"a question about the rate", com(1, 0, 0, 0, 0), com(101, 0, 1, 0xc2, 0)},
		{"a rate with a 255 in it", com(1, 0, 0xff, 0, 0xff), com(101, 0, 0xff, 0, 0xff)},
		{"a rate that the line has not", com(1, 0, 0, 0x7a, 0x12), com(101, 0, 0xff, 0, 0xff)},
		{"data bits", com(2, 7) + com(2, 0), com(102, 7) + com(102, 7)},
		{"nine data bits", com(2, 9), com(102, 7)},
		{"parity", com(3, 4) + com(3, 0), com(103, 4) + com(103, 4)},
		{"no parity of the RFC", com(3, 6), com(103, 4)},
		{"stop bits", com(4, 2) + com(4, 0) + com(4, 9), com(104, 2) + com(104, 2) + com(104, 2)},
		{"flow control", com(5, 0) + com(5, 3) + com(5, 0), com(105, 1) + com(105, 3) + com(105, 3)},
		{"flow control inbound", com(5, 13) + com(5, 15) + com(5, 13), com(105, 16) + com(105, 15) + com(105, 15)},
		{"flow control by DCD", com(5, 17), com(105, 2)},
		{"modem lines", com(5, 7) + com(5, 9) + com(5, 7) + com(5, 8), com(105, 8) + com(105, 9) + com(105, 9) + com(105, 8)},
		{"RTS", com(5, 10) + com(5, 12) + com(5, 10) + com(5, 11), com(105, 11) + com(105, 12) + com(105, 12) + com(105, 11)},
		{"is there a BREAK", com(5, 4) + com(5, 6), com(105, 6) + com(105, 6)},
		{"masks", com(10, 0x1e) + com(11, 0xf0), com(110, 0x1e) + com(111, 0xf0)},
		{"states", com(6) + com(7), com(106, 0) + com(107, 0)},
		{"purge", com(12, 1) + com(12, 2) + com(12, 3), com(112, 1) + com(112, 2) + com(112, 3)},
		{
			"what makes no sense", "\xff\xfa\x2c\xff\xf0" + com(1, 1) + com(2) + com(5) + com(5, 20) + com(12) + com(12, 4) + com(13, 1) + com(101, 1) +
				"\xff\xfa\x18\x01\xff\xf0\xff\xf6" + com(4, 0), com(104, 2),
		},
		{"other options", "\xff\xfd\x18\xff\xfb\x1f\xff\xfd\x2c\xff\xfb\x01", "\xff\xfc\x18\xff\xfe\x1f\xff\xfc\x2c\xff\xfe\x01"},
	} {
		r.say(t, tt.say)
		r.expect(t, tt.want)
		t.Log(tt.name)
	}
	require.Equal(t, telnet.Serial{Baud: 0xff00ff, DataBits: 7, Parity: telnet.ParityMark, StopBits: telnet.StopTwo, Flow: telnet.FlowXonXoff}, d.settings.is())
	d.settings.mu.Lock()
	require.Equal(t, []string{"said", "written", "said", "written"}, d.settings.purges)
	d.settings.mu.Unlock()
	require.Equal(t, serialcon.Lines{DTR: true, RTS: true}, d.uart.Lines())
}

func TestSerialCommandsBeforeTheyAreAgreedOnAreNothing(t *testing.T) {
	d := newDesk(t, nil)
	r := dialRaw(t, d.addr)
	r.say(t, com(1, 0, 0, 0x25, 0x80)+com(5, 9)+"\xff\xfd\x18")
	r.expect(t, "\xff\xfc\x18")
	require.EqualValues(t, 115200, d.settings.is().Baud)
	require.True(t, d.uart.Lines().DTR)
}

func TestTheLinesStateIsTold(t *testing.T) {
	d := newDesk(t, nil)
	r := dialRaw(t, d.addr)
	r.agree(t)
	d.uart.SetInputs(serialcon.Lines{CTS: true, DSR: true, RI: true, CD: true})
	r.expect(t, com(107, 0xf0|0x0b))
	d.uart.SetInputs(serialcon.Lines{DSR: true})
	r.expect(t, com(107, 0x20|0x0d))
	r.say(t, com(11, 0x80))
	r.expect(t, com(111, 0x80))
	d.uart.SetInputs(serialcon.Lines{CTS: true})
	d.uart.SetInputs(serialcon.Lines{CTS: true, CD: true})
	r.expect(t, com(107, 0x80))

	r.say(t, com(10, 0x16))
	r.expect(t, com(110, 0x16))
	d.uart.Fault(serialcon.Counts{Parity: 1, Frame: 1})
	require.Equal(t, com(106, 0x04), r.sub(t), "framing errors were not asked for")
	d.uart.Fault(serialcon.Counts{Overrun: 1})
	require.Equal(t, com(106, 0x02), r.sub(t))
	d.uart.Fault(serialcon.Counts{BufferOverrun: 1})
	require.Equal(t, com(106, 0x02), r.sub(t))
	d.uart.BreakIn()
	require.Equal(t, com(106, 0x10), r.sub(t), "told once, though it is counted as well")
	d.uart.Fault(serialcon.Counts{Parity: 1})
	require.Equal(t, com(106, 0x04), r.sub(t))
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

func TestABreakAndBytesAroundIt(t *testing.T) {
	d := newDesk(t, nil)
	r := dialRaw(t, d.addr)
	r.agree(t)
	r.say(t, "before\xff\xf3after")
	eventually(t, func() bool { return string(d.uart.Typed()) == "beforeafter" })
	require.Equal(t, []time.Duration{serialcon.MinBreak}, d.uart.Breaks())
	r.say(t, com(5, 5)+com(5, 4)+com(5, 6)+com(5, 4))
	r.expect(t, com(105, 5)+com(105, 5)+com(105, 6)+com(105, 6))
	r.say(t, "typed")
	eventually(t, func() bool { return string(d.uart.Typed()) == "beforeaftertyped" })
}

func TestAClientThatAsksNotToSend(t *testing.T) {
	d := newDesk(t, nil)
	r := dialRaw(t, d.addr)
	r.agree(t)
	r.say(t, com(8)+com(12, 3))
	r.expect(t, com(112, 3))
	d.uart.Say([]byte("held"))
	require.NoError(t, d.uart.WaitTaken(t.Context()))
	r.say(t, com(12, 3)+com(12, 3))
	r.expect(t, com(112, 3)+com(112, 3))
	r.say(t, com(9))
	r.expect(t, "held")
	r.say(t, com(8)+"\xff\xfc\x2c") // and takes RFC 2217 back, which takes that back
	r.expect(t, "\xff\xfe\x2c")
	d.uart.Say([]byte("free"))
	r.expect(t, "free")
}

// A line that takes nothing makes the server ask the client not to send, and to
// go on when it takes bytes again. No byte is lost.
func TestALineThatTakesNothing(t *testing.T) {
	d := newDesk(t, nil)
	r := dialRaw(t, d.addr)
	r.agree(t)
	d.uart.Stop(true)
	block := bytes.Repeat([]byte("0123456789abcdef"), 3<<10) // 48 KiB
	_, err := r.Write(block)
	require.NoError(t, err)
	require.Equal(t, com(108), r.sub(t))
	d.uart.Stop(false)
	require.Equal(t, com(109), r.sub(t))
	eventually(t, func() bool { return len(d.uart.Typed()) == len(block) })
	require.Equal(t, block, d.uart.Typed())

	d.uart.Stop(true)
	_, err = r.Write(block)
	require.NoError(t, err)
	require.Equal(t, com(108), r.sub(t))
	r.say(t, com(12, 2))
	require.Equal(t, com(109), r.sub(t), "what was purged takes no room")
	require.Equal(t, com(112, 2), r.sub(t))
}

// A client that does not heed it is cut off before it takes memory.
func TestAClientThatFloodsALineThatTakesNothing(t *testing.T) {
	d := newDesk(t, func(s *telnet.Server) { s.Silence = 50 * time.Millisecond })
	r := dialRaw(t, d.addr)
	r.agree(t)
	d.uart.Stop(true)
	block := make([]byte, 64<<10)
	eventually(t, func() bool {
		_ = r.SetWriteDeadline(time.Now().Add(time.Second))
		_, err := r.Write(block)
		return err != nil && !errors.Is(err, context.DeadlineExceeded)
	})
}

func TestWhoMayConnect(t *testing.T) {
	refused := func(addr string) bool {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer func() { _ = c.Close() }()
		n, _ := c.Read(make([]byte, 1))
		return n == 0
	}
	for _, tt := range []struct {
		name   string
		allow  []netip.Prefix
		refuse bool
	}{
		{"this machine, by default", nil, false},
		{"nobody", []netip.Prefix{}, true},
		{"another network", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, true},
		{"this network", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("127.0.0.0/8")}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, func(s *telnet.Server) { s.Allow = tt.allow })
			require.Equal(t, tt.refuse, refused(d.addr))
			if tt.refuse {
				require.Zero(t, d.uart.Opens())
			}
		})
	}
	d := newDesk(t, func(s *telnet.Server) { s.MaxConns = 1 })
	first := dialRaw(t, d.addr)
	require.True(t, refused(d.addr), "the second")
	require.NoError(t, first.Close())
	eventually(t, func() bool { return !refused(d.addr) })
}

// stranger is a connection from an address of the test's.
type stranger struct {
	net.Conn
	from net.Addr
}

func (s stranger) RemoteAddr() net.Addr { return s.from }

// once accepts one connection.
type once struct {
	net.Listener
	conns chan net.Conn
}

func (o *once) Accept() (net.Conn, error) {
	if c, ok := <-o.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func TestOthersAreRefusedByDefault(t *testing.T) {
	for address, refuse := range map[string]bool{
		"192.0.2.1:1000": true, "[2001:db8::1]:1000": true, "[::ffff:192.0.2.1]:1000": true,
		"127.0.0.9:1000": false, "[::1]:1000": false, "[::ffff:127.0.0.1]:1000": false,
	} {
		t.Run(address, func(t *testing.T) {
			near, far := net.Pipe()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			o := &once{l, make(chan net.Conn, 1)}
			o.conns <- stranger{far, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))}
			s := &telnet.Server{Open: func(ctx context.Context, _ net.Addr) (io.ReadWriteCloser, error) {
				return new(serialcontest.UART).Open(ctx)
			}}
			served := make(chan error, 1)
			go func() { served <- s.Serve(t.Context(), o) }()
			n, _ := near.Read(make([]byte, 1))
			require.Equal(t, refuse, n == 0)
			require.NoError(t, near.Close())
			close(o.conns)
			require.ErrorIs(t, <-served, net.ErrClosed)
		})
	}
}

func TestALineThatEndsOrCannotBeOpened(t *testing.T) {
	d := newDesk(t, nil)
	r := dialRaw(t, d.addr)
	d.uart.Say([]byte("last words"))
	r.expect(t, "last words")
	d.uart.Unplug()
	_, err := io.ReadAll(r)
	require.NoError(t, err)
	c, err := net.Dial("tcp", d.addr)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Empty(t, got)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorContains(t, new(telnet.Server).Serve(t.Context(), l), "no Open function")
}

// A line of a virtual machine has no rate: what a client wants is granted.
func TestALineWithoutSettings(t *testing.T) {
	near, far := net.Pipe()
	defer func() { _ = near.Close() }()
	addr := serve(t, &telnet.Server{
		Serial: telnet.Serial{DataBits: 8},
		Open:   func(context.Context, net.Addr) (io.ReadWriteCloser, error) { return far, nil },
	})
	r := dialRaw(t, addr)
	r.say(t, "\xff\xfb\x2c")
	r.expect(t, com(107, 0xb0|0x0b))
	for _, tt := range []struct{ say, want string }{
		{com(1, 0, 0, 0, 0) + com(1, 0, 0, 0x25, 0x80) + com(1, 0, 0, 0, 0), com(101, 0, 0, 0, 0) + com(101, 0, 0, 0x25, 0x80) + com(101, 0, 0, 0x25, 0x80)},
		{com(2, 7) + com(2, 0), com(102, 8) + com(102, 8)},
		{com(3, 2) + com(4, 2) + com(5, 3), com(103, 2) + com(104, 2) + com(105, 3)},
		{com(5, 9) + com(5, 7) + com(5, 10), com(105, 9) + com(105, 9) + com(105, 11)},
		{com(5, 5) + com(12, 1), com(105, 6) + com(112, 1)},
	} {
		r.say(t, tt.say)
		r.expect(t, tt.want)
	}
	r.say(t, "x")
	_, err := io.ReadFull(near, make([]byte, 1))
	require.NoError(t, err)
}

func TestAConsoleByTelnet(t *testing.T) {
	u := new(serialcontest.UART)
	log := new(serialcontest.Log)
	c := &serialcon.Console{Name: "pi-042", Port: u, Log: log}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- c.Run(ctx) }()
	defer func() {
		cancel()
		require.NoError(t, <-ran)
	}()
	require.NoError(t, u.WaitOpen(t.Context()))
	addr := serve(t, &telnet.Server{
		Poll: 5 * time.Millisecond, Open: telnet.Attach(c, serialcon.AttachOptions{Mode: serialcon.ReadWrite}),
	})
	r := dialRaw(t, addr)
	r.say(t, "\xff\xfd\x03\xff\xfb\x03\xff\xfd\x01\xff\xfd\x00\xff\xfb\x00\xff\xfb\x2c")
	require.Contains(t, []string{com(107, 0xbb), com(107, 0xb0)}, r.sub(t), "the port is open")
	u.Say([]byte("login: \x1b[c"))
	r.expect(t, "login: \x1b[c")
	r.say(t, "root\r\x05c.")
	eventually(t, func() bool { return string(u.Typed()) == "root\r\x05c." })
	require.Contains(t, c.Viewers()[0].Who, "telnet 127.0.0.1:")

	r.say(t, com(10, 0xff)+com(5, 5)+com(5, 6)+com(5, 9))
	r.expect(t, com(110, 0xff)+com(105, 5)+com(105, 6)+com(105, 9))
	eventually(t, func() bool { return len(u.Breaks()) == 1 })
	require.NoError(t, log.Wait(t.Context(), func(_ []byte, events []serialcon.Event) bool {
		for _, e := range events {
			if e.Kind == serialcon.EventBreakSent {
				return e.N == serialcon.MinBreak.Milliseconds()
			}
		}
		return false
	}))
	u.BreakIn()
	require.Equal(t, com(106, 0x10), r.sub(t))

	second := dialRaw(t, addr)
	second.say(t, "\xff\xfd\x00\xff\xfb\x00no\xff\xf3")
	u.Say([]byte("x\x1b[cy"))
	second.expect(t, "xy")
	r.expect(t, "x\x1b[cy")
	require.Equal(t, "root\r\x05c.", string(u.Typed()), "it waits for the writer's place")
	require.Len(t, u.Breaks(), 1)

	u.Unplug()
	require.Equal(t, com(107, 0x0b), r.sub(t), "the lines drop, the client stays")
	u.Plug()
	require.Equal(t, com(107, 0xbb), r.sub(t))
	require.NoError(t, r.Close())
	eventually(t, func() bool { return len(c.Viewers()) == 1 })
}
