package serve

import (
	"encoding/binary"
	"fmt"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec/internal/tsig"
)

const (
	// pointers reach so far (RFC 1035, section 4.1.4), so that longer messages
	// would be compressed worse.
	maxPointer = 1 << 14
	maxMessage = 1<<16 - 1
)

// record is an RR in uncompressed octets; owner without the root's zero.
type record struct {
	owner string
	typ   uint16
	ttl   uint32
	data  string
}

// packer makes a message of records. Its space is used again.
type packer struct {
	buf   []byte
	names *names
	limit int
	count int

	owner   string // of the last record
	ownerAt int    // where a pointer can lead to it; 0 is nowhere
}

// start begins a message, which may be so long unless one record alone is longer.
// It has a question if that is not "".
func (p *packer) start(id, flags uint16, question string, qtype uint16, limit int) {
	p.limit, p.count, p.ownerAt = limit, 0, 0
	if p.names == nil {
		p.names = new(names)
	}
	p.names.clear()
	b := append(p.buf[:0], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	binary.BigEndian.PutUint16(b, id)
	binary.BigEndian.PutUint16(b[2:], flags)
	p.buf = b
	if qtype != 0 {
		b[5] = 1
		p.name(question)
		p.buf = binary.BigEndian.AppendUint16(p.buf, qtype)
		p.buf = binary.BigEndian.AppendUint16(p.buf, dns.ClassINET)
	}
}

// add is false if there is no room for the record, which is then not in it.
func (p *packer) add(r record) bool {
	before := len(p.buf)
	if r.owner == p.owner && p.ownerAt > 0 {
		p.buf = binary.BigEndian.AppendUint16(p.buf, 0xc000|uint16(p.ownerAt))
	} else {
		p.owner, p.ownerAt = r.owner, p.name(r.owner)
	}
	b := binary.BigEndian.AppendUint16(p.buf, r.typ)
	b = append(b, 0, dns.ClassINET)
	b = binary.BigEndian.AppendUint32(b, r.ttl)
	b = append(b, 0, 0)
	p.buf = b
	at := len(b)
	p.rdata(r.typ, r.data)
	size := len(p.buf) - at
	if len(p.buf) > p.limit && p.count > 0 || len(p.buf) > maxMessage {
		p.buf = p.buf[:before] // the names are wrong now: nothing is added any more
		return false
	}
	binary.BigEndian.PutUint16(p.buf[at-2:], uint16(size))
	p.count++
	binary.BigEndian.PutUint16(p.buf[6:], uint16(p.count))
	return true
}

// rdata compresses names in the data of the types of RFC 1035 (RFC 3597, section 4).
func (p *packer) rdata(typ uint16, data string) {
	fixed, names := 0, 1
	switch typ {
	case dns.TypeNS, dns.TypeCNAME, dns.TypePTR:
	case dns.TypeMX:
		fixed = 2
	case dns.TypeSOA:
		names = 2
	default:
		names = 0
	}
	if names > 0 {
		p.buf = append(p.buf, data[:fixed]...)
		data = data[fixed:]
	}
	for range names {
		end := 0
		for data[end] != 0 {
			end += 1 + int(data[end])
		}
		p.name(data[:end])
		data = data[end+1:]
	}
	p.buf = append(p.buf, data...)
}

// name writes a name, and is where a pointer can lead to it; 0 is nowhere.
func (p *packer) name(wire string) (at int) {
	start := len(p.buf)
	var labels [128]suffix
	for i, s := range suffixes(wire, labels[:0]) {
		slot := p.names.find(wire[s.at:], s.hash)
		if slot.round == p.names.round {
			p.buf = binary.BigEndian.AppendUint16(p.buf, 0xc000|slot.at)
			if i == 0 {
				return int(slot.at)
			}
			return pointer(start)
		}
		if here := len(p.buf); here < maxPointer {
			p.names.put(slot, wire[s.at:], s.hash, uint16(here))
		}
		p.buf = append(p.buf, wire[s.at:int(s.at)+1+int(wire[s.at])]...)
	}
	p.buf = append(p.buf, 0)
	return pointer(start)
}

func pointer(at int) int {
	if at < maxPointer {
		return at
	}
	return 0
}

// toRecord is a record in octets.
func toRecord(rr dns.RR, buf []byte) (record, error) {
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return record{}, fmt.Errorf("serve: pack %q %s: %w", rr.Header().Name, dns.Type(rr.Header().Rrtype), err)
	}
	n := 0
	for buf[n] != 0 {
		n += 1 + int(buf[n])
	}
	return record{
		owner: string(buf[:n]), typ: rr.Header().Rrtype, ttl: rr.Header().Ttl, data: string(buf[n+11 : end]),
	}, nil
}

// room is how long messages may be that get a signature.
func room(limit int, chain *tsig.Chain, key *tsig.Key) int {
	if chain == nil {
		return limit
	}
	return limit - key.Size()
}
