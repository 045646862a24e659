package telnet_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

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

func TestSerialCommandsThatWereRefusedAreNothing(t *testing.T) {
	d := newDesk(t, nil)
	r := dialRaw(t, d.addr)
	r.say(t, "\xff\xfc\x2c"+com(1, 0, 0, 0x25, 0x80)+com(5, 9)+"\xff\xfd\x18") // WONT COM-PORT-OPTION
	r.expect(t, "\xff\xfc\x18")
	require.EqualValues(t, 115200, d.settings.is().Baud)
	require.True(t, d.uart.Lines().DTR)
}

// Pyserial may take our DO for the answer to a WILL that it has not said yet, and
// then not say it; its own DO is refused, as ever.
func TestSerialCommandsInPlaceOfAnAnswerAreOne(t *testing.T) {
	d := newDesk(t, nil)
	r := dialRaw(t, d.addr)
	r.say(t, "\xff\xfd\x2c"+com(1, 0, 0, 0xe1, 0))
	r.expect(t, "\xff\xfc\x2c")
	r.expect(t, com(107, 0)+com(101, 0, 0, 0xe1, 0))
	require.EqualValues(t, 57600, d.settings.is().Baud)
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
