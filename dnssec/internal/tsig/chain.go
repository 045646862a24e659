package tsig

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // for who asks for it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/miekg/dns"
)

// Fudge is how many seconds clocks may differ, as RFC 8945, section 10, recommends,
// and the most that is accepted of others.
const Fudge = 300

// Errors of a message's signature.
var (
	ErrKey      = errors.New("tsig: another key or algorithm (BADKEY)")
	ErrSig      = errors.New("tsig: the signature is not good (BADSIG)")
	ErrTime     = errors.New("tsig: signed too long ago, or in the future: compare the clocks (BADTIME)")
	ErrTrunc    = errors.New("tsig: the signature is truncated (BADTRUNC)")
	ErrUnsigned = errors.New("tsig: the message is not signed")
)

// Key is a shared secret.
type Key struct {
	// Name and Algorithm are on the wire, in lower case, with the root's zero.
	Name, Algorithm string
	hash            func() hash.Hash
	secret          []byte
}

// NewKey makes a key of its name and algorithm in presentation format.
func NewKey(name, algorithm string, secret []byte) (*Key, error) {
	k := &Key{secret: secret}
	switch algorithm {
	case "hmac-sha1":
		k.hash = sha1.New
	case "hmac-sha256":
		k.hash = sha256.New
	case "hmac-sha384":
		k.hash = sha512.New384
	case "hmac-sha512":
		k.hash = sha512.New
	default:
		return nil, fmt.Errorf("tsig: key %q: algorithm %q is not known", name, algorithm)
	}
	if len(secret) == 0 {
		return nil, fmt.Errorf("tsig: key %q has no secret", name)
	}
	buf := make([]byte, 256)
	end, err := dns.PackDomainName(dns.Fqdn(name), buf, 0, nil, false)
	if err != nil || end == 1 {
		return nil, fmt.Errorf("tsig: key %q: the name is no domain name", name)
	}
	for i := range buf[:end] {
		buf[i] = lower(buf[i])
	}
	k.Name = string(buf[:end])
	k.Algorithm = string(append([]byte{byte(len(algorithm))}, algorithm...)) + "\x00"
	return k, nil
}

// Size is how many octets a signature adds to a message.
func (k *Key) Size() int { return len(k.Name) + 10 + len(k.Algorithm) + 16 + k.hash().Size() }

// Chain is the messages of an exchange: each signature covers the one before.
type Chain struct {
	key  *Key
	mac  hash.Hash
	prev []byte
	// later says that there was an answer: what follows covers times only.
	answering, later bool
	pending          bool
	buf              []byte
}

// Chain begins an exchange. Prior is the MAC of the request, for who answers; nil
// begins with the request.
func (k *Key) Chain(prior []byte) *Chain {
	return &Chain{key: k, mac: hmac.New(k.hash, k.secret), prev: prior, answering: prior != nil}
}

func (c *Chain) begin() {
	if c.pending {
		return
	}
	c.pending = true
	c.mac.Reset()
	if c.prev != nil {
		c.write16(uint16(len(c.prev)))
		c.mac.Write(c.prev)
	}
}

func (c *Chain) write16(v uint16) {
	c.buf = binary.BigEndian.AppendUint16(c.buf[:0], v)
	c.mac.Write(c.buf)
}

// finish writes what is signed behind the message, and returns the MAC.
func (c *Chain) finish(r *Record) []byte {
	b := c.buf[:0]
	if !c.later {
		b = append(b, c.key.Name...)
		b = append(b, 0, classANY, 0, 0, 0, 0)
		b = append(b, c.key.Algorithm...)
	}
	b = appendTime(b, r.Time)
	b = binary.BigEndian.AppendUint16(b, r.Fudge)
	if !c.later {
		b = binary.BigEndian.AppendUint16(b, r.Error)
		b = binary.BigEndian.AppendUint16(b, uint16(len(r.Other)))
		b = append(b, r.Other...)
	}
	c.mac.Write(b)
	c.buf = b
	c.pending = false
	return c.mac.Sum(nil)
}

// next goes on to the following message.
func (c *Chain) next(mac []byte) {
	c.prev = mac
	c.later = c.answering
	c.answering = true
}

// Sign adds a signature to a message.
func (c *Chain) Sign(msg []byte, now time.Time) []byte {
	return c.SignError(msg, uint64(now.Unix()), 0, nil)
}

// SignError signs an answer that says what is wrong with the request's signature, at
// the time of that (RFC 8945, section 5.2.3).
func (c *Chain) SignError(msg []byte, at uint64, code uint16, other []byte) []byte {
	r := &Record{Key: c.key.Name, Algorithm: c.key.Algorithm, Time: at, Fudge: Fudge, Error: code, Other: other}
	r.ID = binary.BigEndian.Uint16(msg)
	c.begin()
	c.mac.Write(msg)
	r.MAC = c.finish(r)
	c.next(r.MAC)
	return r.Append(msg)
}

// Append adds the record to a message as it is: unsigned, if it has no MAC.
func (r *Record) Append(msg []byte) []byte {
	binary.BigEndian.PutUint16(msg[10:], binary.BigEndian.Uint16(msg[10:])+1)
	msg = append(msg, r.Key...)
	msg = append(msg, 0, typeTSIG, 0, classANY, 0, 0, 0, 0)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(r.Algorithm)+16+len(r.MAC)+len(r.Other)))
	msg = append(msg, r.Algorithm...)
	msg = appendTime(msg, r.Time)
	msg = binary.BigEndian.AppendUint16(msg, r.Fudge)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(r.MAC)))
	msg = append(msg, r.MAC...)
	msg = binary.BigEndian.AppendUint16(msg, r.ID)
	msg = binary.BigEndian.AppendUint16(msg, r.Error)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(r.Other)))
	return append(msg, r.Other...)
}

// Skip takes in a message without a signature, which the next one covers.
func (c *Chain) Skip(msg []byte) {
	c.begin()
	c.mac.Write(msg)
}

// Verify checks the body of a message against its record. The time is looked at
// last, as the signature covers it.
func (c *Chain) Verify(body []byte, r *Record, now time.Time) error {
	switch {
	case r == nil:
		return ErrUnsigned
	case r.Key != c.key.Name || r.Algorithm != c.key.Algorithm:
		return ErrKey
	case len(r.MAC) > c.mac.Size() || len(r.MAC) < max(10, c.mac.Size()/2):
		return ErrFormat // RFC 8945, section 5.2.2.1
	}
	c.begin()
	c.mac.Write(body)
	mac := c.finish(r)
	if !hmac.Equal(mac[:len(r.MAC)], r.MAC) {
		return ErrSig
	}
	c.next(mac)
	if len(r.MAC) < len(mac) {
		return ErrTrunc
	}
	if off := now.Unix() - int64(r.Time); off > int64(min(r.Fudge, Fudge)) || -off > int64(min(r.Fudge, Fudge)) {
		return ErrTime
	}
	return nil
}

func appendTime(b []byte, t uint64) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(t>>32))
	return binary.BigEndian.AppendUint32(b, uint32(t))
}
