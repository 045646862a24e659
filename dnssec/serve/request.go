package serve

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
	"github.com/mythic-beasts/hostkit/dnssec/internal/tsig"
)

// request is what a peer asks, and how it came.
type request struct {
	from     netip.AddrPort
	udp, tls bool

	msg     *dns.Msg
	key     *tsig.Key
	keyName string
	chain   *tsig.Chain // signs the answer; nil is none
}

// handle answers a request: with nothing to what is no request, a message, or a
// transfer.
func (s *Server) handle(raw []byte, r *request) ([]byte, *transfer) {
	if len(raw) < 12 || raw[2]&0x80 != 0 { // an answer to an answer would go on for ever
		s.counters.malformed.Add(1)
		return nil, nil
	}
	s.counters.queries.Add(1)
	body, record, err := tsig.Split(raw)
	if err != nil {
		return s.malformed(raw), nil
	}
	r.msg = new(dns.Msg)
	if err := r.msg.Unpack(body); err != nil {
		return s.malformed(raw), nil
	}
	if record != nil {
		if out := s.authenticate(raw, body, record, r); out != nil {
			return out, nil
		}
	}
	if r.msg.Opcode == dns.OpcodeNotify {
		return s.pack(s.notified(r), r), nil
	}
	if r.msg.Opcode == dns.OpcodeQuery && len(r.msg.Question) == 1 {
		if t := r.msg.Question[0].Qtype; t == dns.TypeAXFR || t == dns.TypeIXFR {
			t, rcode := s.transfer(r)
			if t != nil {
				return nil, t
			}
			return s.pack(s.fail(r, rcode), r), nil
		}
	}
	return s.pack(s.query(r), r), nil
}

// malformed is the answer to what cannot be read: its header.
func (s *Server) malformed(raw []byte) []byte {
	s.counters.malformed.Add(1)
	out := make([]byte, 12)
	copy(out, raw[:4])
	out[2] = raw[2]&0x79 | 0x80 // the opcode and RD
	out[3] = dns.RcodeFormatError
	return out
}

// authenticate checks the signature of a request; what it returns is the answer to
// a bad one (RFC 8945, section 5.2).
func (s *Server) authenticate(raw, body []byte, record *tsig.Record, r *request) []byte {
	key, name := s.keys.byWire(record)
	if key == nil {
		return s.badTSIG(raw, r, record, tsig.BadKey)
	}
	chain := key.Chain(nil)
	now := time.Now()
	err := chain.Verify(body, record, now)
	if err == nil && transfers(r.msg) && !s.replays.first(record.MAC, now) {
		err = tsig.ErrTime
	}
	switch {
	case errors.Is(err, tsig.ErrFormat):
		return s.malformed(raw)
	case errors.Is(err, tsig.ErrTrunc):
		return chain.SignError(s.notAuth(raw, r), record.Time, tsig.BadTrunc, nil)
	case errors.Is(err, tsig.ErrTime):
		out := s.notAuth(raw, r)
		other := make([]byte, 8)
		binary.BigEndian.PutUint64(other, uint64(now.Unix()))
		return chain.SignError(out, record.Time, tsig.BadTime, other[2:])
	case err != nil:
		return s.badTSIG(raw, r, record, tsig.BadSig)
	}
	r.key, r.keyName, r.chain = key, name, chain
	return nil
}

// badTSIG is an answer that cannot be signed.
func (s *Server) badTSIG(raw []byte, r *request, record *tsig.Record, code uint16) []byte {
	out := s.notAuth(raw, r)
	reply := tsig.Record{
		Key: record.Key, Algorithm: record.Algorithm, Time: record.Time, Fudge: record.Fudge,
		ID: binary.BigEndian.Uint16(raw), Error: code,
	}
	return reply.Append(out)
}

func (s *Server) notAuth(raw []byte, r *request) []byte {
	s.counters.badTSIG.Add(1)
	m := s.fail(r, dns.RcodeNotAuth)
	m.Id = binary.BigEndian.Uint16(raw)
	out, err := m.Pack()
	if err != nil {
		return s.malformed(raw)[:12]
	}
	return out
}

func transfers(m *dns.Msg) bool {
	return len(m.Question) == 1 && (m.Question[0].Qtype == dns.TypeAXFR || m.Question[0].Qtype == dns.TypeIXFR)
}

// fail is an answer with nothing but an error.
func (s *Server) fail(r *request, rcode int) *dns.Msg {
	m := &dns.Msg{Compress: true}
	m.Id, m.Response, m.Opcode, m.RecursionDesired = r.msg.Id, true, r.msg.Opcode, r.msg.RecursionDesired
	m.Question = r.msg.Question[:min(1, len(r.msg.Question))]
	if opt := r.msg.IsEdns0(); opt != nil {
		m.SetEdns0(answer.DefaultUDPSize, opt.Do())
	}
	m.Rcode = rcode
	if rcode == dns.RcodeRefused {
		s.counters.refused.Add(1)
	}
	return m
}

// config is who may do what with a zone.
func (s *Server) config(zone dnssec.Name) Config {
	if s.Zone != nil {
		if c, ok := s.Zone(zone); ok {
			return c
		}
	}
	return s.Default
}

// query answers a question.
func (s *Server) query(r *request) *dns.Msg {
	var zone *dnssec.Zone
	if len(r.msg.Question) == 1 {
		zone = answer.Find(r.msg.Question[0], s.Served)
	}
	if zone != nil {
		c := s.config(zone.Origin())
		if len(c.Query) > 0 && !allows(c.Query, r) && !allows(c.Transfer, r) {
			zone = nil
		}
	}
	m := answer.Respond(zone, r.msg, answer.Options{UDP: r.udp})
	if m.Rcode == dns.RcodeRefused {
		s.counters.refused.Add(1)
	}
	return m
}

// notified answers a primary that says that a zone has changed.
func (s *Server) notified(r *request) *dns.Msg {
	if len(r.msg.Question) != 1 || r.msg.Question[0].Qtype != dns.TypeSOA || r.msg.Question[0].Qclass != dns.ClassINET {
		return s.fail(r, dns.RcodeFormatError)
	}
	zone, err := dnssec.ParseName(r.msg.Question[0].Name)
	if err != nil {
		return s.fail(r, dns.RcodeFormatError)
	}
	n := Notification{Zone: zone, From: r.from, Key: r.keyName}
	for _, rr := range r.msg.Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			n.Serial, n.HasSerial = soa.Serial, true
		}
	}
	if s.Notified == nil || !s.Notified(n) {
		return s.fail(r, dns.RcodeRefused)
	}
	m := s.fail(r, dns.RcodeSuccess)
	m.Authoritative = true
	return m
}

// pack makes octets of an answer, signs it, and cuts what is too long for UDP.
func (s *Server) pack(m *dns.Msg, r *request) []byte {
	out, err := m.Pack()
	if err != nil {
		m = s.fail(r, dns.RcodeServerFailure)
		if out, err = m.Pack(); err != nil {
			return nil
		}
	}
	limit := r.limit()
	if r.chain != nil && len(out)+r.key.Size() > limit || len(out) > limit {
		cut := s.fail(r, m.Rcode)
		cut.Truncated = r.udp
		if !r.udp {
			cut.Rcode = dns.RcodeServerFailure
		}
		cut.Authoritative = m.Authoritative
		if out, err = cut.Pack(); err != nil {
			return nil
		}
	}
	if r.chain != nil {
		out = r.chain.Sign(out, time.Now())
	}
	return out
}

// limit is how long an answer may be.
func (r *request) limit() int {
	if !r.udp {
		return maxMessage
	}
	if opt := r.msg.IsEdns0(); opt != nil {
		return max(dns.MinMsgSize, min(int(opt.UDPSize()), answer.DefaultUDPSize))
	}
	return dns.MinMsgSize
}

// ServeDNS answers questions for a server of github.com/miekg/dns, as a [dns.Handler].
// Transfers, signed requests and NOTIFY need the octets of the message, and so
// [Server.Serve]: here they are refused.
func (s *Server) ServeDNS(w dns.ResponseWriter, m *dns.Msg) {
	from, err := netip.ParseAddrPort(w.RemoteAddr().String())
	if err != nil {
		return
	}
	r := &request{from: unmap(from), udp: w.RemoteAddr().Network() == "udp", msg: m}
	s.counters.queries.Add(1)
	if m.IsTsig() != nil || m.Opcode == dns.OpcodeNotify || transfers(m) {
		_ = w.WriteMsg(s.fail(r, dns.RcodeRefused))
		return
	}
	_ = w.WriteMsg(s.query(r))
}

var _ dns.Handler = (*Server)(nil)

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
