package tftp_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// client is a small TFTP client that shows each packet to the test.
type client struct {
	t    testing.TB
	conn net.PacketConn
	to   net.Addr // the listener
	tid  net.Addr // the transfer's port, once known
	buf  []byte
}

// newClient returns a client with a UDP port of its own on loopback.
func newClient(t testing.TB, server netip.AddrPort) *client {
	t.Helper()
	network, addr := "udp4", "127.0.0.1:0"
	if server.Addr().Is6() {
		network, addr = "udp6", "[::1]:0"
	}
	return newClientOn(t, network, addr, server)
}

// newClientFrom returns a client on an IPv4 address and port of the caller's.
func newClientFrom(t testing.TB, addr string, server netip.AddrPort) *client {
	t.Helper()
	return newClientOn(t, "udp4", addr, server)
}

func newClientOn(t testing.TB, network, addr string, server netip.AddrPort) *client {
	t.Helper()
	conn, err := net.ListenPacket(network, addr)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return &client{t: t, conn: conn, to: net.UDPAddrFromAddrPort(server), buf: make([]byte, 1<<16)}
}

// rrq is a read request with options given as name, value, name, value.
func rrq(name, mode string, options ...string) []byte {
	p := append([]byte{0, 1}, name...)
	p = append(append(p, 0), mode...)
	for _, s := range options {
		p = append(append(p, 0), s...)
	}
	return append(p, 0)
}

func ackOf(n uint16) []byte { return binary.BigEndian.AppendUint16([]byte{0, 4}, n) }

func errorOf(code uint16, text string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0, 5}, code), text+"\x00"...)
}

// ask sends p to the listener and forgets the port of a transfer before.
func (c *client) ask(p []byte) {
	c.t.Helper()
	c.tid = nil
	_, err := c.conn.WriteTo(p, c.to)
	require.NoError(c.t, err)
}

// say sends p to the transfer.
func (c *client) say(p []byte) {
	c.t.Helper()
	_, err := c.conn.WriteTo(p, c.tid)
	require.NoError(c.t, err)
}

// packet is one packet of the server.
type packet struct {
	op, n uint16 // n is the block number or the error code
	body  string
	from  string
}

var errSilence = errors.New("silence")

// hear waits for a packet of the server.
func (c *client) hear(wait time.Duration) (packet, error) {
	c.t.Helper()
	require.NoError(c.t, c.conn.SetReadDeadline(time.Now().Add(wait)))
	n, from, err := c.conn.ReadFrom(c.buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return packet{}, errSilence
	}
	require.NoError(c.t, err)
	require.GreaterOrEqual(c.t, n, 4)
	if c.tid == nil {
		c.tid = from
	}
	p := packet{op: binary.BigEndian.Uint16(c.buf), from: from.String()}
	if p.op == 6 {
		p.body = string(c.buf[2:n])
		return p, nil
	}
	p.n, p.body = binary.BigEndian.Uint16(c.buf[2:]), string(c.buf[4:n])
	return p, nil
}

// expect waits for a packet and requires its opcode.
func (c *client) expect(op uint16) packet {
	c.t.Helper()
	p, err := c.hear(5 * time.Second)
	require.NoError(c.t, err)
	require.Equal(c.t, op, p.op, "packet %+v", p)
	return p
}

// expectError waits for an ERROR and requires its code.
func (c *client) expectError(code uint16) packet {
	c.t.Helper()
	p := c.expect(5)
	require.Equal(c.t, code, p.n, "text %q", p.body)
	return p
}

// oackOptions takes an OACK apart.
func oackOptions(t testing.TB, body string) map[string]string {
	t.Helper()
	fields := strings.Split(strings.TrimSuffix(body, "\x00"), "\x00")
	require.Zero(t, len(fields)%2, "OACK %q", body)
	m := make(map[string]string)
	for i := 0; i < len(fields); i += 2 {
		m[fields[i]] = fields[i+1]
	}
	return m
}

// fetch reads a whole file as RFC 7440 says, sending its last packet again
// after patience without one. It returns the file and how many packets of the
// server it had seen before.
func (c *client) fetch(patience time.Duration, request []byte) (file []byte, again int) {
	c.t.Helper()
	c.ask(request)
	block, window, restart := 512, 1, false
	next, due, inGap := uint16(1), 0, false
	last := request
	reply := func(n uint16) { last = ackOf(n); c.say(last) }
	before := func(n uint16) uint16 {
		if restart && n == 1 && len(file) > 0 {
			return 65535
		}
		return n - 1
	}
	for silent := 0; silent < 50; {
		p, err := c.hear(patience)
		if err != nil {
			silent++
			due, inGap = 0, false
			if c.tid == nil {
				c.ask(last)
			} else {
				c.say(last)
			}
			continue
		}
		silent = 0
		switch {
		case p.op == 6:
			o := oackOptions(c.t, p.body)
			if v, ok := o["blksize"]; ok {
				block, _ = strconv.Atoi(v)
			}
			if v, ok := o["windowsize"]; ok {
				window, _ = strconv.Atoi(v)
			}
			restart = o["rollover"] == "1"
			if len(file) == 0 {
				reply(0)
			}
		case p.op == 3 && p.n == next:
			file = append(file, p.body...)
			inGap = false
			if next++; restart && next == 0 {
				next = 1
			}
			if due++; due == window || len(p.body) < block {
				due = 0
				reply(p.n)
			}
			if len(p.body) < block {
				return file, again
			}
		case p.op == 3 && int16(p.n-next) > 0:
			if !inGap {
				inGap, due = true, 0
				reply(before(next))
			}
		case p.op == 3:
			again++
			if p.n == before(next) {
				due = 0
				reply(p.n)
			}
		default:
			c.t.Fatalf("unexpected packet %+v after %d bytes", p, len(file))
		}
	}
	c.t.Fatalf("server went silent after %d bytes", len(file))
	return nil, 0
}
