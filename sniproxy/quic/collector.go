package quic

import (
	"bytes"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
)

// Collector reads the ClientHello of one connection out of the client's first
// datagrams, in whatever order they arrive. The zero value is ready for use. It
// sends nothing and keeps no datagram: it is the half of [Server] without sockets.
type Collector struct {
	// Limits bound the hello; Records does not matter.
	Limits clienthello.Limits

	keys       *protection
	number     uint32 // the version
	dcid, scid []byte
	largest    int64
	hello      assembly
}

// Add takes a datagram, which it does not change. Packets in it that are not the
// connection's, or cannot be decrypted, are passed over, as RFC 9001 section 5.2
// asks for. The info is filled on [clienthello.Complete]; it is valid until the
// next Add. On [clienthello.Malformed] the error is a [*clienthello.Error] or
// [ErrProtocol].
func (c *Collector) Add(datagram []byte, info *clienthello.Info) (clienthello.Status, error) {
	if len(datagram) < minInitial {
		return clienthello.NeedMore, nil
	}
	for len(datagram) > 0 {
		p, ok := parseLong(datagram)
		if !ok {
			break
		}
		if p.kind == initial && c.concerns(&p) && !c.open(datagram[:p.end], &p) {
			return clienthello.Malformed, ErrProtocol
		}
		datagram = datagram[p.end:]
	}
	parser := clienthello.Parser{Limits: c.Limits}
	return parser.ParseMessage(c.hello.prefix(), info)
}

// Started says whether a packet has been decrypted: whether this is a connection.
func (c *Collector) Started() bool { return c.keys != nil }

// concerns says whether the packet is one of the connection's; the first one makes
// it.
func (c *Collector) concerns(p *longPacket) bool {
	if c.keys != nil {
		return c.number == p.invariant.version && bytes.Equal(c.dcid, p.dcid)
	}
	if len(p.dcid) < minClientID {
		return false
	}
	keys, err := newProtection(p.version, p.dcid, fromClient)
	if err != nil {
		return false
	}
	c.keys, c.number, c.largest = keys, p.invariant.version, -1
	c.dcid, c.scid = bytes.Clone(p.dcid), bytes.Clone(p.scid)
	return true
}

// open takes the CRYPTO frames of a packet. It returns false for a packet that is
// authentic and breaks the rules.
func (c *Collector) open(packet []byte, p *longPacket) bool {
	packet = bytes.Clone(packet)
	number, frames, ok := c.keys.open(packet, p.number, c.largest)
	if !ok {
		if c.largest < 0 {
			c.keys = nil // it made no connection
		}
		return true
	}
	c.largest = max(c.largest, number)
	if packet[0]&0x0c != 0 { // reserved bits, RFC 9000 section 17.2
		return false
	}
	return eachCrypto(frames, func(offset uint64, data []byte) bool {
		return c.hello.add(offset, data, c.maxHello())
	})
}

func (c *Collector) maxHello() int { return c.Limits.Wire() / 2 }
