package snmpx

import (
	"errors"
	"fmt"
)

var errMalformed = errors.New("malformed message")

// What a message's head says, as much as is in clear.
type header struct {
	size      int // of the message
	version   byte
	id        int32  // the request id of v2c, the message id of v3
	community []byte // of v2c
	body      []byte // of v2c: the PDU

	engine []byte // of v3: the authoritative engine
	user   []byte
	flags  byte
	report OID // of v3: what a report counts, where it is in clear
}

const (
	version2c = 1
	version3  = 3

	tagSequence = 0x30
	tagResponse = 0xa2
	tagReport   = 0xa8

	flagAuth = 1
	flagPriv = 2
)

// cut cuts the first tag, length and content off b.
func cut(b []byte) (tag byte, content, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, fmt.Errorf("%w: it ends early", errMalformed)
	}
	tag = b[0]
	length, head := uint64(b[1]), 2
	if octets := int(b[1] & 0x7f); b[1] >= 0x80 {
		if octets == 0 || octets > 4 || octets > len(b)-2 {
			return 0, nil, nil, fmt.Errorf("%w: a bad length", errMalformed)
		}
		length, head = 0, 2+octets
		for _, o := range b[2:head] {
			length = length<<8 | uint64(o)
		}
	}
	if length > uint64(len(b)-head) {
		return 0, nil, nil, fmt.Errorf("%w: a length beyond its end", errMalformed)
	}
	return tag, b[head : head+int(length)], b[head+int(length):], nil
}

// parser cuts one element after the other and remembers the first error.
type parser struct {
	b   []byte
	err error
}

func (p *parser) next(tag byte) []byte {
	if p.err != nil {
		return nil
	}
	got, content, rest, err := cut(p.b)
	if err == nil && got != tag {
		err = fmt.Errorf("%w: tag %#x in place of %#x", errMalformed, got, tag)
	}
	p.b, p.err = rest, err
	return content
}

func (p *parser) int() int32 {
	b := p.next(byte(TypeInteger))
	if p.err == nil && (len(b) == 0 || len(b) > 5) {
		p.err = fmt.Errorf("%w: a number of %d octets", errMalformed, len(b))
	}
	var n int64
	for i, o := range b {
		if i == 0 {
			n = int64(int8(o))
			continue
		}
		n = n<<8 | int64(o)
	}
	return int32(n)
}

// parseHeader reads what is in clear of a message of v2c or v3.
func parseHeader(b []byte) (header, error) {
	outer := parser{b: b}
	p := parser{b: outer.next(tagSequence), err: outer.err}
	if outer.err == nil && len(outer.b) > 0 {
		return header{}, fmt.Errorf("%w: %d octets after it", errMalformed, len(outer.b))
	}
	h := header{size: len(b), version: byte(p.int())}
	switch {
	case p.err != nil:
		return header{}, p.err
	case h.version == version2c:
		h.community, h.body = p.next(byte(TypeOctetString)), p.b
		_, pdu, _, err := cut(p.b)
		if p.err == nil {
			p = parser{b: pdu, err: err}
			h.id = p.int()
		}
	case h.version == version3:
		h.parseV3(&p)
	default:
		return header{}, fmt.Errorf("%w: version %d", errMalformed, h.version)
	}
	return h, p.err
}

// parseV3 reads msgGlobalData and the parameters of the User-based Security
// Model: RFC 3412 section 6, RFC 3414 section 2.4.
func (h *header) parseV3(p *parser) {
	global := parser{b: p.next(tagSequence), err: p.err}
	h.id = global.int()
	global.int() // the largest size
	flags := global.next(byte(TypeOctetString))
	global.int() // the security model
	security := parser{b: p.next(byte(TypeOctetString)), err: p.err}
	usm := parser{b: security.next(tagSequence), err: security.err}
	h.engine = usm.next(byte(TypeOctetString))
	usm.int() // boots
	usm.int() // time
	h.user = usm.next(byte(TypeOctetString))
	if err := errors.Join(global.err, usm.err); err != nil && p.err == nil {
		p.err = err
	}
	if p.err != nil || len(flags) != 1 {
		p.err = errors.Join(p.err, errMalformed)
		return
	}
	if h.flags = flags[0]; h.flags&flagPriv == 0 {
		h.parseReport(p.b)
	}
}

// parseReport finds out what a report counts. Other PDUs leave it nil.
func (h *header) parseReport(scoped []byte) {
	p := parser{b: scoped}
	p.b = p.next(tagSequence)
	p.next(byte(TypeOctetString)) // the context's engine
	p.next(byte(TypeOctetString)) // and name
	p.b = p.next(tagReport)
	p.int()
	p.int()
	p.int()
	p.b = p.next(tagSequence)
	p.b = p.next(tagSequence)
	name := p.next(byte(TypeObjectID))
	if p.err != nil {
		return
	}
	if o, err := ParseOIDBER(name); err == nil {
		h.report = o
	}
}

// appendLength appends the octets of a length.
func appendLength(dst []byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(dst, byte(n))
	case n < 0x100:
		return append(dst, 0x81, byte(n))
	case n < 0x10000:
		return append(dst, 0x82, byte(n>>8), byte(n))
	}
	return append(dst, 0x83, byte(n>>16), byte(n>>8), byte(n))
}

// appendV2c appends a message with the community and PDU. gosnmp writes the
// length of a community of 128 octets or more wrong, and shows the community to
// whoever asks for its log; it is not told the community.
func appendV2c(dst []byte, community Secret, pdu []byte) []byte {
	var room [8]byte
	head := appendLength(append(room[:0], byte(TypeOctetString)), len(community))
	dst = appendLength(append(dst, tagSequence), 3+len(head)+len(community)+len(pdu))
	dst = append(dst, byte(TypeInteger), 1, version2c)
	dst = append(append(dst, head...), community...)
	return append(dst, pdu...)
}
