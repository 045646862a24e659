package sshd_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/sshd"
)

// newKey returns a key that is the same for each number.
func newKey(n byte) (ed25519.PrivateKey, ssh.Signer) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		panic(err)
	}
	return key, signer
}

// A lab is a server on loopback with the console pi-042, which alice's key (1)
// may use and bob's (2) may watch.
type lab struct {
	*sshd.Server
	addr    string
	uart    *serialcontest.UART
	console *serialcon.Console
	served  chan error
	stop    context.CancelFunc

	mu      sync.Mutex
	entries []sshd.Entry
	changed chan struct{}
}

var errUnknown = errors.New("unknown")

func newLab(t *testing.T, set func(*sshd.Server)) *lab {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return newLabOn(t, listener, set)
}

func newLabOn(t *testing.T, listener net.Listener, set func(*sshd.Server)) *lab {
	t.Helper()
	_, host := newKey(100)
	l := &lab{uart: new(serialcontest.UART), served: make(chan error, 1), changed: make(chan struct{}, 1)}
	l.console = &serialcon.Console{Name: "pi-042", Port: l.uart}
	_, alice := newKey(1)
	_, bob := newKey(2)
	l.Server = &sshd.Server{
		HostKeys: []ssh.Signer{host},
		Audit: func(e sshd.Entry) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.entries = append(l.entries, e)
			select {
			case l.changed <- struct{}{}:
			default:
			}
		},
		Consoles: func(user string, key ssh.PublicKey) (sshd.Access, error) {
			if user == "anybody" {
				return sshd.Access{}, nil
			}
			switch {
			case user == "pi-042" && bytes.Equal(key.Marshal(), alice.PublicKey().Marshal()):
				return sshd.Access{Who: "alice", Console: l.console, Mode: serialcon.ReadWrite}, nil
			case user == "pi-042" && bytes.Equal(key.Marshal(), bob.PublicKey().Marshal()):
				return sshd.Access{Who: "bob", Console: l.console}, nil
			case user == "lobby" && bytes.Equal(key.Marshal(), bob.PublicKey().Marshal()):
				return sshd.Access{}, nil
			}
			return sshd.Access{}, errUnknown
		},
	}
	if set != nil {
		set(l.Server)
	}
	l.addr = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	ran := make(chan error, 1)
	go func() { ran <- l.console.Run(ctx) }()
	go func() { l.served <- l.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ran)
		require.Error(t, <-l.served)
		l.served <- nil
	})
	require.NoError(t, l.uart.WaitOpen(t.Context()))
	return l
}

// audited waits for an entry.
func (l *lab) audited(t *testing.T, ok func(sshd.Entry) bool) sshd.Entry {
	t.Helper()
	for {
		l.mu.Lock()
		for _, e := range l.entries {
			if ok(e) {
				l.mu.Unlock()
				return e
			}
		}
		l.mu.Unlock()
		select {
		case <-l.changed:
		case <-time.After(20 * time.Second):
			l.mu.Lock()
			defer l.mu.Unlock()
			require.FailNow(t, "no such entry", "%+v", l.entries)
		}
	}
}

func kind(k string) func(sshd.Entry) bool {
	return func(e sshd.Entry) bool { return e.Kind == k }
}

func clientConfig(user string, keys ...byte) *ssh.ClientConfig {
	var signers []ssh.Signer
	for _, k := range keys {
		_, s := newKey(k)
		signers = append(signers, s)
	}
	_, host := newKey(100)
	return &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signers...)}, HostKeyCallback: ssh.FixedHostKey(host.PublicKey()),
	}
}

func (l *lab) dial(t *testing.T, user string, keys ...byte) *ssh.Client {
	t.Helper()
	c, err := ssh.Dial("tcp", l.addr, clientConfig(user, keys...))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// from dials from an address of loopback.
func (l *lab) from(ip string, config *ssh.ClientConfig) error {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	nc, err := d.Dial("tcp", l.addr)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer nc.Close()
	c, _, _, err := ssh.NewClientConn(nc, l.addr, config)
	if err == nil {
		_ = c.Close()
	}
	return err
}

// A shell is a session of a client on the console.
type shell struct {
	*ssh.Session
	in  io.WriteCloser
	out io.Reader
	err io.Reader
}

func newShell(t *testing.T, c *ssh.Client, pty bool) *shell {
	t.Helper()
	s, err := c.NewSession()
	require.NoError(t, err)
	sh := &shell{Session: s}
	sh.in, err = s.StdinPipe()
	require.NoError(t, err)
	sh.out, err = s.StdoutPipe()
	require.NoError(t, err)
	sh.err, err = s.StderrPipe()
	require.NoError(t, err)
	if pty {
		require.NoError(t, s.RequestPty("xterm", 24, 80, ssh.TerminalModes{}))
		require.NoError(t, s.WindowChange(50, 132))
	}
	require.NoError(t, s.Shell())
	return sh
}

// expect reads until text came.
func expect(t *testing.T, r io.Reader, text string) string {
	t.Helper()
	var got []byte
	b := make([]byte, 1)
	for !bytes.Contains(got, []byte(text)) {
		n, err := r.Read(b)
		got = append(got, b[:n]...)
		if err != nil {
			require.FailNow(t, "the stream ended", "want %q, got %q", text, got)
		}
	}
	return string(got)
}
