package quic

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

const (
	sampleSize = 16 // RFC 9001 section 5.4.2
	tagSize    = 16
)

// protection is one direction's packet protection at the Initial level (RFC 9001
// section 5.2). The keys follow from the connection ID that the client chose, which
// is in the clear: they protect from accidents, not from anybody who looks.
type protection struct {
	aead   cipher.AEAD
	header cipher.Block
	iv     [12]byte
}

// The labels of the two directions' secrets.
const (
	fromClient = "client in"
	fromServer = "server in"
)

func newProtection(v *version, dcid []byte, direction string) (*protection, error) {
	secret, err := hkdf.Extract(sha256.New, dcid, v.salt)
	if err != nil {
		return nil, fmt.Errorf("quic: initial secret: %w", err)
	}
	if secret, err = expand(secret, direction, sha256.Size); err != nil {
		return nil, err
	}
	var block [2]cipher.Block
	for i, label := range []string{v.key, v.hp} {
		key, err := expand(secret, label, 16)
		if err != nil {
			return nil, err
		}
		if block[i], err = aes.NewCipher(key); err != nil {
			return nil, fmt.Errorf("quic: initial keys: %w", err)
		}
	}
	iv, err := expand(secret, v.iv, 12)
	if err != nil {
		return nil, err
	}
	p := &protection{header: block[1]}
	copy(p.iv[:], iv)
	if p.aead, err = cipher.NewGCM(block[0]); err != nil {
		return nil, fmt.Errorf("quic: initial keys: %w", err)
	}
	return p, nil
}

// expand is HKDF-Expand-Label of RFC 8446 section 7.1 with an empty context.
func expand(secret []byte, label string, n int) ([]byte, error) {
	const prefix = "tls13 "
	info := make([]byte, 0, 4+len(prefix)+len(label))
	info = binary.BigEndian.AppendUint16(info, uint16(n))
	info = append(info, byte(len(prefix)+len(label)))
	info = append(append(info, prefix...), label...)
	info = append(info, 0)
	out, err := hkdf.Expand(sha256.New, secret, string(info), n)
	if err != nil {
		return nil, fmt.Errorf("quic: expand %q: %w", label, err)
	}
	return out, nil
}

// mask is the header protection for a packet, whose number is at that place.
func (p *protection) mask(packet []byte, number int) (mask [sampleSize]byte, ok bool) {
	from := number + 4
	if len(packet) < from+sampleSize {
		return mask, false
	}
	p.header.Encrypt(mask[:], packet[from:from+sampleSize])
	return mask, true
}

// nonce is that of a packet number (RFC 9001 section 5.3).
func (p *protection) nonce(number uint64) []byte {
	nonce := p.iv
	low := nonce[4:]
	binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)^number)
	return nonce[:]
}

// open removes the protection of a whole packet in place and returns its frames.
// largest is the greatest packet number opened before, -1 for none.
func (p *protection) open(packet []byte, at int, largest int64) (number int64, frames []byte, ok bool) {
	mask, ok := p.mask(packet, at)
	if !ok {
		return 0, nil, false
	}
	packet[0] ^= mask[0] & 0x0f
	size := int(packet[0]&3) + 1
	truncated := uint64(0)
	for i := range size {
		packet[at+i] ^= mask[1+i]
		truncated = truncated<<8 | uint64(packet[at+i])
	}
	number = decodeNumber(largest, truncated, 8*size)
	sealed := packet[at+size:]
	frames, err := p.aead.Open(sealed[:0], p.nonce(uint64(number)), sealed, packet[:at+size])
	return number, frames, err == nil
}

// seal protects frames behind a header that ends in a packet number of one byte.
func (p *protection) seal(header, frames []byte) []byte {
	at := len(header) - 1
	packet := p.aead.Seal(header, p.nonce(uint64(header[at])), frames, header)
	mask, _ := p.mask(packet, at)
	packet[0] ^= mask[0] & 0x0f
	packet[at] ^= mask[1]
	return packet
}

// decodeNumber finds the packet number next to the one expected that ends in those
// bits (RFC 9000 appendix A.3).
func decodeNumber(largest int64, truncated uint64, bits int) int64 {
	expected := largest + 1
	window := int64(1) << bits
	candidate := expected&^(window-1) | int64(truncated)
	switch {
	case candidate <= expected-window/2 && candidate < 1<<62-window:
		return candidate + window
	case candidate > expected+window/2 && candidate >= window:
		return candidate - window
	}
	return candidate
}
