package sshd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// A session is a channel on which a shell or a command runs, once.
type session struct {
	c       *conn
	ch      ssh.Channel
	pty     bool
	started bool
	group   sync.WaitGroup // of the program and BREAKs
	viewer  atomic.Pointer[serialcon.Session]
	in, out atomic.Int64
	typed   chan struct{} // the client typed something
	breaks  atomic.Bool   // one is on its way
}

func newSession(c *conn, ch ssh.Channel) *session {
	return &session{c: c, ch: ch, typed: make(chan struct{}, 1)}
}

// serve answers requests until the channel is closed.
func (s *session) serve(ctx context.Context, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(ctx)
	defer s.group.Wait()
	defer cancel()
	defer func() { _ = s.ch.Close() }()
	for r := range requests {
		run, err := s.request(ctx, r)
		if err != nil {
			s.c.s.audit(s.c.entry(AuditRefused, "request "+r.Type, err))
		}
		if r.WantReply {
			_ = r.Reply(err == nil, nil)
		}
		if run != nil {
			s.group.Go(func() { s.exit(run()) })
		}
	}
}

// request does what is asked for at once, and returns what takes its time once
// the request was answered.
func (s *session) request(ctx context.Context, r *ssh.Request) (run func() uint32, err error) {
	switch r.Type {
	case "pty-req":
		var want ptyRequest
		if err := ssh.Unmarshal(r.Payload, &want); err != nil {
			return nil, fmt.Errorf("sshd: pty-req: %w", err)
		}
		s.pty = true
		return nil, nil
	case "window-change": // a serial line has no size to tell
		return nil, nil
	case "shell":
		return s.start(func() uint32 { return s.attach(ctx, attachFlags{}) })
	case "exec":
		var want struct{ Command string }
		if err := ssh.Unmarshal(r.Payload, &want); err != nil {
			return nil, fmt.Errorf("sshd: exec: %w", err)
		}
		return s.start(func() uint32 { return s.exec(ctx, want.Command) })
	case "break":
		var want struct{ Milliseconds uint32 }
		if err := ssh.Unmarshal(r.Payload, &want); err != nil {
			return nil, fmt.Errorf("sshd: break: %w", err)
		}
		return nil, s.sendBreak(ctx, time.Duration(want.Milliseconds)*time.Millisecond)
	}
	return nil, errors.New("sshd: not supported")
}

// ptyRequest is RFC 4254, 6.2.
type ptyRequest struct {
	Term                         string
	Columns, Rows, Width, Height uint32
	Modes                        string
}

func (s *session) start(run func() uint32) (func() uint32, error) {
	if s.started {
		return nil, errors.New("sshd: the session runs something already")
	}
	s.started = true
	return run, nil
}

// exit tells the client how its program ended.
func (s *session) exit(status uint32) {
	_ = s.ch.CloseWrite()
	_, _ = s.ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
	_ = s.ch.Close()
}

// sendBreak starts a BREAK (RFC 4335), of which there is one at a time. An
// answer to the client says that it was begun.
func (s *session) sendBreak(ctx context.Context, d time.Duration) error {
	viewer := s.viewer.Load()
	switch {
	case viewer == nil:
		return errors.New("sshd: break: no console is attached")
	case viewer.Mode() != serialcon.ReadWrite:
		return fmt.Errorf("sshd: break: %w", serialcon.ErrReadOnly)
	case s.breaks.Swap(true):
		return errors.New("sshd: break: one is being sent")
	}
	s.touch()
	s.group.Go(func() {
		defer s.breaks.Store(false)
		err := viewer.Break(ctx, d)
		s.c.s.audit(s.c.entry(AuditBreak, fmt.Sprintf("%d ms asked", d.Milliseconds()), err))
		if err != nil {
			s.say("no BREAK was sent: " + err.Error())
		}
	})
	return nil
}

// touch says that the client is alive.
func (s *session) touch() {
	select {
	case s.typed <- struct{}{}:
	default:
	}
}

// say tells the client something that the console did not say.
func (s *session) say(text string) {
	w := newSafeWriter(s.ch.Stderr(), s.pty)
	if s.pty {
		text = "\n" + text
	}
	_, _ = io.WriteString(w, text+"\n") // a client that left does not need it
}
