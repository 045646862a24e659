package telnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

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

// slow is a line that takes its time with each Write, and notes what is done.
type slow struct {
	net.Conn
	mu      sync.Mutex
	done    []string
	writing chan struct{} // a Write began
}

func (s *slow) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, what)
}

func (s *slow) Write(p []byte) (int, error) {
	select {
	case s.writing <- struct{}{}:
	default:
	}
	timer := time.NewTimer(20 * time.Millisecond)
	defer timer.Stop()
	<-timer.C
	s.note(string(p))
	return len(p), nil
}

func (s *slow) Break(context.Context, time.Duration) error {
	s.note("BREAK")
	return nil
}

func (s *slow) SetSerial(_ context.Context, w telnet.Serial) (telnet.Serial, error) {
	if w != (telnet.Serial{}) {
		s.note("set")
	}
	return w, nil
}

func (s *slow) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.done, " ")
}

func serveSlow(t *testing.T) (*slow, *raw) {
	t.Helper()
	_, far := net.Pipe()
	line := &slow{Conn: far, writing: make(chan struct{}, 1)}
	r := dialRaw(t, serve(t, &telnet.Server{Open: func(context.Context, net.Addr) (io.ReadWriteCloser, error) { return line, nil }}))
	r.say(t, "\xff\xfb\x2c")
	r.expect(t, com(107, 0xb0|0x0b))
	return line, r
}

// Bytes, BREAKs and settings reach a slow line in the order of the wire.
func TestOrder(t *testing.T) {
	line, r := serveSlow(t)
	r.say(t, "one\xff\xf3two"+com(1, 0, 0, 0x25, 0x80)+"three"+com(5, 5)+"four")
	eventually(t, func() bool { return strings.HasSuffix(line.all(), "four") })
	require.Equal(t, "one BREAK two set three BREAK four", line.all())
}

// What a client sent before it went is written.
func TestLastWords(t *testing.T) {
	line, r := serveSlow(t)
	r.say(t, "one")
	<-line.writing
	r.say(t, "two")
	require.NoError(t, r.Close())
	eventually(t, func() bool { return line.all() == "one two" })
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
		return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
	})
}
