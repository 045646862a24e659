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
	// and sets TC when that loses more than additional records.
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
// nothing of, which is refused. The answer shares nothing with the zone. Transfers,
// updates, notifications and TSIG are not for it: what is no query gets NOTIMP.
func Respond(z *dnssec.Zone, req *dns.Msg, o Options) *dns.Msg {
	m := new(dns.Msg)
	m.SetRcode(req, dns.RcodeRefused)
	return m
}
