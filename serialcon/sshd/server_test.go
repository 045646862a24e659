package sshd_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/sshd"
)

func TestShell(t *testing.T) {
	l := newLab(t, nil)
	sh := newShell(t, l.dial(t, "pi-042", 1), true)
	expect(t, sh.out, "[serialcon ")
	l.uart.Say([]byte("pi-042 login: "))
	expect(t, sh.out, "pi-042 login: ")
	_, err := io.WriteString(sh.in, "root\r")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return string(l.uart.Typed()) == "root\r" }, 10*time.Second, time.Millisecond)
	_, err = io.WriteString(sh.in, "\x05c.")
	require.NoError(t, err)
	require.NoError(t, sh.Wait(), "exit status 0")
	_, alice := newKey(1)
	e := l.audited(t, kind(sshd.AuditDetach))
	require.Equal(t, "alice", e.Who)
	require.Equal(t, "pi-042", e.Console)
	require.Equal(t, "read-write", e.What)
	require.Equal(t, ssh.FingerprintSHA256(alice.PublicKey()), e.Key)
	require.EqualValues(t, 8, e.In)
	require.Positive(t, e.Out)
	require.Positive(t, e.Duration)
	require.Contains(t, e.From, "127.0.0.1:")
}

// The client offers a key that may more than the one that it holds.
func TestOfferedKeyGivesNothing(t *testing.T) {
	l := newLab(t, nil)
	_, alice := newKey(1)
	_, bob := newKey(2)
	config := clientConfig("pi-042")
	config.Auth = []ssh.AuthMethod{ssh.PublicKeys(&liar{alice.PublicKey(), bob}, bob)}
	c, err := ssh.Dial("tcp", l.addr, config)
	if err != nil { // the forged signature may end the connection
		l.audited(t, kind(sshd.AuditRefused))
		return
	}
	defer c.Close()
	require.Equal(t, "bob", l.audited(t, kind(sshd.AuditLogin)).Who)
}

// A liar shows one key and signs with another.
type liar struct {
	shown ssh.PublicKey
	ssh.Signer
}

func (l *liar) PublicKey() ssh.PublicKey { return l.shown }

// Keys that are offered before and after the one that is proved change nothing.
func TestIdentityIsTheProvedKey(t *testing.T) {
	l := newLab(t, nil)
	l.dial(t, "pi-042", 9, 2, 1)
	e := l.audited(t, kind(sshd.AuditLogin))
	require.Equal(t, "bob", e.Who)
	_, bob := newKey(2)
	require.Equal(t, ssh.FingerprintSHA256(bob.PublicKey()), e.Key)
}

func TestBreak(t *testing.T) {
	l := newLab(t, nil)
	sh := newShell(t, l.dial(t, "pi-042", 1), true)
	expect(t, sh.out, "[serialcon ")
	for ms, want := range map[uint32]time.Duration{
		0: serialcon.MinBreak, 1: serialcon.MinBreak, 1000: time.Second, 1<<32 - 1: serialcon.MaxBreak,
	} {
		had := len(l.uart.Breaks())
		require.Eventually(t, func() bool { // one at a time
			ok, err := sh.SendRequest("break", true, ssh.Marshal(struct{ N uint32 }{ms}))
			return ok && err == nil
		}, 10*time.Second, 10*time.Millisecond)
		require.Eventually(t, func() bool { return len(l.uart.Breaks()) > had }, 10*time.Second, time.Millisecond)
		require.Equal(t, want, l.uart.Breaks()[had])
	}
	require.Equal(t, "alice", l.audited(t, kind(sshd.AuditBreak)).Who)
	ok, err := sh.SendRequest("break", true, []byte{1})
	require.NoError(t, err)
	require.False(t, ok, "half a request")

	reader := newShell(t, l.dial(t, "pi-042", 2), false)
	expect(t, reader.out, "[serialcon ")
	ok, err = reader.SendRequest("break", true, ssh.Marshal(struct{ N uint32 }{500}))
	require.NoError(t, err)
	require.False(t, ok, "a reader sends none")
	_, err = io.WriteString(reader.in, "rm -rf /\r")
	require.NoError(t, err)
	require.NoError(t, reader.in.Close())
	l.uart.Say([]byte("still here\r\n"))
	expect(t, reader.out, "still here")
	require.Empty(t, l.uart.Typed())
}

func TestRefusedRequests(t *testing.T) {
	l := newLab(t, nil)
	c := l.dial(t, "pi-042", 1)
	s, err := c.NewSession()
	require.NoError(t, err)
	require.Error(t, s.Setenv("LD_PRELOAD", "x"))
	require.Error(t, s.RequestSubsystem("sftp"))
	for _, r := range []string{"auth-agent-req@openssh.com", "x11-req", "signal", "pty-req", "exec", "break"} {
		ok, err := s.SendRequest(r, true, []byte{0})
		require.NoError(t, err)
		require.False(t, ok, r)
	}
	_, err = c.Dial("tcp", "127.0.0.1:1")
	require.Error(t, err)
	_, err = c.Listen("tcp", "127.0.0.1:0")
	require.Error(t, err)
	require.Equal(t, "channel direct-tcpip", l.audited(t, func(e sshd.Entry) bool { return e.What == "channel direct-tcpip" }).What)
	l.audited(t, func(e sshd.Entry) bool { return e.What == "request tcpip-forward" })
	require.NoError(t, s.Shell())
	require.Error(t, s.Shell(), "one program a session")
	for range 3 {
		_, err := c.NewSession()
		require.NoError(t, err)
	}
	_, err = c.NewSession()
	require.ErrorContains(t, err, "too many sessions")
}

func TestWrongKeysAreLimited(t *testing.T) {
	l := newLab(t, func(s *sshd.Server) { s.FailureEvery = time.Hour })
	sh := newShell(t, l.dial(t, "pi-042", 1), false)
	for range 200 {
		require.Error(t, l.from("127.0.0.2", clientConfig("pi-042", 7)))
	}
	l.mu.Lock()
	logins, closed := 0, 0
	for _, e := range l.entries {
		switch {
		case e.Kind == sshd.AuditRefused && e.What == "login":
			logins++
		case e.Kind == sshd.AuditRefused && e.What == "connection":
			closed++
		}
	}
	l.mu.Unlock()
	require.GreaterOrEqual(t, logins, 10)
	require.LessOrEqual(t, logins, 10+16, "what is on its way when the last failure is counted")
	require.GreaterOrEqual(t, logins+closed, 199, "the last one may not be noted yet")
	require.Error(t, l.from("127.0.0.2", clientConfig("pi-042", 1)), "this source has to wait")
	require.NoError(t, l.from("127.0.0.3", clientConfig("pi-042", 1)))
	l.uart.Say([]byte("undisturbed\r\n"))
	expect(t, sh.out, "undisturbed")
}

func TestFailuresAreForgiven(t *testing.T) {
	l := newLab(t, func(s *sshd.Server) { s.Failures, s.FailureEvery = 2, 50*time.Millisecond })
	for range 20 {
		_ = l.from("127.0.0.2", clientConfig("pi-042", 7))
	}
	require.Eventually(t, func() bool { return l.from("127.0.0.2", clientConfig("pi-042", 1)) == nil }, 10*time.Second, 10*time.Millisecond)
}

func TestSourceAndLoginLimits(t *testing.T) {
	l := newLab(t, func(s *sshd.Server) { s.MaxPerSource, s.MaxLogins, s.MaxConns = 2, 3, 1 })
	dial := func(ip string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
		c, err := d.Dial("tcp", l.addr)
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	greeted := func(c net.Conn) bool {
		n, _ := c.Read(make([]byte, 1))
		return n == 1
	}
	first := dial("127.0.0.4")
	require.True(t, greeted(first))
	require.True(t, greeted(dial("127.0.0.4")))
	require.False(t, greeted(dial("127.0.0.4")), "the third of a source")
	require.True(t, greeted(dial("127.0.0.5")))
	require.True(t, greeted(dial("127.0.0.6")), "the fourth that has not logged in: one of the first source makes room")
	_, err := io.ReadAll(first)
	require.NoError(t, err, "the oldest")
	require.False(t, greeted(dial("127.0.0.6")), "no source has more than this one")
}

func TestMaxConns(t *testing.T) {
	l := newLab(t, func(s *sshd.Server) { s.MaxConns = 1 })
	c := l.dial(t, "pi-042", 1)
	second := l.dial(t, "pi-042", 2)
	require.Error(t, second.Wait(), "closed after the login")
	require.NoError(t, c.Close())
	l.audited(t, kind(sshd.AuditLogout))
	require.Eventually(t, func() bool {
		_, err := l.dial(t, "pi-042", 2).NewSession()
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
}

func TestMaxAuthTries(t *testing.T) {
	l := newLab(t, func(s *sshd.Server) { s.MaxAuthTries = 2 })
	require.Error(t, l.from("127.0.0.1", clientConfig("pi-042", 11, 12, 13, 14, 15, 16, 17, 18, 1)))
	require.NoError(t, l.from("127.0.0.1", clientConfig("pi-042", 11, 1)))
}

func TestLoginGrace(t *testing.T) {
	l := newLab(t, func(s *sshd.Server) { s.LoginGrace = 50 * time.Millisecond })
	c, err := net.Dial("tcp", l.addr)
	require.NoError(t, err)
	defer c.Close()
	_, err = io.ReadAll(c)
	require.NoError(t, err, "closed by the server")
	require.Equal(t, "login", l.audited(t, kind(sshd.AuditRefused)).What)
}

func TestIdle(t *testing.T) {
	l := newLab(t, func(s *sshd.Server) { s.Idle = 300 * time.Millisecond })
	sh := newShell(t, l.dial(t, "pi-042", 1), true)
	expect(t, sh.err, "ends in 150ms")
	expect(t, sh.err, "nothing was typed for too long")
	require.NoError(t, sh.Wait())
}

// A client that answers nothing is gone, and its viewer with it.
func TestKeepAlive(t *testing.T) {
	l := newLab(t, func(s *sshd.Server) { s.KeepAlive = 50 * time.Millisecond })
	near, far := net.Pipe()
	front, err := net.Dial("tcp", l.addr)
	require.NoError(t, err)
	cut := make(chan struct{})
	go func() { _, _ = io.Copy(front, far) }()
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, err := front.Read(buf)
			select {
			case <-cut: // swallowed
			default:
				_, _ = far.Write(buf[:n])
			}
			if err != nil {
				_ = far.Close()
				return
			}
		}
	}()
	sc, channels, requests, err := ssh.NewClientConn(near, l.addr, clientConfig("pi-042", 1))
	require.NoError(t, err)
	defer sc.Close()
	newShell(t, ssh.NewClient(sc, channels, requests), false)
	l.audited(t, kind(sshd.AuditAttach))
	close(cut)
	l.audited(t, kind(sshd.AuditDetach))
	l.audited(t, kind(sshd.AuditLogout))
}

func TestShutdown(t *testing.T) {
	running, finish := make(chan struct{}), make(chan struct{})
	l := newLab(t, func(s *sshd.Server) {
		s.List = func(context.Context, sshd.Caller, io.Writer) error {
			close(running)
			<-finish
			return nil
		}
	})
	sh := newShell(t, l.dial(t, "pi-042", 1), false)
	expect(t, sh.out, "[serialcon ")
	command, err := l.dial(t, "pi-042", 1).NewSession()
	require.NoError(t, err)
	require.NoError(t, command.Start("list"))
	<-running
	done := make(chan error, 1)
	go func() { done <- l.Shutdown(context.Background()) }()
	expect(t, sh.err, "the server shuts down")
	require.NoError(t, sh.Wait())
	require.Error(t, l.from("127.0.0.1", clientConfig("pi-042", 1)))
	close(finish)
	require.NoError(t, command.Wait(), "commands end by themselves")
	require.NoError(t, <-done)
	require.ErrorIs(t, <-l.served, sshd.ErrShutdown)
	l.served <- sshd.ErrShutdown
	require.NoError(t, l.Shutdown(context.Background()))
}

// A client that reads nothing does not hold the server up.
func TestShutdownOfStalledClients(t *testing.T) {
	l := newLab(t, func(s *sshd.Server) {
		s.List = func(_ context.Context, _ sshd.Caller, w io.Writer) error {
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return err
				}
			}
		}
	})
	s, err := l.dial(t, "pi-042", 1).NewSession()
	require.NoError(t, err)
	_, err = s.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.Start("list"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, l.Shutdown(ctx), context.DeadlineExceeded)
	require.ErrorIs(t, <-l.served, sshd.ErrShutdown)
	l.served <- sshd.ErrShutdown
}

func TestServeNeeds(t *testing.T) {
	_, host := newKey(100)
	for _, s := range []*sshd.Server{{}, {HostKeys: []ssh.Signer{host}}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.Error(t, s.Serve(t.Context(), l))
		_, err = l.Accept()
		require.True(t, errors.Is(err, net.ErrClosed))
	}
}
