//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// get is one file to read.
type get struct {
	server          netip.AddrPort
	name            string
	want            []byte // nil: do not compare
	blksize, window int
	timeout         time.Duration
	patience, limit time.Duration

	fd     int
	last   []byte // what we sent last
	next   uint16 // the block that is due
	inWin  int    // blocks since the last ACK
	inGap  bool   // the gap before us was made known
	heard  bool   // the server answered
	result result
}

type result struct {
	bytes                int64
	timeouts, duplicates int
}

var errDone = errors.New("done")

// run reads the file through a blocking socket of its own, as a C program
// would: the client's part in what is measured stays small.
func (g *get) run() (result, error) {
	family := unix.AF_INET
	if !g.server.Addr().Is4() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return result{}, err
	}
	defer unix.Close(fd)
	g.fd, g.next = fd, 1
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20) // where it is less, that is part of the test
	wait := g.timeout
	if g.patience > 0 {
		wait = g.patience
	}
	tv := unix.NsecToTimeval(int64(wait))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return result{}, err
	}
	err = g.exchange()
	if errors.Is(err, errDone) {
		err = g.complete()
	}
	return g.result, err
}

func (g *get) complete() error {
	if g.want != nil && g.result.bytes != int64(len(g.want)) {
		return fmt.Errorf("%d bytes instead of %d", g.result.bytes, len(g.want))
	}
	return nil
}

func (g *get) exchange() error {
	started := time.Now()
	g.last = g.request()
	if err := unix.Sendto(g.fd, g.last, 0, sockaddr(g.server)); err != nil {
		return err
	}
	ws, bs := 1, 512
	buf := make([]byte, 1<<16)
	for {
		n, err := g.receive(buf)
		if time.Since(started) > g.limit {
			return errors.New("took too long")
		}
		if errors.Is(err, unix.EINTR) {
			continue // the runtime's own signals
		}
		if errors.Is(err, unix.EAGAIN) {
			if err := g.overdue(); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if n < 4 {
			continue
		}
		switch p := buf[:n]; binary.BigEndian.Uint16(p) {
		case 6:
			if bs, ws, err = g.oack(p[2:]); err == nil {
				err = g.ack(0)
			}
		case 3:
			err = g.data(p, bs, ws)
		case 5:
			err = fmt.Errorf("error %d %q", binary.BigEndian.Uint16(p[2:]), bytes.TrimRight(p[4:], "\x00"))
		}
		if err != nil {
			return err
		}
	}
}

// receive waits for a packet. The first one tells the server's port.
func (g *get) receive(buf []byte) (int, error) {
	if g.heard {
		return unix.Read(g.fd, buf)
	}
	n, from, err := unix.Recvfrom(g.fd, buf, 0)
	if err != nil {
		return n, err
	}
	g.heard = true
	return n, unix.Connect(g.fd, from)
}

// overdue is called when no packet came in time.
func (g *get) overdue() error {
	g.result.timeouts++
	if g.patience > 0 {
		return fmt.Errorf("no packet for %v at %d bytes", g.patience, g.result.bytes)
	}
	if !g.heard {
		return unix.Sendto(g.fd, g.last, 0, sockaddr(g.server))
	}
	g.inWin, g.inGap = 0, false
	return g.ack(g.next - 1)
}

func (g *get) request() []byte {
	p := append([]byte{0, 1}, g.name...)
	p = append(p, "\x00octet\x00"...)
	if g.blksize > 0 {
		p = append(p, "tsize\x000\x00blksize\x00"+strconv.Itoa(g.blksize)+"\x00"...)
	}
	if g.window > 0 {
		p = append(p, "windowsize\x00"+strconv.Itoa(g.window)+"\x00"...)
	}
	return p
}

func (g *get) oack(p []byte) (bs, ws int, err error) {
	bs, ws = 512, 1
	fields := strings.Split(string(p), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		v, err := strconv.Atoi(fields[i+1])
		if err != nil {
			return 0, 0, fmt.Errorf("option %s: %w", fields[i], err)
		}
		switch strings.ToLower(fields[i]) {
		case "blksize":
			bs = v
		case "windowsize":
			ws = v
		}
	}
	return bs, ws, nil
}

func (g *get) ack(n uint16) error {
	g.last = binary.BigEndian.AppendUint16([]byte{0, 4}, n)
	_, err := unix.Write(g.fd, g.last)
	return err
}

// data takes a DATA packet (RFC 7440 section 4: the last block of a window and
// of the file is acknowledged, and at a gap the last one before it).
func (g *get) data(p []byte, bs, ws int) error {
	n, body := binary.BigEndian.Uint16(p[2:]), p[4:]
	switch ahead := int16(n - g.next); {
	case ahead > 0:
		if g.inGap {
			return nil
		}
		g.inGap, g.inWin = true, 0
		return g.ack(g.next - 1)
	case ahead < 0:
		g.result.duplicates++
		if n == g.next-1 { // our ACK of it was lost
			g.inWin = 0
			return g.ack(n)
		}
		return nil
	}
	if at := g.result.bytes; g.want != nil && (int64(len(g.want)) < at+int64(len(body)) || !bytes.Equal(body, g.want[at:at+int64(len(body))])) {
		return fmt.Errorf("block at byte %d differs", at)
	}
	g.result.bytes += int64(len(body))
	g.next++
	g.inGap = false
	g.inWin++
	last := len(body) < bs
	if g.inWin == ws || last {
		g.inWin = 0
		if err := g.ack(n); err != nil {
			return err
		}
	}
	if last {
		return errDone
	}
	return nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
