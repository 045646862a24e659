package acmetest

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// listen serves by UDP and TCP on one free port of loopback until the test ends.
func (d *DNS) listen(handle func(dns.ResponseWriter, *dns.Msg)) netip.AddrPort {
	d.t.Helper()
	const tries = 50 // a port that is free for TCP may be taken for UDP
	for range tries {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			d.t.Fatalf("acmetest: %v", err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			_ = l.Close()
			continue
		}
		d.run(&dns.Server{Listener: l, Handler: dns.HandlerFunc(handle)})
		d.run(&dns.Server{PacketConn: p, Handler: dns.HandlerFunc(handle)})
		return l.Addr().(*net.TCPAddr).AddrPort()
	}
	d.t.Fatal("acmetest: no port is free for both UDP and TCP")
	return netip.AddrPort{}
}

func (d *DNS) run(s *dns.Server) {
	started, ended := make(chan struct{}), make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	go func() {
		defer close(ended)
		_ = s.ActivateAndServe()
	}()
	<-started
	d.t.Cleanup(func() {
		_ = s.ShutdownContext(context.Background())
		<-ended
	})
}

// resolve answers as a recursive server does.
func (d *DNS) resolve(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	m.RecursionAvailable = true
	if len(r.Question) != 1 {
		_ = w.WriteMsg(m.SetRcode(r, dns.RcodeFormatError))
		return
	}
	d.mu.Lock()
	d.log("resolver", w, r.Question[0])
	udp := d.queries[len(d.queries)-1].Network == "udp"
	d.chase(m, r.Question[0])
	d.mu.Unlock()
	if udp {
		m.Truncate(udpSize(r))
	}
	_ = w.WriteMsg(m)
}

// chase answers from the truth, and follows aliases.
func (d *DNS) chase(m *dns.Msg, q dns.Question) {
	const maxAliases = 8
	name := strings.ToLower(q.Name)
	for range maxAliases {
		if rrs := d.hostRecords(name, q.Qtype); rrs != nil {
			m.Answer = append(m.Answer, rrs...)
			return
		}
		z := deepest(d.zones, name)
		if z == nil {
			m.Rcode = dns.RcodeNameError
			return
		}
		found := z.get(name, q.Qtype)
		if len(found) == 0 {
			m.Ns = []dns.RR{z.soa}
			if !z.exists(name) {
				m.Rcode = dns.RcodeNameError
			}
			return
		}
		m.Answer = append(m.Answer, found...)
		alias, ok := found[0].(*dns.CNAME)
		if !ok || q.Qtype == dns.TypeCNAME || q.Qtype == dns.TypeANY {
			return
		}
		name = dns.CanonicalName(alias.Target)
	}
	m.Rcode = dns.RcodeServerFailure // aliases without an end
}

// hostRecords are the addresses of the servers by their names.
func (d *DNS) hostRecords(name string, typ uint16) []dns.RR {
	for _, s := range d.servers {
		if !strings.EqualFold(s.name, name) {
			continue
		}
		rrs := make([]dns.RR, 0, 2)
		for _, addr := range s.addrs() {
			header := dns.RR_Header{Name: s.name, Class: dns.ClassINET, Ttl: 3600}
			switch {
			case addr.Is4() && (typ == dns.TypeA || typ == dns.TypeANY):
				header.Rrtype = dns.TypeA
				rrs = append(rrs, &dns.A{Hdr: header, A: addr.AsSlice()})
			case addr.Is6() && (typ == dns.TypeAAAA || typ == dns.TypeANY):
				header.Rrtype = dns.TypeAAAA
				rrs = append(rrs, &dns.AAAA{Hdr: header, AAAA: addr.AsSlice()})
			}
		}
		return rrs
	}
	return nil
}
