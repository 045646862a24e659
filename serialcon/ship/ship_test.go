package ship_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/ship"
)

var at = time.Date(2026, 11, 26, 6, 46, 3, 123e6, time.UTC)

// A guest's line is sent, if there is a server.
func ExampleSyslog() {
	s := &ship.Syslog{Addr: "logs.example.net:6514"}
	ctx, cancel := context.WithCancel(context.Background())
	s.Send(ship.Entry{Console: "pi-042", At: at, Text: "Kernel panic - not syncing", Severity: ship.Critical})
	cancel() // a program goes on until it ends
	fmt.Println(s.Run(ctx))
	// Output: <nil>
}

// server takes connections over TLS and hands out what comes.
func server(t *testing.T) (l net.Listener, trust *tls.Config) {
	t.Helper()
	cert, trust := certificate()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l, trust
}

// certificate is a server's, and what a client trusts it by.
func certificate() (tls.Certificate, *tls.Config) {
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	defer web.Close()
	pool := x509.NewCertPool()
	pool.AddCert(web.Certificate())
	return web.TLS.Certificates[0], &tls.Config{RootCAs: pool, ServerName: "example.com", MinVersion: tls.VersionTLS12}
}

// frame reads a message of RFC 5425.
func frame(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	size, err := r.ReadString(' ')
	require.NoError(t, err)
	n, err := strconv.Atoi(strings.TrimSuffix(size, " "))
	require.NoError(t, err)
	msg := make([]byte, n)
	_, err = io.ReadFull(r, msg)
	require.NoError(t, err)
	return string(msg)
}

func accept(t *testing.T, l net.Listener) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := l.Accept()
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	return conn, bufio.NewReader(conn)
}

func run(t *testing.T, s *ship.Syslog) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
}

func TestSyslogOverTLS(t *testing.T) {
	l, trust := server(t)
	s := &ship.Syslog{Addr: l.Addr().String(), TLS: trust, Host: "con 1", Timeout: 5 * time.Second}
	s.Send(ship.Entry{Console: "pi-042", At: at, Text: "Kernel panic - not syncing", Severity: ship.Critical})
	s.Send(ship.Entry{Console: `a"]b`, At: at, Event: "attached", Text: "alice\n<0>1 forged \x1b[2J\xff ünï"})
	run(t, s)
	conn, r := accept(t, l)
	require.Equal(t, `<130>1 2026-11-26T06:46:03.123Z con1 serialcon - line [console@32473 name="pi-042"] Kernel panic - not syncing`, frame(t, r))
	require.Equal(t, `<133>1 2026-11-26T06:46:03.123Z con1 serialcon - event [console@32473 name="a\"\]b" event="attached"] alice\n<0>1 forged \x1b[2J\xff ünï`, frame(t, r))

	require.NoError(t, conn.Close())
	s.Send(ship.Entry{Console: "pi-042", At: at, Text: "lost or not"})
	_, r = accept(t, l)
	s.Send(ship.Entry{Console: "pi-042", At: at, Text: "again"})
	for !strings.HasSuffix(frame(t, r), "] again") { // it connects again
	}
}

func TestAServerOfAnotherNameGetsNothing(t *testing.T) {
	l, trust := server(t)
	trust.ServerName = "logs.example.net"
	s := &ship.Syslog{Addr: l.Addr().String(), TLS: trust}
	s.Send(ship.Entry{Console: "pi-042", At: at, Text: "secret"})
	run(t, s)
	_, r := accept(t, l)
	_, err := r.ReadByte()
	require.Error(t, err)
}

func TestWhatTheQueueDoesNotTakeIsTold(t *testing.T) {
	l, trust := server(t)
	s := &ship.Syslog{Addr: l.Addr().String(), TLS: trust, Queue: 3}
	for i := range 10 {
		s.Send(ship.Entry{Console: "pi-042", At: at, Text: strconv.Itoa(i) + strings.Repeat("x", 10_000)})
	}
	run(t, s)
	_, r := accept(t, l)
	for i := range 3 {
		msg := frame(t, r)
		require.Contains(t, msg, "] "+strconv.Itoa(i)+"xx")
		require.Less(t, len(msg), 8192, "RFC 5425: what receivers take")
	}
	require.Contains(t, frame(t, r), "7 messages were lost")
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	defer l.Close()
	j := &ship.Journal{Path: path}
	defer j.Close()
	forged := "panic\nPRIORITY=0\nCONSOLE=other"
	require.NoError(t, j.Send(ship.Entry{Console: "pi-042", At: at, Event: "match", Text: forged}))
	buf := make([]byte, 64<<10)
	n, err := l.Read(buf)
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"MESSAGE": forged, "PRIORITY": "5", "SYSLOG_IDENTIFIER": "serialcon",
		"SYSLOG_TIMESTAMP": "2026-11-26T06:46:03.123Z", "CONSOLE": "pi-042", "CONSOLE_EVENT": "match",
	}, fields(t, buf[:n]))

	require.NoError(t, l.Close())
	require.NoError(t, os.Remove(path))
	again, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	defer again.Close()
	require.NoError(t, j.Send(ship.Entry{Console: "pi-042", At: at, Text: "kept"}), "a journal that was restarted is found")
	n, err = again.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "kept", fields(t, buf[:n])["MESSAGE"])
	require.NoError(t, j.Close())
	require.NoError(t, j.Close())
	require.Error(t, (&ship.Journal{Path: path + "-none"}).Send(ship.Entry{}))
}

// fields reads the journal's native protocol.
func fields(t *testing.T, p []byte) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for len(p) > 0 {
		name, rest, ok := strings.Cut(string(p), "\n")
		require.True(t, ok)
		n := int(binary.LittleEndian.Uint64([]byte(rest[:8])))
		out[name] = rest[8 : 8+n]
		require.Equal(t, byte('\n'), rest[8+n])
		p = []byte(rest[8+n+1:])
	}
	return out
}
