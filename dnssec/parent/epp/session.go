package epp

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// session is one connection, logged in.
type session struct {
	conn net.Conn
	last time.Time // when it was used
}

var errNoSecDNS = errors.New("the registry does not offer secDNS-1.1")

// connect opens a session and logs in. The client's lock is held.
func (c *Client) connect(ctx context.Context) error {
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		host, port = strings.Trim(c.Addr, "[]"), "700"
	}
	dial := c.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	raw, err := dial(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	config := &tls.Config{}
	if c.TLS != nil {
		config = c.TLS.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	config.ServerName = cmp.Or(config.ServerName, host)
	s := &session{conn: tls.Client(raw, config), last: time.Now()}
	if err := c.begin(ctx, s); err != nil {
		_ = raw.Close()
		return err
	}
	c.session = s
	c.log().Info("EPP session begins", "registry", c.Addr, "user", c.User)
	return nil
}

// begin reads the greeting and logs in.
func (c *Client) begin(ctx context.Context, s *session) error {
	stop := within(ctx, s.conn)
	defer stop()
	body, err := readFrame(s.conn)
	if err != nil {
		return fmt.Errorf("read the greeting: %w", explain(ctx, err))
	}
	r, err := parse(body)
	if err != nil {
		return err
	}
	if r.Greeting == nil {
		return cmp.Or(refused(r.Response), errors.New("the server answers before anything was asked"))
	}
	if !slices.Contains(r.Greeting.Exts, nsSecDNS) {
		return errNoSecDNS
	}
	_, err = s.send(ctx, &command{Login: &login{
		User:     c.User,
		Password: string(c.Password),
		Version:  "1.0",
		Lang:     "en",
		Objects:  []string{nsDomain},
		Exts:     []string{nsSecDNS},
	}})
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return nil
}

// send carries out one command. Its error never has the command in it.
func (s *session) send(ctx context.Context, cmd *command) (*response, error) {
	cmd.ID = "hostkit-" + rand.Text()[:16]
	r, err := s.exchange(ctx, &message{Command: cmd})
	switch {
	case err != nil:
		return nil, err
	case r.Response == nil:
		return nil, &brokenError{errors.New("the server greets again instead of answering")}
	case r.Response.ID != cmd.ID:
		return nil, &brokenError{errors.New("the answer is to another command")}
	}
	s.last = time.Now()
	return r.Response, refused(r.Response)
}

// hello asks for a greeting, to see that the session lives.
func (s *session) hello(ctx context.Context) error {
	r, err := s.exchange(ctx, &message{Hello: &struct{}{}})
	if err == nil && r.Greeting == nil {
		err = &brokenError{errors.New("no greeting after hello")}
	}
	s.last = time.Now()
	return err
}

func (s *session) exchange(ctx context.Context, m *message) (*reply, error) {
	body, err := xml.Marshal(m)
	if err != nil {
		return nil, errors.New("the command cannot be written as XML")
	}
	stop := within(ctx, s.conn)
	defer stop()
	if err := writeFrame(s.conn, append([]byte(xml.Header), body...)); err != nil {
		return nil, &brokenError{explain(ctx, err)}
	}
	answer, err := readFrame(s.conn)
	if err != nil {
		return nil, &brokenError{explain(ctx, err)}
	}
	r, err := parse(answer)
	if err != nil {
		return nil, &brokenError{err}
	}
	return r, nil
}

// refused is the error of a response.
func refused(r *response) error {
	for _, result := range r.Results {
		if result.Code < 1000 || result.Code >= 2000 {
			return &ResultError{Code: result.Code, Message: result.Message, Reasons: result.Reasons, Server: r.Server}
		}
	}
	return nil
}

// brokenError is for a session that cannot go on.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return "the session broke: " + e.err.Error() }

func (e *brokenError) Unwrap() error { return e.err }

// within ends all waiting for a connection with the context.
func within(ctx context.Context, conn net.Conn) (stop func() bool) {
	_ = conn.SetDeadline(time.Time{})
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}

// explain is the context's error, if that is why.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
