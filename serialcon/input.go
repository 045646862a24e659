package serialcon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// The lengths that a BREAK may have, and the one that zero means. Shorter ones
// are not seen by every UART, longer ones keep the port from talking.
const (
	MinBreak = 500 * time.Millisecond
	MaxBreak = 3 * time.Second
)

// writeTimeout bounds a write to a port that takes nothing (flow control).
const writeTimeout = 10 * time.Second

// Write takes what a person types: escapes become commands, the rest goes to
// the port. Input that cannot go there, because the session does not hold the
// writer's place or the port is not open, is dropped and counted (Dropped), and
// is no error. Write fails with ErrDetached once the session has ended.
func (s *Session) Write(p []byte) (int, error) {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	for rest := p; len(rest) > 0; {
		if s.ended() {
			return len(p) - len(rest), ErrDetached
		}
		var send []byte
		var cmd command
		send, cmd, rest = s.filter.next(rest)
		if len(send) > 0 {
			s.typed(send)
		}
		if cmd != cmdNone {
			s.do(cmd)
		}
	}
	return len(p), nil
}

func (s *Session) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// typed sends what a person typed, and tells once when nothing becomes of it.
func (s *Session) typed(p []byte) {
	n, err := s.Send(s.ctx, p)
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if err == nil {
		s.refused = false
		return
	}
	s.dropped += int64(len(p) - n)
	if s.may == ReadWrite && !s.refused && !s.closed {
		s.refused = true
		s.announce("your input is dropped: " + reason(err))
	}
}

func reason(err error) string {
	switch {
	case errors.Is(err, ErrReadOnly):
		return "somebody else is typing"
	case errors.Is(err, ErrDown):
		return "the port is not open"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "the port takes nothing"
	}
	return "the port fails"
}

// Send writes to the port as it is: no byte is a command. It fails with
// ErrReadOnly without the writer's place, with ErrDown while the port is not
// open, and with os.ErrDeadlineExceeded if the port takes nothing for ten
// seconds.
func (s *Session) Send(ctx context.Context, p []byte) (int, error) {
	c := s.c
	port, pace, free, err := s.claim(ctx)
	if err != nil {
		return 0, err
	}
	defer free()
	if pace != nil {
		pace(true)
	}
	_ = port.SetWriteDeadline(time.Now().Add(writeTimeout))
	stop := onDone(ctx, func() { _ = port.SetWriteDeadline(time.Unix(1, 0)) })
	n, err := port.Write(p)
	stop()
	c.mu.Lock()
	c.stats.BytesOut += int64(n)
	c.mu.Unlock()
	if err != nil {
		return n, fmt.Errorf("serialcon: write to %s: %w", c.Name, err)
	}
	return n, nil
}

// onDone calls fn when ctx ends. After stop, fn does not run and is not running.
func onDone(ctx context.Context, fn func()) (stop func()) {
	ran := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(ran)
		fn()
	})
	return func() {
		if !cancel() {
			<-ran
		}
	}
}

// claim gives the session the port for one write or BREAK.
func (s *Session) claim(ctx context.Context) (port Port, pace func(typed bool), free func(), err error) {
	c := s.c
	select {
	case c.out <- struct{}{}:
	case <-s.done:
		return nil, nil, nil, ErrDetached
	case <-ctx.Done():
		return nil, nil, nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case s.closed:
		err = ErrDetached
	case c.writer != s:
		err = ErrReadOnly
	case c.port == nil:
		err = fmt.Errorf("%w: %s", ErrDown, c.Name)
	default:
		return c.port, c.pace, func() { <-c.out }, nil
	}
	<-c.out
	return nil, nil, nil, err
}

// Break sends a BREAK of that length, at least MinBreak and at most MaxBreak;
// zero means MinBreak. The writer may, and everybody is told. It fails as Send
// does, and with ErrNoBreak if the port has no BREAK.
func (s *Session) Break(ctx context.Context, d time.Duration) error {
	d = min(max(d, MinBreak), MaxBreak)
	port, _, free, err := s.claim(ctx)
	if err != nil {
		return err
	}
	defer free()
	b, ok := port.(Breaker)
	if !ok {
		return fmt.Errorf("%w: %s", ErrNoBreak, s.c.Name)
	}
	if err := b.Break(ctx, d); err != nil {
		return fmt.Errorf("serialcon: send a BREAK to %s: %w", s.c.Name, err)
	}
	e := s.event(EventBreakSent, "")
	e.N = d.Milliseconds()
	s.c.post(e)
	return nil
}
