package clienthello

import "encoding/binary"

const (
	recordHeader = 5
	maxRecord    = 1 << 14
	defaultMax   = 1 << 14
	maxHandshake = 1 << 16

	typeHandshake   = 22
	typeClientHello = 1
)

// Limits bound what a hello may cost.
type Limits struct {
	// Max is the most bytes of the handshake message, its header of four bytes
	// included: 0 means 16384, and more than 65536 means 65536. The records may
	// add as much again in headers.
	Max int
	// Records is the most records: 0 means as many as fit in Wire.
	Records int
}

func (l Limits) max() int {
	if l.Max <= 0 {
		return defaultMax
	}
	return min(l.Max, maxHandshake)
}

// Wire is the most bytes that [Parser.Parse] can ask for, record headers
// included: a buffer of that size is large enough.
func (l Limits) Wire() int { return 2 * l.max() }

// Status is the outcome of parsing.
type Status uint8

// The outcomes.
const (
	// NeedMore: everything so far is right, and it is not all.
	NeedMore Status = iota
	// Complete: the Info is filled.
	Complete
	// Malformed: no further byte can make it right. The error is an [*Error].
	Malformed
)

// Parser reads the ClientHello at the start of a connection. The zero value is
// ready for use, with the default [Limits]. After any outcome but [NeedMore] it
// is ready for the next connection.
type Parser struct {
	Limits Limits

	record  int     // where the header of the record being read begins
	have    int     // bytes of the message in the records before it
	records int     // whole records so far
	head    [4]byte // the message's header, as far as have goes
}

// Parse takes all bytes received so far, from the first of the connection. It
// looks only at what it has not seen in earlier calls: the cost of a hello that
// arrives byte by byte is linear in its size. The bytes are not changed.
//
// On [Malformed] the error is an [*Error] and the Info holds nothing of the hello;
// otherwise the error is nil.
func (p *Parser) Parse(received []byte, info *Info) (Status, error) {
	for {
		body, whole, reason := p.next(received)
		if reason != 0 {
			return p.refuse(reason)
		}
		if body == nil {
			return NeedMore, nil
		}
		size, reason := p.header(body)
		if reason == 0 && size != 0 && p.have+p.length(received) > size {
			reason = TrailingData
		}
		if reason != 0 {
			return p.refuse(reason)
		}
		if !whole {
			return NeedMore, nil
		}
		p.have += len(body)
		p.record += recordHeader + len(body)
		p.records++
		if p.have == size {
			return p.finish(received, info)
		}
	}
}

// next is the content of the record at p.record as far as it was received,
// whole or not; nil while its header is not whole.
func (p *Parser) next(received []byte) (body []byte, whole bool, reason Reason) {
	rec := received[min(p.record, len(received)):]
	if len(rec) < recordHeader {
		return nil, false, p.prefix(rec)
	}
	if rec[0] != typeHandshake || rec[1] != 3 {
		return nil, false, p.prefix(rec)
	}
	n := p.length(received)
	switch {
	case n == 0:
		return nil, false, RecordEmpty
	case n > maxRecord:
		return nil, false, RecordTooLong
	case p.record+recordHeader+n > p.Limits.Wire():
		return nil, false, TooLarge
	case p.Limits.Records > 0 && p.records >= p.Limits.Records:
		return nil, false, TooManyRecords
	}
	body = rec[recordHeader:min(len(rec), recordHeader+n)]
	return body, len(body) == n, 0
}

// length is the content length that the header of the current record states.
func (p *Parser) length(received []byte) int {
	return int(binary.BigEndian.Uint16(received[p.record+3:]))
}

// header collects the message's header, which may be spread over four records,
// and returns the size of the whole message, 0 while that is unknown.
func (p *Parser) header(body []byte) (size int, reason Reason) {
	have := p.have
	if have < len(p.head) {
		have += copy(p.head[have:], body)
	}
	if have > 0 && p.head[0] != typeClientHello {
		return 0, NotClientHello
	}
	if have < len(p.head) {
		return 0, 0
	}
	size = messageSize(p.head[:])
	if size > p.Limits.max() {
		return 0, TooLarge
	}
	return size, 0
}

// prefix says what is wrong with the first bytes of a record.
func (p *Parser) prefix(rec []byte) Reason {
	switch {
	case len(rec) == 0:
		return 0
	case rec[0] != typeHandshake && p.record > 0:
		return RecordType
	case rec[0] != typeHandshake:
		return foreign(rec)
	case len(rec) > 1 && rec[1] != 3:
		return RecordVersion
	}
	return 0
}

func (p *Parser) refuse(r Reason) (Status, error) {
	*p = Parser{Limits: p.Limits}
	return Malformed, r.err()
}

// finish parses the message whose last record ends at p.record.
func (p *Parser) finish(received []byte, info *Info) (Status, error) {
	wire, records, size := p.record, p.records, p.have
	*p = Parser{Limits: p.Limits}
	message := received[recordHeader:wire]
	if records > 1 {
		info.join = joinRecords(info.join[:0], received[:wire], size)
		message = info.join
	}
	if r := info.parse(message); r != 0 {
		return Malformed, r.err()
	}
	info.RecordVersion = binary.BigEndian.Uint16(received[1:])
	info.Wire, info.Records = wire, records
	return Complete, nil
}

// joinRecords appends the contents of whole records.
func joinRecords(dst, records []byte, size int) []byte {
	if cap(dst) < size {
		dst = make([]byte, 0, size)
	}
	for len(records) > 0 {
		end := recordHeader + int(binary.BigEndian.Uint16(records[3:]))
		dst = append(dst, records[recordHeader:end]...)
		records = records[end:]
	}
	return dst
}

// ParseMessage takes the first bytes of a handshake without records, as QUIC
// carries it in CRYPTO frames (RFC 9001 section 4): all that have arrived in
// order so far. What comes behind the hello is not looked at. Limits.Max holds.
func (p *Parser) ParseMessage(message []byte, info *Info) (Status, error) {
	if len(message) > 0 && message[0] != typeClientHello {
		return Malformed, NotClientHello.err()
	}
	if len(message) < 4 {
		return NeedMore, nil
	}
	size := messageSize(message)
	if size > p.Limits.max() {
		return Malformed, TooLarge.err()
	}
	if len(message) < size {
		return NeedMore, nil
	}
	if r := info.parse(message[:size]); r != 0 {
		return Malformed, r.err()
	}
	info.Wire = size
	return Complete, nil
}

// messageSize is the length of the message with that header, header included.
func messageSize(head []byte) int {
	return 4 + int(head[1])<<16 + int(head[2])<<8 + int(head[3])
}
