package sshd_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/mythic-beasts/hostkit/serialcon/sshd"
)

// A hall is a listener in memory: whoever comes says from where.
type hall struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

var door = netip.MustParseAddrPort("192.0.2.1:22")

func newHall() *hall {
	h := &hall{conns: make(chan net.Conn), closed: make(chan struct{})}
	h.close = sync.OnceFunc(func() { close(h.closed) })
	return h
}

func (h *hall) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *hall) Close() error   { h.close(); return nil }
func (h *hall) Addr() net.Addr { return net.TCPAddrFromAddrPort(door) }

// come connects from an address.
func (h *hall) come(from netip.Addr) (net.Conn, error) {
	near, far := memnet.Pipe(netip.AddrPortFrom(from, 40000), door)
	select {
	case h.conns <- far:
		return near, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// login tries to log in from an address.
func (h *hall) login(from netip.Addr, config *ssh.ClientConfig) error {
	nc, err := h.come(from)
	if err != nil {
		return err
	}
	defer nc.Close()
	c, channels, requests, err := ssh.NewClientConn(nc, door.String(), config)
	if err != nil {
		return err
	}
	return ssh.NewClient(c, channels, requests).Close()
}

func address(net, host int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(net), byte(host >> 8), byte(host)})
}

// heap is what is in use once nothing is left to collect.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Five thousand logins with wrong keys and passwords, of forty sources: each
// source has its ten tries, who has the right key gets in all the time, who is in
// stays, and nothing is left of it.
func TestFiveThousandLoginsWithWrongKeys(t *testing.T) {
	const sources, each, workers = 40, 125, 4
	h := newHall()
	l := newLabOn(t, h, func(s *sshd.Server) { s.FailureEvery = time.Hour })
	inside, err := h.come(address(0, 1))
	require.NoError(t, err)
	sc, channels, requests, err := ssh.NewClientConn(inside, door.String(), clientConfig("pi-042", 1))
	require.NoError(t, err)
	client := ssh.NewClient(sc, channels, requests)
	defer client.Close()
	sh := newShell(t, client, false)
	expect(t, sh.out, "[serialcon ")
	before, goroutines := heap(), runtime.NumGoroutine()

	quick := func(user string, keys ...byte) *ssh.ClientConfig {
		c := clientConfig(user, keys...)
		c.KeyExchanges = []string{ssh.KeyExchangeCurve25519} // the quickest
		return c
	}
	password := quick("root")
	password.Auth = []ssh.AuthMethod{ssh.Password("123456")}
	queue := make(chan int)
	failures := make(chan error, sources)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for source := range queue {
				from := address(1, source)
				for i := range each {
					config := quick("pi-042", 7)
					if i%2 == 1 {
						config = password
					}
					if h.login(from, config) == nil {
						failures <- fmt.Errorf("source %v got in", from)
					}
				}
				if err := h.login(address(2, source), quick("pi-042", 1)); err != nil {
					failures <- fmt.Errorf("the right key, meanwhile: %w", err)
				}
			}
		})
	}
	for source := range sources {
		queue <- source
	}
	close(queue)
	group.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}

	tried := map[string]int{}
	closed := 0
	require.Eventually(t, func() bool { // the last ones may not be noted yet
		clear(tried)
		closed = 0
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, e := range l.entries {
			switch {
			case e.Kind == sshd.AuditRefused && e.What == "login":
				tried[e.From]++
			case e.Kind == sshd.AuditRefused && e.What == "connection":
				closed++
			}
		}
		n := closed
		for _, k := range tried {
			n += k
		}
		return n == sources*each
	}, time.Minute, 10*time.Millisecond)
	require.Len(t, tried, sources)
	for from, n := range tried {
		require.GreaterOrEqual(t, n, 10, from)
		require.LessOrEqual(t, n, 10+16, "%s: what is on its way when the last failure is counted", from)
	}
	require.Error(t, h.login(address(1, 0), clientConfig("pi-042", 1)), "this source has to wait")
	require.NoError(t, h.login(address(3, 1), clientConfig("pi-042", 1)))
	l.uart.Say([]byte("undisturbed\r\n"))
	expect(t, sh.out, "undisturbed")

	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+5 }, time.Minute, 10*time.Millisecond)
	l.mu.Lock()
	l.entries = nil
	l.mu.Unlock()
	require.Less(t, heap()-before, int64(4<<20), "bytes are left of it")
}

// Clients that connect and say nothing, or stop in the middle, keep nobody out,
// and are gone when their time is over.
func TestHalfOpenClients(t *testing.T) {
	for _, tt := range []struct {
		name string
		say  string
	}{
		{"say nothing", ""},
		{"say who they are", "SSH-2.0-half\r\n"},
		{"begin a packet", "SSH-2.0-half\r\n\x00\x00\x7f"},
		{"a packet that is too long", "SSH-2.0-half\r\n\xff\xff\xff\xff"},
		{"another protocol", "GET / HTTP/1.0\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHall()
			l := newLabOn(t, h, func(s *sshd.Server) { s.LoginGrace = time.Hour })
			var conns []net.Conn
			for i := range 300 { // of 30 sources
				c, err := h.come(address(1, i%30))
				require.NoError(t, err)
				_, _ = c.Write([]byte(tt.say)) // it may have been refused
				conns = append(conns, c)
			}
			require.NoError(t, h.login(address(2, 1), clientConfig("pi-042", 1)))
			require.NoError(t, h.login(address(2, 1), clientConfig("pi-042", 1)), "twice")
			for _, c := range conns {
				require.NoError(t, c.Close())
			}
			refused := func() (n int) {
				l.mu.Lock()
				defer l.mu.Unlock()
				for _, e := range l.entries {
					if e.Kind == sshd.AuditRefused {
						n++
					}
				}
				return n
			}
			require.Eventually(t, func() bool { return refused() == 300 }, time.Minute, 10*time.Millisecond)
		})
	}
}

func TestHalfOpenClientsRunOutOfTime(t *testing.T) {
	h := newHall()
	l := newLabOn(t, h, func(s *sshd.Server) { s.LoginGrace = 50 * time.Millisecond })
	c, err := h.come(address(1, 1))
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("SSH-2.0-half\r\n"))
	require.NoError(t, err)
	_, err = io.ReadAll(c)
	require.NoError(t, err, "closed by the server")
	require.Equal(t, "login", l.audited(t, kind(sshd.AuditRefused)).What)
}

// One source that opens as many as it may keeps itself out, and no other.
func TestOneSourceKeepsItselfOut(t *testing.T) {
	h := newHall()
	newLabOn(t, h, func(s *sshd.Server) { s.MaxLogins, s.MaxPerSource, s.LoginGrace = 8, 8, time.Hour })
	for range 8 {
		c, err := h.come(address(1, 1))
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Read(make([]byte, 1))
		require.NoError(t, err, "it is in")
	}
	require.Error(t, h.login(address(1, 1), clientConfig("pi-042", 1)))
	require.NoError(t, h.login(address(1, 2), clientConfig("pi-042", 1)))
}
