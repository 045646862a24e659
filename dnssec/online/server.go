package online

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
)

// Server answers for one zone. Zone, Lookup and Keys are required; the fields must
// not change once it is used.
type Server struct {
	// Zone is the name of the apex.
	Zone string
	// Lookup finds what there is for a name.
	Lookup Lookup
	// Keys are those of the zone, and what each does, at this moment. It is asked for
	// every answer that is signed.
	Keys func() []dnssec.KeyUse
	// DNSKEYTTL is that of the DNSKEY records, in seconds; zero means 3600.
	DNSKEYTTL uint32
	// Lifetime is how long signatures are good for; zero means 48 hours. Refresh is
	// how long before its end one is replaced; zero means a quarter of Lifetime. It
	// should be more than the longest TTL. Skew is how long before now one begins;
	// zero means an hour.
	Lifetime, Refresh, Skew time.Duration
	// SignRate is how many new signatures are made in a second, and how many at once
	// after a quiet time; zero means 2000. A quarter is kept for what the zone has.
	SignRate int
	// Memory is how many signatures are remembered of what the zone has, and as many
	// again of other names; zero means 65,536 each. One takes about half a kilobyte.
	Memory int
	// UDPSize is the most octets of an answer by UDP; zero means 1232.
	UDPSize uint16
	// Log is told what went wrong; nil discards.
	Log *slog.Logger

	once  sync.Once
	state *state
}

// state is what a server keeps.
type state struct {
	zone    dnssec.Name
	err     error
	signer  *signer
	mu      sync.Mutex
	uses    []dnssec.KeyUse // as they were asked for last
	keys    keys
	keysErr error
}

// keys are the zone's by what they do.
type keys struct{ published, forKeys, forZone []*dnssec.Key }

// Stats is what a server has done since it began.
type Stats struct {
	// Signed signatures are new, Hits were remembered, and Refused were over the rate.
	Signed, Hits, Refused uint64
	// Remembered is how many signatures there are now.
	Remembered int
}

var (
	errNoZone = errors.New("online: there is no zone yet")
	errBusy   = errors.New("online: more signatures are asked for than are made")
)

func (s *Server) begin() *state {
	s.once.Do(func() {
		st := &state{signer: newSigner(s)}
		st.zone, st.err = dnssec.ParseName(s.Zone)
		if s.Lookup == nil || s.Keys == nil {
			st.err = errors.New("online: Lookup and Keys must be set")
		}
		s.state = st
	})
	return s.state
}

// Stats is a snapshot.
func (s *Server) Stats() Stats { return s.begin().signer.stats() }

// current asks for the keys, and sorts them out if they have changed.
func (st *state) current(ask func() []dnssec.KeyUse) (keys, error) {
	uses := ask()
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.uses == nil || !slices.Equal(uses, st.uses) {
		st.uses = slices.Clone(uses)
		var k keys
		k.published, k.forKeys, k.forZone, st.keysErr = dnssec.SigningKeys(st.zone, uses)
		st.keys = k
	}
	return st.keys, st.keysErr
}

// ServeDNS answers a request, as [dns.Handler] wants it.
func (s *Server) ServeDNS(w dns.ResponseWriter, req *dns.Msg) {
	_, udp := w.RemoteAddr().(*net.UDPAddr)
	if err := w.WriteMsg(s.Respond(context.Background(), req, udp)); err != nil {
		s.log().Debug("answer", "err", err)
	}
}

var _ dns.Handler = (*Server)(nil)

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// Respond answers a request. Those that are no question get an error, those for
// other zones are refused. By UDP the answer is no longer than the client takes.
func (s *Server) Respond(ctx context.Context, req *dns.Msg, udp bool) *dns.Msg {
	o := answer.Options{UDP: udp, UDPSize: s.UDPSize}
	m, opt, ok := answer.Begin(req, o)
	if !ok {
		return m
	}
	st := s.begin()
	q := req.Question[0]
	name, err := dnssec.ParseName(q.Name)
	switch {
	case st.err != nil:
		s.log().Error("cannot answer", "zone", s.Zone, "err", st.err)
		m.Rcode = dns.RcodeServerFailure
		return m
	case err != nil:
		m.Rcode = dns.RcodeFormatError
		return m
	case !name.Under(st.zone):
		m.Rcode = dns.RcodeRefused
		return m
	case q.Qtype == dns.TypeNXNAME: // RFC 9824, section 3.5
		m.Rcode = dns.RcodeFormatError
		explain(m, dns.ExtendedErrorCodeInvalidQueryType)
		return m
	}
	r := &reply{Server: s, st: st, ctx: ctx, m: m, typ: q.Qtype, qname: q.Name}
	if opt != nil {
		r.do, r.co = opt.Do(), opt.Do() && opt.Co()
		m.IsEdns0().SetCo(r.co)
	}
	if err := r.resolve(name); err != nil {
		s.fail(m, err, udp)
		return m
	}
	answer.Fit(m, req, o, r.glue)
	return m
}

// fail empties an answer that could not be made. When too many are asked for, a
// client by UDP is sent to TCP, which shows that its address is its own.
func (s *Server) fail(m *dns.Msg, err error, udp bool) {
	own := m.IsEdns0()
	m.Answer, m.Ns, m.Extra = nil, nil, nil
	if own != nil {
		m.Extra = []dns.RR{own}
	}
	busy := errors.Is(err, errBusy)
	if !busy {
		s.log().Warn("no answer", "zone", s.Zone, "name", m.Question[0].Name, "err", err)
	}
	if busy && udp {
		m.Rcode, m.Truncated = dns.RcodeSuccess, true
		return
	}
	m.Rcode, m.Authoritative = dns.RcodeServerFailure, false
}

// explain adds an extended error (RFC 8914) if the client knows of EDNS.
func explain(m *dns.Msg, code uint16) {
	if own := m.IsEdns0(); own != nil {
		own.Option = append(own.Option, &dns.EDNS0_EDE{InfoCode: code})
	}
}
