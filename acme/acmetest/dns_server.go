package acmetest

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// errNoRoute is for addresses that no server has.
var errNoRoute = errors.New("no server has the address")

// DNSFault is what is wrong with a server.
type DNSFault int

// Faults of servers.
const (
	DNSHealthy   DNSFault = iota
	DNSSilent             // it reads and does not answer
	DNSRefuses            // REFUSED to everything
	DNSServFails          // SERVFAIL to everything
	DNSLame               // it answers like a server that does not have the zone: NOERROR, not authoritative
	DNSTCPOnly            // it answers by TCP alone
	DNSTruncates          // answers by UDP are empty and truncated
	DNSForged             // answers by UDP have another message's ID
)

// DNSServer is one authoritative server of a [DNS].
type DNSServer struct {
	dns     *DNS
	listens netip.AddrPort

	// The mutex of the DNS guards what is below.
	name    string
	v4, v6  netip.Addr // invalid: the server has none
	zones   map[string]*dnsZone
	fault   DNSFault
	lag     time.Duration
	held    bool
	pending []dnsChange
}

// dnsChange is on its way to a server.
type dnsChange struct {
	due   time.Time
	apply func(zones map[string]*dnsZone)
}

// Name is the host name, with a dot at its end.
func (s *DNSServer) Name() string {
	s.dns.mu.Lock()
	defer s.dns.mu.Unlock()
	return s.name
}

// SetFault breaks the server, or heals it.
func (s *DNSServer) SetFault(fault DNSFault) {
	s.dns.mu.Lock()
	defer s.dns.mu.Unlock()
	s.fault = fault
}

// SetLag makes later changes arrive after a time.
func (s *DNSServer) SetLag(lag time.Duration) {
	s.dns.mu.Lock()
	defer s.dns.mu.Unlock()
	s.lag = lag
}

// Hold keeps the server as it is: changes do not arrive until [DNSServer.Release].
func (s *DNSServer) Hold() {
	s.dns.mu.Lock()
	defer s.dns.mu.Unlock()
	s.arrive()
	s.held = true
}

// Release lets changes arrive, those held back too.
func (s *DNSServer) Release() {
	s.dns.mu.Lock()
	defer s.dns.mu.Unlock()
	s.held = false
	s.arrive()
}

// OnlyIPv6 takes the server's IPv4 address away.
func (s *DNSServer) OnlyIPv6() {
	s.dns.mu.Lock()
	defer s.dns.mu.Unlock()
	s.v4 = netip.Addr{}
}

// OnlyIPv4 takes the server's IPv6 address away.
func (s *DNSServer) OnlyIPv4() {
	s.dns.mu.Lock()
	defer s.dns.mu.Unlock()
	s.v6 = netip.Addr{}
}

func (s *DNSServer) addrs() []netip.Addr {
	var addrs []netip.Addr
	for _, addr := range []netip.Addr{s.v4, s.v6} {
		if addr.IsValid() {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

func (s *DNSServer) later(apply func(map[string]*dnsZone)) {
	s.pending = append(s.pending, dnsChange{due: time.Now().Add(s.lag), apply: apply})
}

// arrive applies the changes that are due.
func (s *DNSServer) arrive() {
	if s.held {
		return
	}
	now, left := time.Now(), s.pending[:0]
	for _, c := range s.pending {
		if c.due.After(now) {
			left = append(left, c)
		} else {
			c.apply(s.zones)
		}
	}
	s.pending = left
}

func (s *DNSServer) serve(w dns.ResponseWriter, r *dns.Msg) {
	m, ok := s.answer(w, r)
	if ok {
		_ = w.WriteMsg(m)
	}
}

func (s *DNSServer) answer(w dns.ResponseWriter, r *dns.Msg) (m *dns.Msg, ok bool) {
	m = new(dns.Msg).SetReply(r)
	if len(r.Question) != 1 {
		return m.SetRcode(r, dns.RcodeFormatError), true
	}
	s.dns.mu.Lock()
	defer s.dns.mu.Unlock()
	s.dns.log(s.name, w, r.Question[0])
	s.arrive()
	udp := s.dns.queries[len(s.dns.queries)-1].Network == "udp"
	switch {
	case s.fault == DNSSilent, s.fault == DNSTCPOnly && udp:
		return nil, false
	case s.fault == DNSRefuses:
		m.Rcode = dns.RcodeRefused
	case s.fault == DNSServFails:
		m.Rcode = dns.RcodeServerFailure
	case s.fault == DNSTruncates && udp:
		m.Truncated, m.Authoritative = true, true
	case s.fault == DNSForged && udp:
		s.fill(m, r.Question[0])
		m.Id++
	case s.fault == DNSLame:
	default:
		s.fill(m, r.Question[0])
	}
	if udp {
		m.Truncate(udpSize(r))
	}
	return m, true
}

// fill answers from what the server has.
func (s *DNSServer) fill(m *dns.Msg, q dns.Question) {
	name := strings.ToLower(q.Name)
	z := deepest(s.zones, name)
	if z == nil {
		m.Rcode = dns.RcodeRefused
		return
	}
	if ns := z.cut(name); ns != nil {
		m.Ns = ns
		for _, rr := range ns {
			m.Extra = append(m.Extra, s.dns.hostRecords(rr.(*dns.NS).Ns, dns.TypeANY)...)
		}
		return
	}
	m.Authoritative = true
	m.Answer = z.get(name, q.Qtype)
	if len(m.Answer) > 0 {
		return
	}
	m.Ns = []dns.RR{z.soa}
	if !z.exists(name) {
		m.Rcode = dns.RcodeNameError
	}
}

func udpSize(r *dns.Msg) int {
	if o := r.IsEdns0(); o != nil {
		return max(dns.MinMsgSize, int(o.UDPSize()))
	}
	return dns.MinMsgSize
}
