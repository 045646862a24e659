package etcdkv_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// link is a connection to a member that the test can cut.
type link struct {
	url    string
	target string

	mu    sync.Mutex // guards all below
	cut   bool
	conns map[net.Conn]struct{}
}

func newLink(t *testing.T, endpoint string) *link {
	t.Helper()
	u, err := url.Parse(endpoint)
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &link{url: "http://" + ln.Addr().String(), target: u.Host, conns: make(map[net.Conn]struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { l.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		l.Cut()
		wg.Wait()
	})
	return l
}

func (l *link) serve(conn net.Conn) {
	defer conn.Close()
	if !l.keep(conn) {
		return
	}
	member, err := net.Dial("tcp", l.target)
	if err != nil {
		return
	}
	defer member.Close()
	if !l.keep(member) {
		return
	}
	var wg sync.WaitGroup
	for _, pair := range [][2]net.Conn{{conn, member}, {member, conn}} {
		wg.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = conn.Close()
			_ = member.Close()
		})
	}
	wg.Wait()
}

func (l *link) keep(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[conn] = struct{}{}
	return !l.cut
}

// Cut ends all connections and refuses others.
func (l *link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for conn := range l.conns {
		_ = conn.Close()
	}
	clear(l.conns)
}

// Mend lets connections through again.
func (l *link) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}
