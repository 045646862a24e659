package telnet

import (
	"bytes"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// fake is a server whose line is its Read and Write. It takes one connection,
// and parses the wire in its own way: plainly, with all of it in memory.
type fake struct {
	mute   map[byte]bool   // commands of RFC 2217 that get no answer
	choose map[byte][]byte // what is answered instead of what was asked
	refuse map[byte]bool   // options
	silent bool            // says nothing at all
	greet  []byte          // sent first

	conn func() net.Conn
	addr string

	mu   sync.Mutex
	more *sync.Cond
	wire []byte // not parsed yet
	line []byte
	said []string // commands that came, readable
	dead bool
}

func (f *fake) serve(t *testing.T) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f.more = sync.NewCond(&f.mu)
	f.addr = l.Addr().String()
	got := make(chan net.Conn, 1)
	f.conn = sync.OnceValue(func() net.Conn { return <-got })
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	go func() {
		defer close(done)
		defer close(got)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		if !f.silent {
			_, _ = c.Write([]byte{255, 251, 3, 255, 253, 3, 255, 251, 1, 255, 254, 1, 255, 253, 0, 255, 251, 0})
		}
		_, _ = c.Write(f.greet)
		got <- c
		f.read(c)
	}()
	return f
}

func (f *fake) read(c net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		f.mu.Lock()
		f.wire = append(f.wire, buf[:n]...)
		var answers []byte
		for f.parse(&answers) {
		}
		f.dead = err != nil
		f.more.Broadcast()
		f.mu.Unlock()
		_, _ = c.Write(answers)
		if err != nil {
			return
		}
	}
}

// parse takes one thing off the wire.
func (f *fake) parse(answers *[]byte) bool {
	w := f.wire
	switch {
	case len(w) == 0 || w[0] == 255 && len(w) < 2:
		return false
	case w[0] != 255:
		f.line, f.wire = append(f.line, w[0]), w[1:]
		return true
	case w[1] == 255:
		f.line, f.wire = append(f.line, 255), w[2:]
		return true
	case w[1] == 250:
		return f.sub(answers)
	case w[1] < 251:
		f.said, f.wire = append(f.said, string(w[:2])), w[2:]
		return true
	case len(w) < 3:
		return false
	}
	f.said, f.wire = append(f.said, string(w[:3])), w[3:]
	if w[1] == 251 && w[2] == 44 && !f.silent {
		verb := byte(253)
		if f.refuse[44] {
			verb = 254
		}
		*answers = append(*answers, 255, verb, 44)
	}
	return true
}

func (f *fake) sub(answers *[]byte) bool {
	end := bytes.Index(bytes.ReplaceAll(f.wire, []byte{255, 255}, []byte{0, 0}), []byte{255, 240})
	if end < 0 {
		return false
	}
	body := bytes.ReplaceAll(f.wire[2:end], []byte{255, 255}, []byte{255})
	f.wire = f.wire[end+2:]
	f.said = append(f.said, string(body))
	if f.mute[body[1]] {
		return true
	}
	value := body[2:]
	if v, ok := f.choose[body[1]]; ok {
		value = v
	}
	*answers = append(*answers, 255, 250, 44, body[1]+100)
	*answers = append(*answers, bytes.ReplaceAll(value, []byte{255}, []byte{255, 255})...)
	*answers = append(*answers, 255, 240)
	return true
}

// waitSaid waits until a command came.
func (f *fake) waitSaid(want string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		if slices.Contains(f.said, want) {
			return
		}
		f.more.Wait()
	}
}

// send writes to the wire as it is.
func (f *fake) send(t *testing.T, wire ...byte) {
	t.Helper()
	_, err := f.conn().Write(wire)
	require.NoError(t, err)
}

func (f *fake) Read(p []byte) (int, error) {
	f.conn()
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.line) == 0 {
		if f.dead {
			return 0, net.ErrClosed
		}
		f.more.Wait()
	}
	n := copy(p, f.line)
	f.line = f.line[n:]
	return n, nil
}

func (f *fake) Write(p []byte) (int, error) {
	if _, err := f.conn().Write(bytes.ReplaceAll(p, []byte{255}, []byte{255, 255})); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *fake) Close() error { return f.conn().Close() }
