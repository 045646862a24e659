package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/sshd"
)

var (
	errNoSession = errors.New("no such session, or not yours")
	errNoSpy     = errors.New("only an admin may spy")
)

// sessions are the streams to which their users may type.
type sessions struct {
	mu  sync.Mutex
	all map[string]*session
}

type session struct {
	*serialcon.Session
	user    *user
	console *console
}

func newSessions() *sessions { return &sessions{all: make(map[string]*session)} }

// add returns a name that cannot be guessed.
func (s *sessions) add(in *session) (id string) {
	id = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[id] = in
	return id
}

func (s *sessions) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// find returns a session of the user's on the console. After a reload a user is
// another value, so names are what counts.
func (s *sessions) find(id string, u *user, c *console) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.all[id]
	if in == nil || in.user.name != u.name || in.console != c {
		return nil, errNoSession
	}
	return in, nil
}

// stream shows a console live, by server-sent events: "session" with the name
// that input goes to, "data" with bytes in base64, and the console's events by
// their kinds. With format=raw it is the bytes alone.
func (a *api) stream(w http.ResponseWriter, r *http.Request, u *user, c *console) error {
	o, err := attachOptions(r, u)
	if err != nil {
		return err
	}
	// The request's context is the daemon's too.
	s, err := c.Attach(r.Context(), o)
	if err != nil {
		return err
	}
	defer s.Close()
	began, sent := time.Now(), int64(0)
	a.audit.http(sshd.Entry{Kind: sshd.AuditAttach, Who: u.name, From: r.RemoteAddr, Console: c.Name, What: o.Mode.String()})
	defer func() {
		a.audit.http(sshd.Entry{
			Kind: sshd.AuditDetach, Who: u.name, From: r.RemoteAddr, Console: c.Name, Out: sent, Duration: time.Since(began),
		})
	}()
	out := &streamWriter{w: w, control: http.NewResponseController(w)}
	if r.FormValue("format") == "raw" {
		w.Header().Set("Content-Type", "application/octet-stream")
		sent, err = out.raw(s)
	} else {
		id := a.sessions.add(&session{s, u, c})
		defer a.sessions.remove(id)
		w.Header().Set("Content-Type", "text/event-stream")
		sent, err = out.events(r.Context(), s, id)
	}
	if err != nil {
		a.log.Debug("a stream ended", "console", c.Name, "who", u.name, "err", err)
	}
	return nil // it has begun: the client sees its end
}

// attachOptions reads mode, history, force and marks.
func attachOptions(r *http.Request, u *user) (serialcon.AttachOptions, error) {
	o := serialcon.AttachOptions{Who: u.name, Mode: u.mode(), History: -1, NoMarks: r.FormValue("format") != "raw"}
	switch mode := r.FormValue("mode"); mode {
	case "", "read-write":
	case "read-only":
		o.Mode = serialcon.ReadOnly
	case "spy":
		if !u.admin {
			return o, errNoSpy
		}
		o.Mode = serialcon.Spy
	default:
		return o, requestError{fmt.Errorf("mode %q is not read-write, read-only or spy", mode)}
	}
	if r.FormValue("format") == "raw" && o.Mode == serialcon.ReadWrite {
		o.Mode = serialcon.ReadOnly // nobody could type
	}
	o.Force = r.FormValue("force") == "1"
	o.Watch = r.FormValue("watch") == "1"
	if text := r.FormValue("history"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return o, requestError{fmt.Errorf("history %q is no number of bytes", text)}
		}
		o.History = n
	}
	return o, nil
}

// A client that takes nothing for so long is gone.
const streamStall = 30 * time.Second

// pingEvery shows that a quiet stream is alive.
const pingEvery = 15 * time.Second

// streamWriter writes to one client, and gives up on one that does not read.
type streamWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (o *streamWriter) write(p []byte) error {
	if err := o.control.SetWriteDeadline(time.Now().Add(streamStall)); err != nil {
		return err
	}
	if _, err := o.w.Write(p); err != nil {
		return err
	}
	return o.control.Flush()
}

func (o *streamWriter) raw(s *serialcon.Session) (sent int64, err error) {
	if err := o.write(nil); err != nil {
		return 0, err
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := s.Read(buf)
		if n > 0 {
			if err := o.write(buf[:n]); err != nil {
				return sent, err
			}
			sent += int64(n)
		}
		if err != nil {
			return sent, eof(err)
		}
	}
}

func eof(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// events writes until the session ends.
func (o *streamWriter) events(ctx context.Context, s *serialcon.Session, id string) (sent int64, err error) {
	if err := o.event("session", map[string]string{"id": id, "mode": s.Mode().String()}); err != nil {
		return 0, err
	}
	said, free := make(chan []byte), make(chan []byte, 1)
	ctx, cancel := context.WithCancel(ctx)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer s.Close()
	defer cancel()
	reader.Go(func() {
		defer close(said)
		buf := make([]byte, 32<<10)
		for {
			n, err := s.Read(buf)
			if n > 0 {
				select {
				case said <- buf[:n]:
				case <-ctx.Done():
					return
				}
				select {
				case buf = <-free:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	events := s.Events()
	for {
		select {
		case p, ok := <-said:
			if !ok {
				return sent, o.event("end", map[string]string{})
			}
			sent += int64(len(p))
			err = o.data(p)
			free <- p[:cap(p)]
		case e, ok := <-events:
			if !ok {
				events = nil // said is closed too, once the last bytes are out
				continue
			}
			err = o.event(e.Kind.String(), e)
		case <-ping.C:
			err = o.write([]byte(": alive\n\n"))
		}
		if err != nil {
			return sent, err
		}
	}
}

func (o *streamWriter) data(p []byte) error {
	line := []byte("event: data\ndata: ")
	line = base64.StdEncoding.AppendEncode(line, p)
	return o.write(append(line, '\n', '\n'))
}

func (o *streamWriter) event(kind string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return o.write(fmt.Appendf(nil, "event: %s\ndata: %s\n\n", kind, text))
}
