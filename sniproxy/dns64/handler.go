package dns64

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

// Handler is a [dns.Handler] that does DNS64. Upstream and Clients are required. It
// is not copied after first use.
type Handler struct {
	// Upstream answers everything. It should cache, and may validate.
	Upstream Upstream
	// Clients are the prefixes that are served; others are refused.
	Clients []netip.Prefix
	// Prefixes are those of the NAT64, and each IPv4 address is given in all of
	// them. Empty means WellKnown.
	Prefixes []netip.Prefix
	// Exclude are prefixes whose AAAA records count as none (RFC 6147, section
	// 5.1.4); nil means ::ffff:0:0/96.
	Exclude []netip.Prefix
	// ExcludeIPv4 are addresses that get no AAAA record, besides those that belong
	// to nobody and, with WellKnown, private ones.
	ExcludeIPv4 []netip.Prefix
	// Timeout is how long Upstream may take for a question, of which one of a
	// client may need two; zero means 5 seconds.
	Timeout time.Duration
	// InFlight is how many questions may be under way; more get SERVFAIL. Zero
	// means 1000.
	InFlight int
	// Log gets what goes wrong with Upstream; nil discards it.
	Log *slog.Logger

	running atomic.Int64
}

var _ dns.Handler = (*Handler)(nil)

// mapped is the default of Exclude.
var mapped = prefixes("::ffff:0:0/96")

// Validate says what is wrong with a handler.
func (h *Handler) Validate() error {
	if h.Upstream == nil {
		return errors.New("dns64: an Upstream is needed")
	}
	if len(h.Clients) == 0 {
		return errors.New("dns64: Clients has to say who is served")
	}
	for _, p := range h.Prefixes {
		if err := ValidatePrefix(p); err != nil {
			return err
		}
	}
	return nil
}

// ServeDNS implements [dns.Handler].
func (h *Handler) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	r := h.serve(w.RemoteAddr(), q)
	size := dns.MaxMsgSize
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		size = dns.MinMsgSize
		if opt := q.IsEdns0(); opt != nil {
			size = min(max(int(opt.UDPSize()), dns.MinMsgSize), dnsask.Size)
		}
	}
	r.Compress = true
	r.Truncate(size)
	if err := w.WriteMsg(r); err != nil {
		h.log().Debug("answer", "client", w.RemoteAddr(), "err", err)
	}
}

func (h *Handler) serve(from net.Addr, q *dns.Msg) *dns.Msg {
	if !within(addrOf(from), h.Clients) {
		return code(q, dns.RcodeRefused)
	}
	limit := int64(h.InFlight)
	if limit == 0 {
		limit = 1000
	}
	defer h.running.Add(-1)
	if h.running.Add(1) > limit {
		return code(q, dns.RcodeServerFailure)
	}
	return h.Answer(context.Background(), q)
}

func addrOf(a net.Addr) netip.Addr {
	addr, _ := netip.ParseAddrPort(a.String())
	return addr.Addr().Unmap().WithZone("")
}

// Answer answers a question, whoever asked it.
func (h *Handler) Answer(ctx context.Context, q *dns.Msg) *dns.Msg {
	opt := q.IsEdns0()
	switch {
	case q.Opcode != dns.OpcodeQuery:
		return code(q, dns.RcodeNotImplemented)
	case len(q.Question) != 1:
		return code(q, dns.RcodeFormatError)
	case opt != nil && opt.Version() != 0:
		return code(q, dns.RcodeBadVers)
	}
	asked := q.Question[0]
	if asked.Qclass != dns.ClassINET || asked.Qtype == dns.TypeAXFR || asked.Qtype == dns.TypeIXFR {
		return code(q, dns.RcodeRefused)
	}
	if r := h.special(q); r != nil {
		return r
	}
	switch asked.Qtype {
	case dns.TypeAAAA:
		// Who validates by itself would find out (RFC 6147, section 5.5).
		if !(q.CheckingDisabled && opt != nil && opt.Do()) {
			return h.aaaa(ctx, q)
		}
	case dns.TypePTR:
		if r := h.ptr(ctx, q); r != nil {
			return r
		}
	}
	return h.pass(q, h.ask(ctx, q, asked.Name, asked.Qtype))
}

// ask puts a question to Upstream, as the client would put it. An answer that does
// not come is SERVFAIL (RFC 6147, section 5.1.3).
func (h *Handler) ask(ctx context.Context, q *dns.Msg, name string, qtype uint16) *dns.Msg {
	timeout := h.Timeout
	if timeout == 0 {
		timeout = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	up := new(dns.Msg).SetQuestion(name, qtype)
	up.RecursionDesired, up.CheckingDisabled, up.AuthenticatedData = q.RecursionDesired, q.CheckingDisabled, q.AuthenticatedData
	opt := q.IsEdns0()
	up.SetEdns0(dnsask.Size, opt != nil && opt.Do())
	answer, err := h.Upstream.Ask(ctx, up)
	if err != nil {
		h.log().Warn("no answer from upstream", "name", name, "type", dns.TypeToString[qtype], "err", err)
		return code(up, dns.RcodeServerFailure)
	}
	return answer
}

// pass makes an answer of Upstream's one to the client's question.
func (h *Handler) pass(q, up *dns.Msg) *dns.Msg {
	rcode := up.Rcode
	if rcode > 15 && q.IsEdns0() == nil { // does not fit into the header
		rcode = dns.RcodeServerFailure
	}
	r := code(q, rcode)
	r.Answer, r.Ns = up.Answer, up.Ns
	r.Authoritative, r.AuthenticatedData = up.Authoritative, up.AuthenticatedData
	for _, rr := range up.Extra {
		if rr.Header().Rrtype != dns.TypeOPT {
			r.Extra = append(r.Extra, rr)
		}
	}
	return r
}

// code is an answer without records.
func code(q *dns.Msg, rcode int) *dns.Msg {
	r := new(dns.Msg).SetRcode(q, rcode)
	r.RecursionAvailable = true
	if opt := q.IsEdns0(); opt != nil {
		r.SetEdns0(dnsask.Size, opt.Do())
	}
	return r
}

func (h *Handler) prefixes() []netip.Prefix {
	if len(h.Prefixes) == 0 {
		return []netip.Prefix{WellKnown}
	}
	return h.Prefixes
}

func (h *Handler) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}
