package answer

import "github.com/miekg/dns"

// Fit cuts an answer to what may be sent: whole additional RRsets from the end, but
// for the first keep records, which are glue that a referral cannot do without (RFC
// 9471); and if that is not enough, with TC set, all additional records, those of
// the authority, and then the answer (RFC 2181, section 9).
func Fit(m, req *dns.Msg, o Options, keep int) {
	limit := dns.MaxMsgSize
	if o.UDP {
		limit = dns.MinMsgSize
		if opt := req.IsEdns0(); opt != nil {
			limit = max(limit, int(min(opt.UDPSize(), o.size())))
		}
	}
	if fits(m, limit) {
		return
	}
	var opt []dns.RR
	if own := m.IsEdns0(); own != nil {
		opt = []dns.RR{own}
	}
	extra := m.Extra[:len(m.Extra)-len(opt)] // the OPT is the last
	for len(extra) > keep {
		extra = extra[:startOfLast(extra)]
		m.Extra = append(extra[:len(extra):len(extra)], opt...)
		if len(extra) >= keep && fits(m, limit) {
			return
		}
	}
	m.Truncated = true
	m.Extra = opt
	if fits(m, limit) {
		return
	}
	m.Ns = nil
	if !fits(m, limit) {
		m.Answer = nil
	}
}

// startOfLast is where the last RRset begins, its signatures with it.
func startOfLast(rrs []dns.RR) int {
	i := len(rrs) - 1
	owner, typ := rrs[i].Header().Name, setType(rrs[i])
	for i > 0 && rrs[i-1].Header().Name == owner && setType(rrs[i-1]) == typ {
		i--
	}
	return i
}

// setType is the type of the RRset that a record belongs to, or signs.
func setType(rr dns.RR) uint16 {
	if sig, ok := rr.(*dns.RRSIG); ok {
		return sig.TypeCovered
	}
	return rr.Header().Rrtype
}

// fits says whether a message is short enough; the length without compression is
// quicker to know.
func fits(m *dns.Msg, limit int) bool {
	m.Compress = false
	short := m.Len() <= limit
	m.Compress = true
	return short || m.Len() <= limit
}
