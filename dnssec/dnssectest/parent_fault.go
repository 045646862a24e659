package dnssectest

import (
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
)

// Fault is what a name server of a Parent does wrong.
type Fault uint8

// What can be wrong. Those from Lame to ChildSide are only about DS.
const (
	None Fault = iota
	// Silent gives no answer.
	Silent
	// ServFail, Refused and NXDomain answer so.
	ServFail
	Refused
	NXDomain
	// Frozen goes on answering with what it had when it got this fault.
	Frozen
	// Truncated says by UDP and by TCP that the answer does not fit, and
	// TruncatedUDP by UDP only.
	Truncated
	TruncatedUDP
	// WrongID and WrongQuestion answer something that was not asked, and OtherCase
	// in lower-case letters; by TCP all answer well.
	WrongID
	WrongQuestion
	OtherCase
	// Spoofed is answered by somebody else first, who does not know the ID.
	Spoofed
	// Garbage answers with octets that are no message.
	Garbage
	// NoEDNS knows none, and gives a format error.
	NoEDNS
	// Lame answers without authority.
	Lame
	// Referral answers by a delegation to the child.
	Referral
	// Forged answers with a DS that is of no key, with the signature of another.
	Forged
	// Stripped answers that there is no DS, without a proof, and WrongProof with
	// the proof of another name.
	Stripped
	WrongProof
	// Expired answers with signatures of a year ago.
	Expired
	// Unsigned answers without signatures.
	Unsigned
	// ChildSide answers as a server of the child does: there is no DS in here.
	ChildSide
	// Alias answers with a CNAME.
	Alias
	// NoError answers so about a name that is not there, with the proof of that.
	NoError
)

// respond is the answer of a server with its fault.
func (p *Parent) respond(s *parentServer, network string, req *dns.Msg, now time.Time) *dns.Msg {
	options := answer.Options{UDP: network == "udp"}
	m := answer.Respond(p.served(s, now), req, options)
	ds := len(req.Question) == 1 && req.Question[0].Qtype == dns.TypeDS
	switch s.fault {
	case ServFail:
		return failed(req, dns.RcodeServerFailure)
	case Refused:
		return failed(req, dns.RcodeRefused)
	case NXDomain:
		if ds {
			m.Answer, m.Rcode = nil, dns.RcodeNameError
		}
	case NoEDNS:
		if req.IsEdns0() != nil {
			return failed(req, dns.RcodeFormatError)
		}
	case Truncated, TruncatedUDP:
		if s.fault == Truncated || options.UDP {
			m.Answer, m.Ns, m.Extra, m.Truncated = nil, nil, nil, true
		}
	case WrongID, WrongQuestion, OtherCase:
		if options.UDP {
			p.mistake(s.fault, m)
		}
	default:
		if ds && s.fault >= Lame {
			p.lie(s.fault, m, req, now)
		}
	}
	return m
}

func failed(req *dns.Msg, rcode int) *dns.Msg { return new(dns.Msg).SetRcode(req, rcode) }

func (p *Parent) mistake(f Fault, m *dns.Msg) {
	m.Question = append([]dns.Question(nil), m.Question...)
	switch f {
	case WrongID:
		m.Id++
		m.Answer = nil // which is what must not be believed
	case WrongQuestion:
		m.Answer = nil
		m.Question[0].Name = "other." + m.Question[0].Name
	case OtherCase:
		m.Question[0].Name = dns.CanonicalName(m.Question[0].Name)
	}
}

// lie makes a right answer about DS wrong.
func (p *Parent) lie(f Fault, m, req *dns.Msg, now time.Time) {
	name := dns.CanonicalName(req.Question[0].Name)
	hdr := func(typ uint16) dns.RR_Header {
		return dns.RR_Header{Name: name, Rrtype: typ, Class: dns.ClassINET, Ttl: 3600}
	}
	switch f {
	case Lame:
		m.Authoritative = false
	case Referral:
		m.Authoritative, m.Answer = false, nil
		m.Ns = []dns.RR{&dns.NS{Hdr: hdr(dns.TypeNS), Ns: "ns." + name}}
	case Forged:
		forged := &dns.DS{Hdr: hdr(dns.TypeDS), KeyTag: 1, Algorithm: 13, DigestType: 2, Digest: hexZeros}
		m.Answer = append([]dns.RR{forged}, only(m.Answer, dns.TypeRRSIG)...)
	case Stripped:
		m.Answer, m.Ns = nil, p.unsigned.RRset(p.unsigned.Origin(), dns.TypeSOA)
	case WrongProof:
		other := req.Copy()
		other.Question[0].Name = p.name
		m.Answer, m.Ns = nil, answer.Respond(p.newest(now), other, answer.Options{}).Ns
	case Expired:
		if old, _, err := p.sign(nil, now.AddDate(-1, 0, 0)); err == nil {
			aged := answer.Respond(old, req, answer.Options{})
			m.Answer, m.Ns = aged.Answer, aged.Ns
		}
	case Unsigned:
		m.Answer, m.Ns = without(m.Answer, dns.TypeRRSIG), without(m.Ns, dns.TypeRRSIG)
	case ChildSide:
		m.Answer = nil
		m.Ns = []dns.RR{&dns.SOA{Hdr: hdr(dns.TypeSOA), Ns: "ns." + name, Mbox: "hostmaster." + name, Serial: 1}}
	case NoError:
		m.Rcode = dns.RcodeSuccess
	case Alias:
		m.Answer = []dns.RR{&dns.CNAME{Hdr: hdr(dns.TypeCNAME), Target: "other." + p.name}}
	}
}

const hexZeros = "0000000000000000000000000000000000000000000000000000000000000000"

func only(rrs []dns.RR, typ uint16) []dns.RR {
	var kept []dns.RR
	for _, rr := range rrs {
		if rr.Header().Rrtype == typ {
			kept = append(kept, rr)
		}
	}
	return kept
}

func without(rrs []dns.RR, typ uint16) []dns.RR {
	var kept []dns.RR
	for _, rr := range rrs {
		if rr.Header().Rrtype != typ {
			kept = append(kept, rr)
		}
	}
	return kept
}

// packet answers octets: what nothing answers, or what is no message, gets none.
func (p *Parent) packet(server int, network string, packet []byte) [][]byte {
	req := new(dns.Msg)
	if req.Unpack(packet) != nil {
		return nil
	}
	p.mu.Lock()
	fault := p.servers[server].fault
	p.mu.Unlock()
	if fault == Silent {
		return nil
	}
	out := p.signed(req, packet, func(req *dns.Msg) *dns.Msg {
		switch req.Opcode {
		case dns.OpcodeUpdate:
			return p.serveUpdate(req)
		case dns.OpcodeNotify:
			return p.notified(req)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.respond(&p.servers[server], network, req, p.now())
	})
	switch {
	case fault == Garbage:
		return [][]byte{[]byte("garbage")}
	case fault == Spoofed && network == "udp" && len(out) > 0:
		forged := new(dns.Msg)
		if forged.Unpack(out[0]) != nil {
			return nil
		}
		forged.Id++
		forged.Answer = nil
		return append(packed(forged), out...)
	}
	return out
}

// ZoneServer is a name server, without a socket, of whatever zone current returns.
func ZoneServer(current func() *dnssec.Zone) Handler {
	return func(network string, packet []byte) [][]byte {
		req := new(dns.Msg)
		if req.Unpack(packet) != nil {
			return nil
		}
		return packed(answer.Respond(current(), req, answer.Options{UDP: network == "udp"}))
	}
}

// Recursive is a recursive server, without a socket, that knows these zones and
// remembers nothing. It does not validate.
func Recursive(zones ...func() *dnssec.Zone) Handler {
	return func(network string, packet []byte) [][]byte {
		req := new(dns.Msg)
		if req.Unpack(packet) != nil || len(req.Question) != 1 {
			return nil
		}
		zone := answer.Find(req.Question[0], func(apex dnssec.Name) *dnssec.Zone {
			for _, current := range zones {
				if z := current(); z.Origin() == apex {
					return z
				}
			}
			return nil
		})
		m := answer.Respond(zone, req, answer.Options{UDP: network == "udp"})
		m.Authoritative, m.RecursionAvailable = false, true
		return packed(m)
	}
}
