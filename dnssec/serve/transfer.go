package serve

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net"
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
	t.single = !serialAfter(e.zone.Serial(), soa.Serial)
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

// stream is a transfer on its way through a connection.
type stream struct {
	t       *transfer
	conn    net.Conn
	write   time.Duration
	packer  packer
	out     []byte // messages, each behind its length
	first   bool
	sent    uint64
	records int
}

// batch is how many octets are written at once.
const batch = 1 << 16

// send streams a transfer. What is written is bounded by the deadlines.
func (s *Server) send(conn net.Conn, t *transfer) (err error) {
	s.count(t)
	s.counters.transferring.Add(1)
	started := time.Now()
	st := &stream{t: t, conn: conn, write: s.Limits.write(), first: true, out: make([]byte, 0, batch+maxPointer)}
	defer func() {
		s.counters.transferring.Add(-1)
		s.counters.sentBytes.Add(st.sent)
		if err != nil {
			s.counters.aborted.Add(1)
		}
		s.logTransfer(st, time.Since(started), err)
	}()
	return st.run(started.Add(s.Limits.transfer()))
}

func (st *stream) run(end time.Time) error {
	st.start()
	for r, err := range st.t.records() {
		if err != nil {
			return err
		}
		if !st.packer.add(r) {
			if err := st.flush(); err != nil {
				return err
			}
			if len(st.out) >= batch {
				if err := st.push(end); err != nil {
					return err
				}
			}
			st.start()
			if !st.packer.add(r) {
				return fmt.Errorf("a record of type %s is too long for a message", dns.Type(r.typ))
			}
		}
		st.records++
	}
	if err := st.flush(); err != nil {
		return err
	}
	return st.push(end)
}

// start begins a message; the first has the question, and the OPT record if the
// request had one.
func (st *stream) start() {
	limit := room(maxPointer, st.t.r.chain, st.t.r.key)
	if st.first {
		st.packer.start(st.t.id, flags, st.t.qname, st.t.qtype, limit-optSize)
		return
	}
	st.packer.start(st.t.id, flags, "", 0, limit)
}

// flush signs the message and puts it to those that are to be written.
func (st *stream) flush() error {
	msg := st.packer.buf
	if st.first && st.t.r.msg.IsEdns0() != nil {
		msg = appendOPT(msg)
	}
	st.first = false
	if st.t.r.chain != nil {
		msg = st.t.r.chain.Sign(msg, time.Now())
	}
	st.packer.buf = msg
	if len(msg) > maxMessage {
		return fmt.Errorf("a record is too long for a message with a signature")
	}
	st.out = binary.BigEndian.AppendUint16(st.out, uint16(len(msg)))
	st.out = append(st.out, msg...)
	return nil
}

func (st *stream) push(end time.Time) error {
	deadline := time.Now().Add(st.write)
	if end.Before(deadline) {
		deadline = end
	}
	if err := st.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	n, err := st.conn.Write(st.out)
	st.sent += uint64(n)
	st.out = st.out[:0]
	return err
}

func (s *Server) logTransfer(st *stream, took time.Duration, err error) {
	kind := "AXFR"
	if st.t.old != nil {
		kind = "IXFR"
	}
	attrs := []any{
		"zone", st.t.zone.Origin(), "serial", st.t.zone.Serial(), "peer", st.t.r.from, "key", st.t.r.keyName,
		"kind", kind, "records", st.records, "bytes", st.sent, "took", took,
	}
	if err != nil {
		s.log().Warn("serve: transfer ended before its end", append(attrs, "err", err)...)
		return
	}
	s.log().Info("serve: transfer", attrs...)
}
