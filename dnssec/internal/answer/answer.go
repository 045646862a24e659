package answer

import (
	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

// DefaultUDPSize is how large answers by UDP are at most, in octets: what passes
// without fragments (RFC 9715).
const DefaultUDPSize = 1232

// Options are how a server answers. The zero value is for streams.
type Options struct {
	// UDP cuts the answer to what the client takes by EDNS, 512 octets without it,
	// and sets TC when that loses more than optional additional records.
	UDP bool
	// UDPSize is the most octets of an answer by UDP, and what EDNS says of the
	// server; zero means [DefaultUDPSize].
	UDPSize uint16
}

// Find is the zone that a question is for: that of the closest apex at or above its
// name, but for DS at an apex that of the parent side if it is here (RFC 4035,
// section 3.1.4.1). At is the zone of an apex, or nil. A nil zone is none.
func Find(q dns.Question, at func(apex dnssec.Name) *dnssec.Zone) *dnssec.Zone {
	name, err := dnssec.ParseName(q.Name)
	if err != nil {
		return nil
	}
	var own *dnssec.Zone
	for n := name; ; n = n.Parent() {
		if z := at(n); z != nil {
			if n != name || q.Qtype != dns.TypeDS {
				return z
			}
			own = z
		}
		if n == (dnssec.Name{}) {
			return own
		}
	}
}

// Respond answers a request from a zone; a nil zone is a name that the server knows
// nothing of, which is refused. The answer shares nothing with the zone. Transfers
// and TSIG are not for it, and what is no query gets NOTIMP.
func Respond(z *dnssec.Zone, req *dns.Msg, o Options) *dns.Msg {
	m, opt, ok := Begin(req, o)
	if !ok {
		return m
	}
	q := req.Question[0]
	name, err := dnssec.ParseName(q.Name)
	switch {
	case err != nil:
		m.Rcode = dns.RcodeFormatError
	case z == nil || !name.Under(z.Origin()):
		m.Rcode = dns.RcodeRefused
	default:
		r := reply{z: z, m: m, typ: q.Qtype, do: opt != nil && opt.Do()}
		apex := z.At(z.Origin())
		r.nsec, r.nsec3 = apex.Has(dns.TypeNSEC), apex.Has(dns.TypeNSEC3PARAM)
		r.resolve(name, q.Name)
		r.additional()
		Fit(m, req, o, r.glue)
	}
	return m
}

// Begin is an empty answer with the flags, the question and EDNS; opt is that of the
// request, nil for none. Unless ok, the answer is an error that is ready to be sent.
func Begin(req *dns.Msg, o Options) (m *dns.Msg, opt *dns.OPT, ok bool) {
	m = &dns.Msg{Compress: true}
	m.Id, m.Response, m.Opcode, m.RecursionDesired = req.Id, true, req.Opcode, req.RecursionDesired
	if len(req.Question) > 0 {
		m.Question = req.Question[:1:1]
	}
	opts := 0
	for _, rr := range req.Extra {
		if found, is := rr.(*dns.OPT); is {
			opt = found
			opts++
		}
	}
	if opt != nil {
		m.SetEdns0(o.size(), opt.Do())
	}
	m.Rcode = verdict(req, opt, opts)
	return m, opt, m.Rcode == dns.RcodeSuccess
}

// verdict is the error of a request that is no question to answer.
func verdict(req *dns.Msg, opt *dns.OPT, opts int) int {
	switch {
	case req.Response || opts > 1 || opt != nil && opt.Hdr.Name != ".":
		return dns.RcodeFormatError
	case req.Opcode != dns.OpcodeQuery:
		return dns.RcodeNotImplemented
	case len(req.Question) != 1: // RFC 9619
		return dns.RcodeFormatError
	case opt != nil && opt.Version() != 0:
		return dns.RcodeBadVers // RFC 6891, section 6.1.3
	case req.Question[0].Qclass != dns.ClassINET:
		return dns.RcodeRefused
	}
	switch req.Question[0].Qtype {
	case dns.TypeOPT, dns.TypeTSIG, dns.TypeTKEY, 0:
		return dns.RcodeFormatError
	case dns.TypeAXFR, dns.TypeIXFR, dns.TypeMAILA, dns.TypeMAILB:
		return dns.RcodeNotImplemented
	}
	return dns.RcodeSuccess
}

func (o Options) size() uint16 {
	if o.UDPSize == 0 {
		return DefaultUDPSize
	}
	return max(o.UDPSize, dns.MinMsgSize)
}
