package serve

import (
	"encoding/binary"
	"iter"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
)

// transfer is one that is allowed: of a zone, or of its changes since old.
type transfer struct {
	r      *request
	zone   *dnssec.Zone
	old    *dnssec.Zone // nil for the whole zone
	single bool         // the SOA and nothing else
	since  uint32       // the serial that the peer has, if it asks for changes
	id     uint16
	qname  string
	qtype  uint16
}

// transfer decides what a request for one gets.
func (s *Server) transfer(r *request) (t *transfer, rcode int) {
	q := r.msg.Question[0]
	name, err := dnssec.ParseName(q.Name)
	opt := r.msg.IsEdns0()
	switch {
	case err != nil || q.Qtype == dns.TypeAXFR && r.udp: // RFC 5936, section 4.2
		return nil, dns.RcodeFormatError
	case opt != nil && opt.Version() != 0:
		return nil, dns.RcodeBadVers
	case q.Qclass != dns.ClassINET:
		return nil, dns.RcodeRefused
	}
	if !allows(s.config(name).Transfer, r) {
		s.log().Warn("serve: transfer refused: no rule lets the peer have it", "zone", name, "peer", r.from, "key", r.keyName)
		return nil, dns.RcodeRefused
	}
	e := s.entry(name)
	if e == nil {
		return nil, dns.RcodeNotAuth // RFC 5936, section 2.2.1
	}
	wire := make([]byte, 256)
	end, err := dns.PackDomainName(q.Name, wire, 0, nil, false)
	if err != nil {
		return nil, dns.RcodeFormatError
	}
	t = &transfer{r: r, zone: e.zone, id: r.msg.Id, qname: string(wire[:end-1]), qtype: q.Qtype}
	if q.Qtype == dns.TypeAXFR {
		return t, 0
	}
	if len(r.msg.Ns) != 1 {
		return nil, dns.RcodeFormatError
	}
	soa, ok := r.msg.Ns[0].(*dns.SOA)
	if !ok {
		return nil, dns.RcodeFormatError
	}
	t.since, t.single = soa.Serial, !serialAfter(e.zone.Serial(), soa.Serial)
	if !t.single {
		t.old = e.at(soa.Serial)
		t.single = t.old == nil && r.udp
	}
	return t, 0
}

// records are those of the answer in their order.
func (t *transfer) records() iter.Seq2[record, error] {
	switch {
	case t.single:
		return func(yield func(record, error) bool) { yield(soaOf(t.zone), nil) }
	case t.old != nil:
		return t.changes
	}
	return t.whole
}

func (t *transfer) whole(yield func(record, error) bool) {
	for set := range t.zone.Wire() {
		for _, data := range set.Data {
			if !yield(record{owner: set.Owner, typ: set.Type, ttl: set.TTL, data: data}, nil) {
				return
			}
		}
	}
	yield(soaOf(t.zone), nil)
}

// changes are all since old in one step (RFC 1995, section 4): the records of a
// difference begin with its SOA.
func (t *transfer) changes(yield func(record, error) bool) {
	if !yield(soaOf(t.zone), nil) {
		return
	}
	removed, added := dnssec.Diff(t.old, t.zone)
	buf := make([]byte, 512+maxMessage)
	for _, rrs := range [][]dns.RR{removed, added} {
		for _, rr := range rrs {
			r, err := toRecord(rr, buf)
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
	yield(soaOf(t.zone), nil)
}

func soaOf(z *dnssec.Zone) record {
	for set := range z.Wire() {
		return record{owner: set.Owner, typ: set.Type, ttl: set.TTL, data: set.Data[0]}
	}
	return record{}
}

// flags are QR and AA.
const flags = 0x8400

// small is the answer by UDP: all of it, or the SOA alone if that is too long, so
// that the client comes by TCP (RFC 1995, section 2).
func (s *Server) small(t *transfer) []byte {
	limit := room(t.r.limit(), t.r.chain, t.r.key)
	if t.r.msg.IsEdns0() != nil {
		limit -= optSize
	}
	var p packer
	fill := func() bool {
		p.start(t.id, flags, t.qname, t.qtype, limit)
		for r, err := range t.records() {
			if err != nil || !p.add(r) || len(p.buf) > limit {
				return false
			}
		}
		return true
	}
	if !fill() {
		t.single = true
		if !fill() {
			m := s.fail(t.r, dns.RcodeSuccess)
			m.Truncated = true
			return s.pack(m, t.r)
		}
	}
	s.count(t)
	if t.r.msg.IsEdns0() != nil {
		p.buf = appendOPT(p.buf)
	}
	if t.r.chain != nil {
		p.buf = t.r.chain.Sign(p.buf, time.Now())
	}
	return p.buf
}

func (s *Server) count(t *transfer) {
	switch {
	case t.single:
		s.counters.current.Add(1)
	case t.old != nil:
		s.counters.ixfr.Add(1)
	default:
		s.counters.axfr.Add(1)
	}
}

const optSize = 11

// appendOPT adds an OPT record that says how long messages by UDP may be.
func appendOPT(b []byte) []byte {
	binary.BigEndian.PutUint16(b[10:], binary.BigEndian.Uint16(b[10:])+1)
	b = append(b, 0, 0, byte(dns.TypeOPT))
	b = binary.BigEndian.AppendUint16(b, answer.DefaultUDPSize)
	return append(b, 0, 0, 0, 0, 0, 0)
}

func (s *Server) logTransfer(st *stream, took time.Duration, err error) {
	kind := "AXFR"
	switch {
	case st.t.single:
		kind = "current"
	case st.t.old != nil:
		kind = "IXFR"
	}
	attrs := []any{
		"zone", st.t.zone.Origin(), "serial", st.t.zone.Serial(), "peer", st.t.r.from, "key", st.t.r.keyName,
		"asked", dns.Type(st.t.qtype), "since", st.t.since,
		"kind", kind, "records", st.records, "bytes", st.sent, "took", took,
	}
	if err != nil {
		s.log().Warn("serve: transfer ended before its end", append(attrs, "err", err)...)
		return
	}
	s.log().Info("serve: transfer", attrs...)
}
