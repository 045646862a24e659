package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// TFTP operations (RFC 1350, RFC 2347).
const (
	opRead  = 1
	opData  = 3
	opAck   = 4
	opError = 5
	opOack  = 6
)

// transfer is one file on its way.
type transfer struct {
	name    string
	client  netip.AddrPort
	block   int // size of a block
	bytes   int64
	last    uint16 // newest block sent
	lastAt  time.Time
	final   bool // the newest block is the last
	replied bool
	done    bool
}

func (w *witness) request(at time.Time, from netip.AddrPort, b []byte) {
	c := w.byAddr[from.Addr()]
	if c == nil || len(b) < 4 || binary.BigEndian.Uint16(b) != opRead {
		return
	}
	name, _, _ := strings.Cut(string(b[2:min(len(b), 512)]), "\x00")
	e := &c.Evidence
	e.Requests++
	e.Discovers, e.Offers, e.Nudges = 0, 0, 0
	if t := c.transfer; t != nil && !t.done && t.client != from {
		c.line(at, "gives %q up after %d bytes", t.name, t.bytes)
		e.StuckFile, e.StuckBytes = t.name, t.bytes
	}
	c.transfer = &transfer{name: name, client: from, block: 512}
	c.line(at, "asks for %q", name)
}

func (w *witness) tftp(at time.Time, from, to netip.AddrPort, b []byte) {
	if len(b) < 4 {
		return
	}
	if c := w.byAddr[to.Addr()]; c != nil && c.transfer != nil && c.transfer.client == to {
		c.fromServer(at, b)
	} else if c := w.byAddr[from.Addr()]; c != nil && c.transfer != nil && c.transfer.client == from {
		c.fromClient(at, b)
	}
}

func (c *client) fromServer(at time.Time, b []byte) {
	t := c.transfer
	t.replied = true
	switch binary.BigEndian.Uint16(b) {
	case opOack:
		t.block = blockSize(b[2:], t.block)
	case opError:
		t.done = true
		c.Evidence.MissingFile = t.name
		c.line(at, "%q is refused: %q", t.name, bytes.TrimRight(b[4:], "\x00"))
	case opData:
		block := binary.BigEndian.Uint16(b[2:])
		if block == t.last && !t.lastAt.IsZero() {
			c.Evidence.Slowest = max(c.Evidence.Slowest, int(at.Sub(t.lastAt).Milliseconds()))
		}
		if block == t.last+1 {
			t.bytes += int64(len(b) - 4)
		}
		t.last, t.lastAt, t.final = block, at, len(b)-4 < t.block
	}
}

func (c *client) fromClient(at time.Time, b []byte) {
	t := c.transfer
	switch binary.BigEndian.Uint16(b) {
	case opError:
		t.done = true
		c.line(at, "ends %q after %d bytes: %q", t.name, t.bytes, bytes.TrimRight(b[4:], "\x00"))
	case opAck:
		if !t.final || binary.BigEndian.Uint16(b[2:]) != t.last || t.done {
			return
		}
		t.done = true
		c.Evidence.MissingFile, c.Evidence.StuckFile = "", ""
		if rpi.Classify(t.name) == rpi.FileKernel {
			c.Evidence.KernelOK = true
		}
		c.line(at, "has %q, %d bytes", t.name, t.bytes)
	}
}

// blockSize returns the blksize of an OACK's options, and fallback without one.
func blockSize(options []byte, fallback int) int {
	fields := strings.Split(string(options), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		if strings.EqualFold(fields[i], "blksize") {
			if n, err := strconv.Atoi(fields[i+1]); err == nil && n >= 8 && n <= 65464 {
				return n
			}
		}
	}
	return fallback
}
