package telnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

func open(t *testing.T, f *fake, c Config) *Port {
	t.Helper()
	c.Address = f.addr
	p, err := c.Open(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p.(*Port)
}

func events(p *Port) (got []serialcon.Event) {
	p.Notify(func(e serialcon.Event) { got = append(got, e) })
	return got
}

func TestTelnetKeepsThePromises(t *testing.T) {
	serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
		f := new(fake).serve(t)
		return Config{Address: f.addr}, f
	})
}

func TestRFC2217KeepsThePromises(t *testing.T) {
	serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
		f := new(fake).serve(t)
		return Config{Address: f.addr, Serial: &Serial{Baud: 115200}}, f
	})
}

func TestSettingsGoOut(t *testing.T) {
	f := new(fake).serve(t)
	p := open(t, f, Config{Serial: &Serial{Baud: 0xff00ff, DataBits: 7, Parity: ParityMark, StopBits: StopTwo, Flow: FlowHardware}})
	for _, want := range []string{"\x2c\x01\x00\xff\x00\xff", "\x2c\x02\x07", "\x2c\x03\x04", "\x2c\x04\x02", "\x2c\x05\x03"} {
		f.waitSaid(want)
	}
	require.Empty(t, events(p), "all was answered")
	require.NoError(t, p.SetLines(true, false))
	f.waitSaid("\x2c\x05\x08")
	f.waitSaid("\x2c\x05\x0c")
	require.NoError(t, p.Purge(true, true))
	f.waitSaid("\x2c\x0c\x03")
	require.NoError(t, p.Purge(false, false))
	require.NoError(t, p.Break(t.Context(), time.Second))
	f.waitSaid("\xff\xf3")
}

func TestAnUnansweredSettingIsToldAndPassedOver(t *testing.T) {
	f := (&fake{mute: map[byte]bool{comBaud: true}, choose: map[byte][]byte{comDataSize: {7}}}).serve(t)
	p := open(t, f, Config{Serial: &Serial{Baud: 9600, DataBits: 8, Parity: ParityNone}, Timeout: 100 * time.Millisecond})
	var texts []string
	for _, e := range events(p) {
		require.Equal(t, serialcon.EventNote, e.Kind)
		texts = append(texts, e.Text)
	}
	require.ElementsMatch(t, []string{
		"the server did not answer: baud rate",
		"the server has data bits at 7; 8 was asked for",
	}, texts)
}

func TestAServerWithoutRFC2217(t *testing.T) {
	for name, f := range map[string]*fake{"refuses": {refuse: map[byte]bool{44: true}}, "says nothing": {silent: true}} {
		t.Run(name, func(t *testing.T) {
			f.serve(t)
			_, err := Config{Address: f.addr, Serial: &Serial{}, Timeout: 50 * time.Millisecond}.Open(t.Context())
			require.ErrorIs(t, err, ErrNoRFC2217)
			require.ErrorContains(t, err, "rfc2217 "+f.addr)
		})
	}
	f := new(fake).serve(t)
	p := open(t, f, Config{})
	_, err := p.Lines()
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorIs(t, p.SetLines(true, true), errors.ErrUnsupported)
	_, err = p.Counters()
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorIs(t, p.Purge(true, false), errors.ErrUnsupported)
}

func TestASilentServerIsUsedAllTheSame(t *testing.T) {
	f := (&fake{silent: true, greet: []byte("login: ")}).serve(t)
	p := open(t, f, Config{Timeout: 50 * time.Millisecond})
	require.Len(t, events(p), 2)
	buf := make([]byte, 7)
	_, err := io.ReadFull(p, buf)
	require.NoError(t, err)
	require.Equal(t, "login: ", string(buf))
	_, err = p.Write([]byte("root\r"))
	require.NoError(t, err)
	got := make([]byte, 6)
	_, err = io.ReadFull(f, got)
	require.NoError(t, err)
	require.Equal(t, "root\r\x00", string(got), "no BINARY mode was agreed on")
}

func TestLineStateBecomesEventsAndLines(t *testing.T) {
	f := new(fake).serve(t)
	p := open(t, f, Config{Serial: &Serial{}})
	var got []serialcon.Event
	p.Notify(func(e serialcon.Event) { got = append(got, e) })
	f.send(t, 255, 250, 44, 107, 0xb0, 255, 240, 255, 250, 44, 106, 0x1e, 255, 240, 255, 250, 44, 106, 0x18, 255, 240, 'x')
	_, err := io.ReadFull(p, make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, p.Close())
	lines, err := p.Lines()
	require.NoError(t, err)
	require.Equal(t, serialcon.Lines{CD: true, DSR: true, CTS: true}, lines)
	counts, err := p.Counters()
	require.NoError(t, err)
	require.Equal(t, serialcon.Counts{Overrun: 1, Parity: 1, Frame: 2, Break: 2}, counts)
	var breaks int64
	for _, e := range got {
		require.Equal(t, serialcon.EventBreakIn, e.Kind)
		breaks += e.N
	}
	require.EqualValues(t, 2, breaks)
}

func TestOpenEndsWithItsContext(t *testing.T) {
	f := (&fake{silent: true}).serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := Config{Address: f.addr, Timeout: time.Hour}.Open(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestSettingsThatCannotBe(t *testing.T) {
	for _, s := range []Serial{{DataBits: 9}, {DataBits: 4}, {Parity: 6}, {StopBits: 4}, {Flow: 4}} {
		_, err := Config{Address: "127.0.0.1:1", Serial: &s}.Open(t.Context())
		require.ErrorContains(t, err, "want")
	}
}

// A server that asks for ever and reads no answer must not stop the reader.
func TestAServerThatAsksAndDoesNotRead(t *testing.T) {
	c := new(machine)
	c.start(time.Now())
	flood := bytes.Repeat([]byte{255, 253, 24, 255, 251, 24}, 64<<10)
	require.Zero(t, c.receive(time.Now(), flood))
	require.Greater(t, len(c.out), maxOut, "refused each time, as RFC 1143 has it; Read then gives the connection up")
	f := new(fake).serve(t)
	p := open(t, f, Config{})
	p.m.out = c.out
	_, err := p.receive(nil)
	require.ErrorIs(t, err, errDeaf)
}
