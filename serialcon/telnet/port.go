package telnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

const (
	maxOut   = 64 << 10 // answers that the server does not take
	chunk    = 16 << 10
	courtesy = 50 * time.Millisecond // a read's patience with a server that takes no answers
)

var errDeaf = errors.New("telnet: the server asks and does not read the answers")

// Port is an open telnet connection.
type Port struct {
	conn net.Conn
	raw  syscall.RawConn // nil: not a socket

	typing  sync.Mutex // held by Write, so that its bytes stay together
	writing sync.Mutex // held while bytes go out, by one call

	mu       sync.Mutex // guards what follows; never held while waiting
	m        machine
	early    []byte // said while Open negotiated
	notify   func(serialcon.Event)
	deadline time.Time // of writes
	answers  bool      // the connection's write deadline is that of answers
	closed   bool
	changed  chan struct{} // closed when held, deadline or closed changes
}

var (
	_ serialcon.Port       = (*Port)(nil)
	_ serialcon.Breaker    = (*Port)(nil)
	_ serialcon.ModemLines = (*Port)(nil)
	_ serialcon.Counters   = (*Port)(nil)
	_ serialcon.Notifier   = (*Port)(nil)
)

// Read returns bytes of the line.
func (p *Port) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if n := p.takeEarly(b); n > 0 {
		return n, nil
	}
	for {
		n, err := p.conn.Read(b)
		n, deaf := p.receive(b[:n])
		if err == nil {
			err = deaf
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// takeEarly gives what the line said while Open negotiated.
func (p *Port) takeEarly(b []byte) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := copy(b, p.early)
	if p.early = p.early[n:]; len(p.early) == 0 {
		p.early = nil
	}
	return n
}

// receive decodes b in place, answers and tells.
func (p *Port) receive(b []byte) (int, error) {
	p.mu.Lock()
	held := p.m.suspended()
	n := p.m.receive(time.Now(), b)
	if held && !p.m.suspended() {
		p.wake()
	}
	answer, deaf := len(p.m.out) > 0, len(p.m.out) > maxOut
	notes, notify := p.m.notes, p.notify
	if notify != nil {
		p.m.notes = nil
	}
	p.mu.Unlock()
	if notify != nil {
		for _, e := range notes {
			notify(e)
		}
	}
	if deaf {
		return n, errDeaf
	}
	if answer {
		p.answer()
	}
	return n, nil
}

// answer sends what is to be sent, unless a Write is at it, which then does so
// itself. It does not wait long: the line is read whatever the server does.
func (p *Port) answer() {
	if !p.writing.TryLock() {
		return
	}
	defer p.writing.Unlock()
	p.mu.Lock()
	p.answers = true
	_ = p.conn.SetWriteDeadline(time.Now().Add(courtesy))
	p.mu.Unlock()
	_, _ = p.flush(nil) // what is left goes before the next bytes
	p.mu.Lock()
	p.answers = false
	_ = p.conn.SetWriteDeadline(p.deadline)
	p.mu.Unlock()
}

// Write sends bytes to the line. While the server asks not to send
// (FLOWCONTROL-SUSPEND of RFC 2217) it waits, up to the write deadline; somebody
// must be reading, since the word to go on comes that way.
func (p *Port) Write(b []byte) (int, error) {
	p.typing.Lock()
	defer p.typing.Unlock()
	done := 0
	for done < len(b) {
		if err := p.awaitResume(); err != nil {
			return done, err
		}
		n, err := p.writeChunk(b[done:min(done+chunk, len(b))])
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

func (p *Port) writeChunk(b []byte) (int, error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	n, err := p.flush(b)
	if err == nil {
		_, _ = p.flush(nil) // answers that a reader left to us; what is left goes next time
	}
	return n, err
}

// flush sends what waits and then data, and returns how much of data went. It
// is called with writing held.
func (p *Port) flush(data []byte) (int, error) {
	p.mu.Lock()
	first, bin := p.m.out, p.m.binary()
	p.m.out = nil
	p.mu.Unlock()
	if len(first)+len(data) == 0 {
		return 0, nil
	}
	n, err := p.conn.Write(appendData(first[:len(first):len(first)], data, bin))
	if err == nil {
		return len(data), nil
	}
	count, rest := 0, first[min(n, len(first)):]
	if n > len(first) {
		count, rest = sent(data, n-len(first), bin)
	}
	p.mu.Lock()
	p.m.out = append(rest[:len(rest):len(rest)], p.m.out...)
	p.mu.Unlock()
	return count, err
}

// send queues a command by fn and sends it.
func (p *Port) send(fn func()) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.mu.Lock()
	fn()
	p.mu.Unlock()
	_, err := p.flush(nil)
	return err
}

// Break sends IAC BRK. How long the BREAK is, the server decides; it sends none
// if ctx has ended.
func (p *Port) Break(ctx context.Context, _ time.Duration) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("telnet: send a BREAK: %w", err)
	}
	if err := p.send(func() { p.m.out = append(p.m.out, cmdIAC, cmdBRK) }); err != nil {
		return fmt.Errorf("telnet: send a BREAK: %w", err)
	}
	return nil
}

// Lines are the modem lines as the server told them last. Without RFC 2217 it
// returns errors.ErrUnsupported.
func (p *Port) Lines() (serialcon.Lines, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.m.comPort() {
		return serialcon.Lines{}, fmt.Errorf("telnet: modem lines without RFC 2217: %w", errors.ErrUnsupported)
	}
	return p.m.state.lines, nil
}

// SetLines asks the server to set DTR and RTS. It does not wait for the answer.
func (p *Port) SetLines(dtr, rts bool) error {
	if _, err := p.Lines(); err != nil {
		return err
	}
	if err := p.send(func() { p.m.setLines(dtr, rts) }); err != nil {
		return fmt.Errorf("telnet: set modem lines: %w", err)
	}
	return nil
}

// Counters are the errors that the server told of since Open. Without RFC 2217
// it returns errors.ErrUnsupported.
func (p *Port) Counters() (serialcon.Counts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.m.comPort() {
		return serialcon.Counts{}, fmt.Errorf("telnet: counters without RFC 2217: %w", errors.ErrUnsupported)
	}
	return p.m.state.counts, nil
}

// Purge asks the server to drop what it holds: what the line said, and what was
// written. It does not wait. Without RFC 2217 it returns errors.ErrUnsupported.
func (p *Port) Purge(said, written bool) error {
	if _, err := p.Counters(); err != nil {
		return err
	}
	var which byte
	if said {
		which |= 1
	}
	if written {
		which |= 2
	}
	if which == 0 {
		return nil
	}
	if err := p.send(func() { p.m.out = appendSub(p.m.out, comPurge, which) }); err != nil {
		return fmt.Errorf("telnet: purge: %w", err)
	}
	return nil
}

// Notify says whom to tell of BREAKs that came in, and of settings that the
// server left unanswered or chose otherwise; those of Open are told at once.
func (p *Port) Notify(fn func(serialcon.Event)) {
	p.mu.Lock()
	notes := p.m.notes
	p.m.notes, p.notify = nil, fn
	p.mu.Unlock()
	for _, e := range notes {
		fn(e)
	}
}

// SetReadDeadline implements serialcon.Port.
func (p *Port) SetReadDeadline(t time.Time) error { return p.conn.SetReadDeadline(t) }

// SetWriteDeadline implements serialcon.Port. Bytes of a Write that it ends are
// counted as written when their first half is out; the rest follows.
func (p *Port) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	p.wake()
	if p.answers {
		return nil // set when they are out
	}
	return p.conn.SetWriteDeadline(t)
}

// Close ends the connection.
func (p *Port) Close() error {
	_ = p.conn.Close() // what was on its way is lost with the line
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.wake()
	return nil
}
