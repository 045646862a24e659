package sshd

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// A conn is a connection of a client.
type conn struct {
	s       *Server
	net     net.Conn
	ssh     *ssh.ServerConn
	access  Access
	who     Caller
	drained chan struct{}
	drain   func() // closes drained, once

	from  netip.Prefix
	since time.Time
	stage stage // guarded by the server's mu
}

// stage is how far a connection has come.
type stage uint8

const (
	stageLogin stage = iota // it has not logged in
	stageOpen               // it has
	stageGone               // it made room for another, and is not counted any more
)

func (s *Server) limits() limits {
	return limits{
		conns: cmp.Or(s.MaxConns, 512), logins: cmp.Or(s.MaxLogins, 64), perSource: cmp.Or(s.MaxPerSource, 16),
		failures: cmp.Or(s.Failures, 10), every: cmp.Or(s.FailureEvery, 6*time.Second),
	}
}

// handle serves a connection until it ends.
func (s *Server) handle(ctx context.Context, nc net.Conn, config *ssh.ServerConfig) {
	defer func() { _ = nc.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	c := &conn{s: s, net: nc, drained: make(chan struct{}), from: sourceOf(nc.RemoteAddr()), since: time.Now()}
	c.drain = sync.OnceFunc(func() { close(c.drained) })
	c.who.From = nc.RemoteAddr().String()
	if why := s.enter(c); why != "" {
		s.audit(Entry{Kind: AuditRefused, From: c.who.From, What: "connection", Err: why})
		return
	}
	defer s.group.Done()
	failed := true
	defer func() { s.leave(c, failed) }()

	_ = nc.SetDeadline(time.Now().Add(cmp.Or(s.LoginGrace, 30*time.Second)))
	sc, channels, requests, err := ssh.NewServerConn(nc, config)
	if err != nil {
		failed = ctx.Err() == nil
		s.audit(Entry{Kind: AuditRefused, From: c.who.From, What: "login", Err: loginError(err)})
		return
	}
	_ = nc.SetDeadline(time.Time{})
	failed = false
	c.identify(sc)
	if !s.login(c) {
		s.audit(c.entry(AuditRefused, "connection", errors.New("too many connections")))
		return
	}
	begun := time.Now()
	s.audit(c.entry(AuditLogin, string(sc.ClientVersion()), nil))
	c.serve(ctx, channels, requests)
	e := c.entry(AuditLogout, "", nil)
	e.Duration = time.Since(begun)
	s.audit(e)
}

// enter admits a connection, or says why not.
func (s *Server) enter(c *conn) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return "the server shuts down"
	}
	now, limits := time.Now(), s.limits()
	if s.limit.logins >= limits.logins {
		s.makeRoom(c.from, now, limits)
	}
	if why := s.limit.admit(c.from, now, limits); why != "" {
		return why
	}
	s.conns[c] = struct{}{}
	s.group.Add(1)
	return ""
}

// makeRoom ends the oldest connection that has not logged in of the source that
// has most of them, unless the source that comes would then have as many more:
// clients that connect and say nothing keep nobody else out. It is called with
// mu held.
func (s *Server) makeRoom(from netip.Prefix, now time.Time, limits limits) {
	counts := map[netip.Prefix]int{}
	most := 0
	for c := range s.conns {
		if c.stage == stageLogin {
			counts[c.from]++
			most = max(most, counts[c.from])
		}
	}
	if counts[from] >= most {
		return
	}
	var oldest *conn
	for c := range s.conns {
		if c.stage == stageLogin && counts[c.from] == most && (oldest == nil || c.since.Before(oldest.since)) {
			oldest = c
		}
	}
	oldest.stage = stageGone
	s.limit.leave(oldest.from, false, true, now, limits)
	_ = oldest.net.Close()
}

// login counts a connection that logged in, if there is room for it.
func (s *Server) login(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.stage == stageGone || !s.limit.login(c.from, s.limits()) {
		return false
	}
	c.stage = stageOpen
	return true
}

func (s *Server) leave(c *conn, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if c.stage != stageGone {
		s.limit.leave(c.from, c.stage == stageOpen, failed, time.Now(), s.limits())
	}
}

// loginError says why a login failed, without repeating it for each key.
func loginError(err error) string {
	var auth *ssh.ServerAuthError
	if errors.As(err, &auth) && len(auth.Errors) > 0 {
		return auth.Errors[len(auth.Errors)-1].Error()
	}
	return err.Error()
}

// identify takes over what belongs to the key that was proved.
func (c *conn) identify(sc *ssh.ServerConn) {
	c.ssh = sc
	c.access, _ = sc.Permissions.ExtraData[accessOf{}].(Access)
	c.who.Who, c.who.User, c.who.Key = c.access.Who, sc.User(), sc.Permissions.Extensions[fingerprintOf]
	if c.access.Console != nil {
		c.who.Console = c.access.Console.Name
	}
}

func (c *conn) entry(kind, what string, err error) Entry {
	e := Entry{
		Kind: kind, Who: c.who.Who, User: c.who.User, Key: c.who.Key, From: c.who.From, Console: c.who.Console, What: what,
	}
	if err != nil {
		e.Err = err.Error()
	}
	return e
}

// serve runs the sessions until the connection ends.
func (c *conn) serve(ctx context.Context, channels <-chan ssh.NewChannel, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(ctx)
	var group, sessions sync.WaitGroup
	defer group.Wait()
	defer sessions.Wait()
	defer cancel()
	defer func() { _ = c.net.Close() }()
	group.Go(func() { c.refuse(requests) })
	group.Go(func() { c.keepAlive(ctx) })
	free := make(chan struct{}, cmp.Or(c.s.MaxSessions, 4))
	for drained, full := c.drained, false; ; {
		select {
		case ch, ok := <-channels:
			if !ok {
				return
			}
			c.open(ctx, ch, free, full, &sessions)
		case <-drained:
			drained, full = nil, true
			group.Go(func() {
				sessions.Wait()
				_ = c.ssh.Close()
			})
		}
	}
}

// open accepts a session, if it is one and there is room.
func (c *conn) open(ctx context.Context, offered ssh.NewChannel, free chan struct{}, full bool, sessions *sync.WaitGroup) {
	reason, text := ssh.Prohibited, "only sessions are possible here"
	if offered.ChannelType() == "session" {
		reason, text = ssh.ResourceShortage, "too many sessions"
		if full {
			free = nil
			text = "the server shuts down"
		}
		select {
		case free <- struct{}{}:
			ch, requests, err := offered.Accept()
			if err != nil {
				<-free
				return
			}
			sessions.Go(func() {
				defer func() { <-free }()
				newSession(c, ch).serve(ctx, requests)
			})
			return
		default:
		}
	}
	c.s.audit(c.entry(AuditRefused, "channel "+offered.ChannelType(), errors.New(text)))
	_ = offered.Reject(reason, text)
}

// refuse answers the requests that belong to no session: forwarding, above all.
func (c *conn) refuse(requests <-chan *ssh.Request) {
	for r := range requests {
		if r.Type != "keepalive@openssh.com" {
			c.s.audit(c.entry(AuditRefused, "request "+r.Type, nil))
		}
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
}

// keepAlive closes the connection of a client that does not answer.
func (c *conn) keepAlive(ctx context.Context) {
	every := cmp.Or(c.s.KeepAlive, 30*time.Second)
	for {
		sleep(ctx, every)
		if ctx.Err() != nil {
			return
		}
		late := time.AfterFunc(every, func() { _ = c.net.Close() })
		_, _, err := c.ssh.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
		if err != nil {
			return
		}
	}
}
