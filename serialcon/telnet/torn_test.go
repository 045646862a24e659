package telnet

import (
	"bytes"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// dribble is a connection that takes so many bytes and then times out.
type dribble struct {
	net.Conn
	room int
	got  bytes.Buffer
}

func (d *dribble) SetWriteDeadline(time.Time) error { return nil }

func (d *dribble) Write(p []byte) (int, error) {
	n := min(d.room, len(p))
	d.room -= n
	d.got.Write(p[:n])
	if n < len(p) {
		return n, os.ErrDeadlineExceeded
	}
	return n, nil
}

// Wherever deadlines tear writes, the wire has every byte once, and answers
// and commands between whole units.
func TestDeadlinesTearNoUnit(t *testing.T) {
	data := []byte("a\xff\xffb\rc\r\n\xff")
	for room := 1; room < 8; room++ {
		d := &dribble{}
		p := &Port{conn: d}
		p.m.start(time.Now())
		p.m.out = append(p.m.out[:0], cmdIAC, cmdDONT, 24)
		for rest := data; len(rest) > 0; {
			d.room = room
			n, err := p.Write(rest)
			rest = rest[n:]
			if err != nil {
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			}
		}
		d.room = 100
		require.NoError(t, p.Break(t.Context(), time.Second))
		want := append([]byte{cmdIAC, cmdDONT, 24}, appendData(nil, data, false)...)
		require.Equal(t, string(append(want, cmdIAC, cmdBRK)), d.got.String(), "room for %d", room)
	}
}

func TestRepliesThatMakeNoSense(t *testing.T) {
	m := started(&Serial{Baud: 9600})
	m.receive(m.now, []byte("\xff\xfd\x2c"))
	for _, wire := range []string{
		"\xff\xfa\x2c\xff\xf0",                     // no command
		"\xff\xfa\x2c\x65\x00\x01\xff\xf0",         // half a rate
		"\xff\xfa\x2c\x6b\xff\xf0",                 // no modem state
		"\xff\xfa\x2c\x01\x00\x00\x25\x80\xff\xf0", // a client's command
		"\xff\xfa\x2c\xc8\x01\xff\xf0",             // unknown
		"\xff\xfa\x01\x65\x00\xff\xf0",             // another option
	} {
		require.Zero(t, m.receive(m.now, []byte(wire)), "%q", wire)
		require.Contains(t, m.pending, "baud rate", "%q", wire)
		require.Equal(t, lineState{}, m.state, "%q", wire)
	}
	m.receive(m.now, []byte("\xff\xfa\x2c\x69\x08\xff\xf0\xff\xfa\x2c\x69\x0b\xff\xf0"))
	require.Equal(t, serialcon.Lines{DTR: true, RTS: true}, m.state.lines)
}

func TestAServerThatAsksNotToSend(t *testing.T) {
	m := started(&Serial{})
	m.receive(m.now, []byte("\xff\xfd\x2c"))
	suspend, resume := []byte("\xff\xfa\x2c\x6c\xff\xf0"), []byte("\xff\xfa\x2c\x6d\xff\xf0")
	for range 3 {
		m.receive(m.now, bytes.Clone(suspend))
	}
	require.Len(t, m.notes, 1, "told once")
	m.receive(m.now, bytes.Clone(resume))
	m.receive(m.now, bytes.Clone(suspend))
	require.Len(t, m.notes, 2)
}

// Write waits while the server asks for it: up to a deadline, to the word to go
// on, or to Close. A BREAK and answers go out meanwhile.
func TestWriteHeedsTheServersFlowControl(t *testing.T) {
	suspend, resume := []byte{255, 250, 44, 108, 255, 240, 's'}, []byte{255, 250, 44, 109, 255, 240, 'r'}
	f := new(fake).serve(t)
	p := open(t, f, Config{Serial: &Serial{}})
	one := make([]byte, 1)
	f.send(t, suspend...)
	_, err := io.ReadFull(p, one)
	require.NoError(t, err)

	require.NoError(t, p.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
	n, err := p.Write([]byte("early"))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Zero(t, n)
	require.NoError(t, p.SetWriteDeadline(time.Time{}))

	written := make(chan error, 1)
	go func() {
		_, err := p.Write([]byte("late"))
		written <- err
	}()
	require.NoError(t, p.Break(t.Context(), time.Second))
	f.waitSaid("\xff\xf3")
	select {
	case <-written:
		require.FailNow(t, "written in spite of the server's word")
	default:
	}
	f.mu.Lock()
	require.Empty(t, f.line)
	f.mu.Unlock()

	f.send(t, resume...)
	_, err = io.ReadFull(p, one)
	require.NoError(t, err)
	require.NoError(t, <-written)
	got := make([]byte, 4)
	_, err = io.ReadFull(f, got)
	require.NoError(t, err)
	require.Equal(t, "late", string(got))

	f.send(t, suspend...)
	_, err = io.ReadFull(p, one)
	require.NoError(t, err)
	go func() {
		_, err := p.Write([]byte("never"))
		written <- err
	}()
	require.NoError(t, p.SetWriteDeadline(time.Now().Add(-time.Second)), "a deadline that is moved wakes it")
	require.ErrorIs(t, <-written, os.ErrDeadlineExceeded)
	require.NoError(t, p.SetWriteDeadline(time.Time{}))
	go func() {
		_, err := p.Write([]byte("never"))
		written <- err
	}()
	require.NoError(t, p.Close())
	require.ErrorIs(t, <-written, net.ErrClosed)
}

func TestAnOptionMayBeTakenBack(t *testing.T) {
	m := started(&Serial{})
	m.receive(m.now, []byte("\xff\xfb\x00\xff\xfd\x00\xff\xfd\x2c"))
	require.True(t, m.decoder.binary && m.binary() && m.comPort())
	m.out = nil
	m.receive(m.now, []byte("\xff\xfa\x2c\x6c\xff\xf0"))
	require.True(t, m.suspended())
	m.receive(m.now, []byte("\xff\xfc\x00\xff\xfe\x00\xff\xfe\x2c"))
	require.False(t, m.suspended())
	require.False(t, m.decoder.binary || m.binary() || m.comPort())
	require.Equal(t, "\xff\xfe\x00\xff\xfc\x00\xff\xfc\x2c", string(m.out), "each is confirmed")
}

func TestAConnectionThatEndsDuringOpen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = io.ReadFull(c, make([]byte, 12)) // its questions
			_ = c.Close()
		}
	}()
	_, err = Config{Address: l.Addr().String(), Timeout: time.Minute}.Open(t.Context())
	require.ErrorIs(t, err, io.EOF)
}
