package dnssectest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// SecondaryOptions are how a Secondary is. Primary and Zones must be set.
type SecondaryOptions struct {
	// Primary is where it fetches from.
	Primary netip.AddrPort
	// Zones are what it serves.
	Zones []string
	// KeyName and KeySecret sign what it asks: a TSIG name with a dot at its end, by
	// hmac-sha256, and the secret in base64. Without a name nothing is signed.
	KeyName, KeySecret string
	// Check is called with each zone before it is served; an error keeps the old one.
	Check func(z *dnssec.Zone) error
}

// Secondary is a name server on loopback that fetches zones when it is told by
// NOTIFY, the whole of them each time, and remembers every serial that it had. It
// answers for the SOA.
type Secondary struct {
	options SecondaryOptions
	udp     *dns.Server
	addr    netip.AddrPort
	fetches sync.WaitGroup

	mu      sync.Mutex // guards what is below
	zones   map[string]*dnssec.Zone
	serials map[string][]uint32
	heard   int
	lag     time.Duration
	deaf    int // NOTIFY messages to leave without an answer
	refuse  bool
	silent  bool
	errs    []error
	closed  bool
}

// NewSecondary starts one, which fetches its zones at once, and ends with the test.
func NewSecondary(t testing.TB, o SecondaryOptions) *Secondary {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("dnssectest: secondary: %v", err)
	}
	s := &Secondary{options: o, zones: make(map[string]*dnssec.Zone), serials: make(map[string][]uint32)}
	s.addr = netip.MustParseAddrPort(c.LocalAddr().String())
	s.udp = &dns.Server{PacketConn: c, Handler: dns.HandlerFunc(s.serve)}
	s.udp.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
	if o.KeyName != "" {
		s.udp.TsigSecret = map[string]string{o.KeyName: o.KeySecret}
	}
	started, ended := make(chan struct{}), make(chan struct{})
	s.udp.NotifyStartedFunc = func() { close(started) }
	go func() {
		defer close(ended)
		_ = s.udp.ActivateAndServe()
	}()
	<-started
	t.Cleanup(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		_ = s.udp.ShutdownContext(context.Background())
		<-ended
		s.fetches.Wait()
	})
	for _, zone := range o.Zones {
		s.fetchLater(dns.CanonicalName(zone))
	}
	return s
}

// Addr is where it listens.
func (s *Secondary) Addr() netip.AddrPort { return s.addr }

// Zone is what it serves, nil for nothing yet.
func (s *Secondary) Zone(zone string) *dnssec.Zone {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.zones[dns.CanonicalName(zone)]
}

// Serials are all that it served of a zone, the first one first.
func (s *Secondary) Serials(zone string) []uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.serials[dns.CanonicalName(zone)])
}

// Notified is how many NOTIFY messages came, answered or not.
func (s *Secondary) Notified() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard
}

// Errors are the faults of its fetches, and what Check said.
func (s *Secondary) Errors() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.errs)
}

// SetLag makes it wait before it fetches.
func (s *Secondary) SetLag(d time.Duration) { s.set(func() { s.lag = d }) }

// SetDeaf makes it miss so many NOTIFY messages.
func (s *Secondary) SetDeaf(n int) { s.set(func() { s.deaf = n }) }

// SetRefuse makes it refuse NOTIFY messages.
func (s *Secondary) SetRefuse(on bool) { s.set(func() { s.refuse = on }) }

// SetSilent makes it answer nothing at all.
func (s *Secondary) SetSilent(on bool) { s.set(func() { s.silent = on }) }

func (s *Secondary) set(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
}

func (s *Secondary) serve(w dns.ResponseWriter, m *dns.Msg) {
	reply := new(dns.Msg).SetReply(m)
	reply.Authoritative = true
	if !s.decide(m, reply) || len(m.Question) == 1 && m.Opcode == dns.OpcodeNotify && w.TsigStatus() != nil {
		return
	}
	if t := m.IsTsig(); t != nil {
		reply.SetTsig(t.Hdr.Name, t.Algorithm, 300, time.Now().Unix())
	}
	_ = w.WriteMsg(reply)
}

// decide fills in the answer; false is none.
func (s *Secondary) decide(m, reply *dns.Msg) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(m.Question) != 1 || s.silent {
		return false
	}
	zone := dns.CanonicalName(m.Question[0].Name)
	if m.Opcode == dns.OpcodeNotify {
		s.heard++
		if s.deaf > 0 {
			s.deaf--
			return false
		}
		if s.refuse || s.options.KeyName != "" && m.IsTsig() == nil {
			reply.Rcode = dns.RcodeRefused
			return true
		}
		s.later(zone)
		return true
	}
	z := s.zones[zone]
	if z == nil {
		reply.Authoritative, reply.Rcode = false, dns.RcodeServerFailure
		return true
	}
	reply.Answer = z.RRset(z.Origin(), m.Question[0].Qtype)
	return true
}

func (s *Secondary) fetchLater(zone string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.later(zone)
}

// later fetches after the lag. The lock is held.
func (s *Secondary) later(zone string) {
	if s.closed || !slices.ContainsFunc(s.options.Zones, func(z string) bool { return dns.CanonicalName(z) == zone }) {
		return
	}
	lag := s.lag
	s.fetches.Add(1)
	time.AfterFunc(lag, func() {
		defer s.fetches.Done()
		if err := s.fetch(zone); err != nil {
			s.set(func() { s.errs = append(s.errs, fmt.Errorf("dnssectest: secondary: %s: %w", zone, err)) })
		}
	})
}

func (s *Secondary) fetch(zone string) error {
	m := new(dns.Msg).SetAxfr(zone)
	tr := &dns.Transfer{DialTimeout: time.Minute, ReadTimeout: time.Minute}
	if s.options.KeyName != "" {
		m.SetTsig(s.options.KeyName, dns.HmacSHA256, 300, time.Now().Unix())
		tr.TsigSecret = map[string]string{s.options.KeyName: s.options.KeySecret}
	}
	parts, err := tr.In(m, s.options.Primary.String())
	if err != nil {
		return err
	}
	var rrs []dns.RR
	var errs []error
	for part := range parts {
		rrs, errs = append(rrs, part.RR...), append(errs, part.Error)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if len(rrs) < 2 {
		return errors.New("the transfer is not whole")
	}
	z, err := dnssec.NewZone(zone, rrs[:len(rrs)-1], dnssec.Options{})
	if err == nil && s.options.Check != nil {
		err = s.options.Check(z)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.zones[zone]; old != nil && int32(z.Serial()-old.Serial()) <= 0 {
		return nil
	}
	s.zones[zone] = z
	s.serials[zone] = append(s.serials[zone], z.Serial())
	return nil
}
