package sniproxytest

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// Reply is what a [NameServer] does about one question. The zero value is NOERROR
// without records and without an SOA record.
type Reply struct {
	// Answer, Authority and Extra are records in the text form of zone files.
	Answer, Authority, Extra []string
	Rcode                    int
	// Truncate answers with TC and without records over UDP.
	Truncate bool
	// Drop answers nothing.
	Drop bool
	// Hold keeps the reply back until it is closed or something is sent to it, or
	// the server ends.
	Hold <-chan struct{}
	// Before are changed copies of the reply that go out before it over UDP, such
	// as forgeries with another ID.
	Before []func(*dns.Msg)
	// Edit has the last word on the reply.
	Edit func(query, reply *dns.Msg)
}

// Question is what a [NameServer] was asked.
type Question struct {
	Name    string // as it came, in its case
	Type    uint16
	Network string // "udp" or "tcp"
	From    netip.AddrPort
	Msg     *dns.Msg
}

// NameServer is a DNS server on UDP and TCP that answers as scripted, both as an
// authority and as a recursive server does (AA and RA). What is not scripted does
// not exist: NXDOMAIN, or NOERROR if the name has records of other types or names
// below it, with an SOA record of 60 seconds. It serves until the test ends.
type NameServer struct {
	// Addr is where it listens.
	Addr netip.AddrPort

	end chan struct{}

	mu      sync.Mutex
	replies map[question][]Reply
	asked   []Question
}

type question struct {
	name  string // canonical
	qtype uint16
}

// NoData is the SOA record of negative answers that are not scripted.
const NoData = ". 60 IN SOA ns.test. hostmaster.test. 1 3600 600 86400 60"

// NewNameServer starts a name server on a free port of 127.0.0.1.
func NewNameServer(t testing.TB) *NameServer {
	t.Helper()
	p, l := listenBoth(t)
	return ServeNames(t, p, l)
}

// listenBoth finds a port that is free for UDP and TCP.
func listenBoth(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("sniproxytest: listen: %v", err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err == nil {
			return p, l
		}
		_ = l.Close()
	}
	t.Fatal("sniproxytest: no port is free for both UDP and TCP")
	return nil, nil
}

// ServeNames serves on sockets that the caller opened, for example in a network
// namespace, and closes them when the test ends.
func ServeNames(t testing.TB, p net.PacketConn, l net.Listener) *NameServer {
	t.Helper()
	s := &NameServer{end: make(chan struct{}), replies: make(map[question][]Reply)}
	s.Addr = l.Addr().(*net.TCPAddr).AddrPort()
	var ready, done sync.WaitGroup
	servers := []*dns.Server{
		{PacketConn: p, Handler: s.over("udp"), NotifyStartedFunc: ready.Done},
		{Listener: l, Handler: s.over("tcp"), NotifyStartedFunc: ready.Done},
	}
	for _, server := range servers {
		ready.Add(1)
		done.Go(func() {
			if err := server.ActivateAndServe(); err != nil {
				t.Errorf("sniproxytest: name server: %v", err)
			}
		})
	}
	ready.Wait()
	t.Cleanup(func() {
		close(s.end)
		for _, server := range servers {
			_ = server.Shutdown()
		}
		done.Wait()
	})
	return s
}

// Set scripts the replies to the next questions for a name and type, one each. The
// last one stays.
func (s *NameServer) Set(name string, qtype uint16, replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies[question{dns.CanonicalName(name), qtype}] = replies
}

// Records scripts answers to questions for the owners and types of records in the
// text form of zone files.
func (s *NameServer) Records(t testing.TB, records ...string) {
	t.Helper()
	sets := make(map[question]Reply)
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatalf("sniproxytest: record %q: %v", text, err)
		}
		q := question{dns.CanonicalName(rr.Header().Name), rr.Header().Rrtype}
		sets[q] = Reply{Answer: append(sets[q].Answer, text)}
	}
	for q, reply := range sets {
		s.Set(q.name, q.qtype, reply)
	}
}

// Asked returns all questions so far, in order.
func (s *NameServer) Asked() []Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Question(nil), s.asked...)
}

func (s *NameServer) over(network string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, query *dns.Msg) {
		if len(query.Question) != 1 {
			return
		}
		reply := s.take(network, w.RemoteAddr(), query)
		if reply.Hold != nil {
			select {
			case <-reply.Hold:
			case <-s.end:
				return
			}
		}
		if reply.Drop {
			return
		}
		msg := reply.message(query, network)
		for _, change := range reply.Before {
			if network == "tcp" {
				break
			}
			forged := msg.Copy()
			change(forged)
			_ = w.WriteMsg(forged)
		}
		_ = w.WriteMsg(msg) // who asked may be gone
	}
}

func (s *NameServer) take(network string, from net.Addr, query *dns.Msg) Reply {
	q := query.Question[0]
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := Question{Name: q.Name, Type: q.Qtype, Network: network, Msg: query}
	asked.From, _ = netip.ParseAddrPort(from.String())
	s.asked = append(s.asked, asked)
	name := dns.CanonicalName(q.Name)
	key := question{name, q.Qtype}
	if script := s.replies[key]; len(script) > 0 {
		if len(script) > 1 {
			s.replies[key] = script[1:]
		}
		return script[0]
	}
	if script := s.replies[question{name, dns.TypeCNAME}]; len(script) > 0 {
		return script[0]
	}
	return s.missing(name)
}

func (s *NameServer) missing(name string) Reply {
	reply := Reply{Rcode: dns.RcodeNameError, Authority: []string{NoData}}
	for other := range s.replies {
		if other.name == name || name == "." || strings.HasSuffix(other.name, "."+name) {
			reply.Rcode = dns.RcodeSuccess
		}
	}
	return reply
}

func (r *Reply) message(query *dns.Msg, network string) *dns.Msg {
	msg := new(dns.Msg).SetRcode(query, r.Rcode)
	msg.Authoritative, msg.RecursionAvailable = true, true
	msg.Compress = true
	if r.Truncate && network == "udp" {
		msg.Truncated = true
	} else {
		msg.Answer, msg.Ns, msg.Extra = parse(r.Answer), parse(r.Authority), parse(r.Extra)
	}
	if opt := query.IsEdns0(); opt != nil {
		msg.SetEdns0(4096, opt.Do())
	}
	if r.Edit != nil {
		r.Edit(query, msg)
	}
	return msg
}

// parse panics when a record is no record: the script is wrong.
func parse(records []string) []dns.RR {
	var rrs []dns.RR
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic("sniproxytest: record " + text + ": " + err.Error())
		}
		rrs = append(rrs, rr)
	}
	return rrs
}
