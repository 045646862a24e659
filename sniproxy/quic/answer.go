package quic

import (
	"encoding/binary"
	"errors"
)

// ErrProtocol is the error of Initial packets that break RFC 9000: frames that they
// may not hold, CRYPTO data that contradicts itself, a hello in too many pieces.
var ErrProtocol = errors.New("quic: Initial packet against the protocol")

// Transport error codes of RFC 9000 section 20.1.
const (
	connectionRefused = 0x02
	protocolViolation = 0x0a
	cryptoError       = 0x100 // and a TLS alert
)

// appendNegotiation appends a Version Negotiation packet (RFC 9000 section 17.2.1)
// that answers a packet of a version not known. It is smaller than that by far.
func appendNegotiation(dst []byte, h *invariant) []byte {
	dst = append(dst, longForm|fixedBit)
	dst = append(dst, 0, 0, 0, 0)
	dst = append(append(dst, byte(len(h.scid))), h.scid...)
	dst = append(append(dst, byte(len(h.dcid))), h.dcid...)
	dst = binary.BigEndian.AppendUint32(dst, Version1)
	return binary.BigEndian.AppendUint32(dst, Version2)
}

// refusal is an Initial packet of a server that closes the connection before it
// began (RFC 9000 section 10.2.3), of less than 80 bytes. It asks for no
// acknowledgement and so needs no padding. Nil when there is no connection.
func (c *Collector) refusal(code uint16) []byte {
	v := lookUp(c.number)
	if v == nil {
		return nil
	}
	keys, err := newProtection(v, c.dcid, fromServer)
	if err != nil {
		return nil
	}
	frames := []byte{frameClose}
	frames = binary.BigEndian.AppendUint16(frames, 0x4000|code)
	frames = append(frames, frameCrypto, 0) // the frame that is refused, and no words

	header := []byte{longForm | fixedBit | v.initialFirst<<4}
	header = binary.BigEndian.AppendUint32(header, c.number)
	header = append(append(header, byte(len(c.scid))), c.scid...)
	header = append(append(header, byte(len(c.dcid))), c.dcid...)
	header = append(header, 0, byte(1+len(frames)+tagSize)) // no token; a length below 64
	header = append(header, 0)                              // packet number
	return keys.seal(header, frames)
}
