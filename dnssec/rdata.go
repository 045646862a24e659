package dnssec

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// record is one RR in canonical form.
type record struct {
	name   Name
	typ    uint16
	covers uint16 // the type that an RRSIG is of
	ttl    uint32
	rdata  string
}

// decoder turns records into canonical form. Its buffer is used again and again.
type decoder struct{ buf []byte }

// packRoom holds any record: an owner, ten octets, and 65,535 of data.
const packRoom = maxName + 10 + 1<<16

// decode packs the record by its own library and makes the octets canonical, so
// that escapes are gone before anything is compared, hashed or signed.
func (d *decoder) decode(rr dns.RR) (record, error) {
	if rr == nil || rr.Header() == nil {
		return record{}, errors.New("dnssec: a record is nil")
	}
	if d.buf == nil {
		d.buf = make([]byte, packRoom)
	}
	hdr := rr.Header()
	fail := func(err error) (record, error) {
		return record{}, fmt.Errorf("dnssec: record %q %s: %w", hdr.Name, dns.Type(hdr.Rrtype), err)
	}
	if hdr.Class != dns.ClassINET {
		return fail(fmt.Errorf("class %s is not IN", dns.Class(hdr.Class)))
	}
	if meta(hdr.Rrtype) {
		return fail(errors.New("is not of a type that zones have"))
	}
	if hdr.Ttl > 1<<31-1 {
		return fail(fmt.Errorf("TTL %d is above 2147483647", hdr.Ttl))
	}
	end, err := dns.PackRR(rr, d.buf, 0, nil, false)
	if err != nil {
		return fail(err)
	}
	n, err := nameLength(d.buf[:end])
	if err != nil {
		return fail(err)
	}
	if n+10 > end || int(binary.BigEndian.Uint16(d.buf[n+8:])) != end-n-10 {
		return fail(errors.New("has no owner")) // the library packs "" as nothing
	}
	lowerName(d.buf[:n])
	rdata := d.buf[n+10 : end]
	if err := canonical(hdr.Rrtype, rdata); err != nil {
		return fail(err)
	}
	r := record{name: Name{string(d.buf[:n-1])}, typ: hdr.Rrtype, ttl: hdr.Ttl, rdata: string(rdata)}
	if r.typ == dns.TypeRRSIG {
		r.covers = binary.BigEndian.Uint16(rdata)
	}
	return r, nil
}

// meta says whether a type is of messages rather than zones (RFC 6895, section 3.1).
func meta(typ uint16) bool {
	return typ == 0 || typ == dns.TypeOPT || typ >= 128 && typ <= 255
}

// typeA6 is historic (RFC 6563), and still in the list of RFC 4034.
const typeA6 = 38

// layout is where the names are in the data of a type.
type layout struct{ skip, strings, names int }

// layoutOf lists the types of RFC 4034, section 6.2, as RFC 6840, section 5.1,
// corrects it: HINFO has no names, and that of NSEC stays as it is.
func layoutOf(typ uint16) (l layout, ok bool) {
	switch typ {
	case typeA6, dns.TypeNS, dns.TypeMD, dns.TypeMF, dns.TypeCNAME, dns.TypeMB, dns.TypeMG,
		dns.TypeMR, dns.TypePTR, dns.TypeDNAME, dns.TypeNXT:
		return layout{names: 1}, true
	case dns.TypeSOA, dns.TypeMINFO, dns.TypeRP:
		return layout{names: 2}, true
	case dns.TypeMX, dns.TypeAFSDB, dns.TypeRT, dns.TypeKX:
		return layout{skip: 2, names: 1}, true
	case dns.TypePX:
		return layout{skip: 2, names: 2}, true
	case dns.TypeSRV:
		return layout{skip: 6, names: 1}, true
	case dns.TypeNAPTR:
		return layout{skip: 4, strings: 3, names: 1}, true
	case dns.TypeSIG, dns.TypeRRSIG:
		return layout{skip: 18, names: 1}, true
	}
	return layout{}, false
}

// canonical puts the names in the data of the listed types in lower case, in place.
func canonical(typ uint16, rdata []byte) error {
	l, ok := layoutOf(typ)
	if !ok {
		return nil
	}
	at := l.skip
	if typ == typeA6 {
		if len(rdata) == 0 || rdata[0] > 128 {
			return errShortData
		}
		if rdata[0] == 0 {
			return nil // the whole address, and no name
		}
		at = 1 + (128-int(rdata[0])+7)/8
	}
	for range l.strings {
		if at >= len(rdata) {
			return errShortData
		}
		at += 1 + int(rdata[at])
	}
	for range l.names {
		if at >= len(rdata) {
			return errShortData
		}
		n, err := nameLength(rdata[at:])
		if err != nil {
			return err
		}
		lowerName(rdata[at : at+n])
		at += n
	}
	if typ == dns.TypeSOA && len(rdata) != at+20 {
		return errShortData
	}
	return nil
}

var errShortData = errors.New("data of the wrong length")

// rr is the record for the library. Data that it cannot read stays as octets
// (RFC 3597).
func (r record) rr() dns.RR {
	b := make([]byte, 0, len(r.name.wire)+11+len(r.rdata))
	b = r.name.appendWire(b)
	b = binary.BigEndian.AppendUint16(b, r.typ)
	b = binary.BigEndian.AppendUint16(b, dns.ClassINET)
	b = binary.BigEndian.AppendUint32(b, r.ttl)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.rdata)))
	b = append(b, r.rdata...)
	if rr, n, err := dns.UnpackRR(b, 0); err == nil && n == len(b) {
		rr.Header().Name = r.name.String()
		return rr
	}
	return &dns.RFC3597{
		Hdr: dns.RR_Header{
			Name: r.name.String(), Rrtype: r.typ, Class: dns.ClassINET, Ttl: r.ttl, Rdlength: uint16(len(r.rdata)),
		},
		Rdata: fmt.Sprintf("%x", r.rdata),
	}
}
