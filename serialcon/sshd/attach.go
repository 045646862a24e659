package sshd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// warning is how long before the end an idle viewer is told.
const warning = time.Minute

// stalled is how long a client may leave unread that its session ends.
const stalled = 2 * time.Second

var errNoConsole = errors.New("sshd: there is no console of this name for this key")

type attachFlags struct{ force, watch, spy bool }

// attach makes the client a viewer until either side ends it.
func (s *session) attach(ctx context.Context, flags attachFlags) uint32 {
	server, access := s.c.s, s.c.access
	if access.Console == nil {
		s.c.s.audit(s.c.entry(AuditRefused, "attach", errNoConsole))
		s.say(errNoConsole.Error())
		return statusFailed
	}
	o := serialcon.AttachOptions{
		Mode: access.Mode, Who: access.Who, Force: flags.force, Watch: flags.watch, History: server.history(),
	}
	if flags.spy && access.Mode == serialcon.ReadWrite {
		o.Mode = serialcon.Spy
	}
	if s.pty && !server.NoEscape {
		o.Escape = cmp.Or(server.Escape, serialcon.DefaultEscape())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	viewer, err := access.Console.Attach(ctx, o)
	if err != nil {
		s.say(err.Error())
		return statusFailed
	}
	s.viewer.Store(viewer)
	begun := time.Now()
	s.c.s.audit(s.c.entry(AuditAttach, o.Mode.String(), nil))

	s.group.Go(func() { s.input(viewer) })
	s.group.Go(func() { s.idle(ctx, viewer) })
	s.output(viewer)
	_ = viewer.Close()
	s.viewer.Store(nil)
	e := s.c.entry(AuditDetach, o.Mode.String(), nil)
	e.In, e.Out, e.Duration = s.in.Load(), s.out.Load(), time.Since(begun)
	s.c.s.audit(e)
	return statusOK
}

func (s *Server) history() int {
	if s.History == 0 {
		return -1
	}
	return max(s.History, 0)
}

// output copies what the console says until the viewer or the client ends.
func (s *session) output(viewer *serialcon.Session) {
	buf := make([]byte, 16<<10)
	for {
		n, err := viewer.Read(buf)
		if err != nil {
			return
		}
		m, err := s.ch.Write(buf[:n])
		s.out.Add(int64(m))
		if err != nil {
			return
		}
	}
}

// input copies what the client types. Its end gives the writer's place back:
// the client may go on to watch.
func (s *session) input(viewer *serialcon.Session) {
	buf := make([]byte, 4<<10)
	for {
		n, err := s.ch.Read(buf)
		if n > 0 {
			s.in.Add(int64(n))
			s.touch()
			if _, err := viewer.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				_ = viewer.Close()
			}
			viewer.Release()
			return
		}
	}
}

// idle ends a viewer that does nothing, or whose server shuts down.
func (s *session) idle(ctx context.Context, viewer *serialcon.Session) {
	limit := cmp.Or(s.c.s.Idle, 12*time.Hour)
	never := limit < 0
	if never {
		limit = time.Hour
	}
	early := max(limit-warning, limit/2)
	warn, end := time.NewTimer(early), time.NewTimer(limit)
	defer warn.Stop()
	defer end.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.typed:
			warn.Reset(early)
			end.Reset(limit)
		case <-warn.C:
			if !never {
				s.tell(fmt.Sprintf("nothing was typed for long: this session ends in %v", limit-early))
			}
		case <-end.C:
			if !never {
				s.bye(ctx, viewer, "nothing was typed for too long")
				return
			}
		case <-s.c.drained:
			s.bye(ctx, viewer, "the server shuts down")
			return
		}
	}
}

// tell is say for a client that may read nothing. What it returns is closed
// once it was told.
func (s *session) tell(text string) <-chan struct{} {
	told := make(chan struct{})
	s.group.Go(func() {
		defer close(told)
		s.say(text)
	})
	return told
}

// bye ends the session with a word. A client that does not take it is cut off.
func (s *session) bye(ctx context.Context, viewer *serialcon.Session, text string) {
	late := time.NewTimer(stalled)
	defer late.Stop()
	select {
	case <-s.tell(text):
		_ = viewer.Close()
	case <-late.C:
	}
	late.Reset(stalled)
	select {
	case <-ctx.Done():
	case <-late.C:
		_ = viewer.Close()
		_ = s.c.net.Close()
	}
}
