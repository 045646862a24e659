package dial

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// TCP opens a raw TCP connection.
type TCP struct {
	// Address is the host and port: "ts1.example:7001". Needed.
	Address string
	// Timeout ends an attempt to connect. Zero means ten seconds.
	Timeout time.Duration
	// Silence is how long a peer that vanished without a word (power, a
	// firewall's table) may go unnoticed: idle lines are probed (SO_KEEPALIVE),
	// and bytes sent must be acknowledged (TCP_USER_TIMEOUT, on Linux). Zero
	// means 30 seconds; it is rounded to seconds, and at least three.
	Silence time.Duration
}

var (
	_ serialcon.Opener   = TCP{}
	_ serialcon.Opener   = Unix{}
	_ serialcon.Pollable = (*socket)(nil)
)

// String is "tcp" and the address.
func (d TCP) String() string { return "tcp " + d.Address }

// Dial connects, with the probes of Silence set.
func (d TCP) Dial(ctx context.Context) (net.Conn, error) {
	silence := rounded(or(d.Silence, 30*time.Second))
	dialer := net.Dialer{
		Timeout:         or(d.Timeout, 10*time.Second),
		KeepAliveConfig: probes(silence),
		Control:         func(_, _ string, c syscall.RawConn) error { return setUserTimeout(c, silence) },
	}
	c, err := dialer.DialContext(ctx, "tcp", d.Address)
	if err != nil {
		return nil, fmt.Errorf("dial: connect to %s: %w", d, err)
	}
	return c, nil
}

// Watch makes a connection fail whose peer vanished without a word, within the
// silence of TCP: rounded to seconds, and at least three. It is for connections
// that were accepted.
func Watch(c *net.TCPConn, silence time.Duration) error {
	silence = rounded(silence)
	if err := c.SetKeepAliveConfig(probes(silence)); err != nil {
		return fmt.Errorf("dial: probe the peer: %w", err)
	}
	raw, err := c.SyscallConn()
	if err == nil {
		err = setUserTimeout(raw, silence)
	}
	if err != nil {
		return fmt.Errorf("dial: watch the peer: %w", err)
	}
	return nil
}

func rounded(silence time.Duration) time.Duration {
	return max(silence.Round(time.Second), 3*time.Second)
}

// probes find out on an idle connection within silence.
func probes(silence time.Duration) net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: silence / 3, Interval: max(silence/6, time.Second), Count: 4}
}

// Open connects.
func (d TCP) Open(ctx context.Context) (serialcon.Port, error) { return open(d.Dial(ctx)) }

// Unix opens a stream socket of this machine, as of QEMU's "-chardev
// socket,path=…,server=on".
type Unix struct {
	// Path of the socket; a leading "@" means the abstract namespace. Needed.
	Path string
	// Timeout ends an attempt to connect. Zero means ten seconds.
	Timeout time.Duration
}

// String is "unix" and the path.
func (d Unix) String() string { return "unix " + d.Path }

// Dial connects.
func (d Unix) Dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: or(d.Timeout, 10*time.Second)}
	c, err := dialer.DialContext(ctx, "unix", d.Path)
	if err != nil {
		return nil, fmt.Errorf("dial: connect to %s: %w", d, err)
	}
	return c, nil
}

// Open connects.
func (d Unix) Open(ctx context.Context) (serialcon.Port, error) { return open(d.Dial(ctx)) }

func open(c net.Conn, err error) (serialcon.Port, error) {
	if err != nil {
		return nil, err
	}
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("dial: descriptor of the connection: %w", err)
	}
	return &socket{Conn: c, raw: raw}, nil
}

// socket is a connection as a port.
type socket struct {
	net.Conn
	raw syscall.RawConn
}

// SyscallConn gives the socket to an Engine.
func (s *socket) SyscallConn() (syscall.RawConn, error) { return s.raw, nil }

// Close may be called more than once.
func (s *socket) Close() error {
	_ = s.Conn.Close() // what was on its way is lost with the line
	return nil
}

func or(d, zero time.Duration) time.Duration {
	if d == 0 {
		return zero
	}
	return d
}
