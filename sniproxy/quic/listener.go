package quic

import (
	"container/list"
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
)

// listener is one socket that clients send to. Datagrams are read, hellos collected
// and routes asked for by one goroutine; each connection has another, for what its
// server sends.
type listener struct {
	s      *Server
	pc     net.PacketConn
	udp    *net.UDPConn // pc, if it is one
	local  netip.AddrPort
	ctx    context.Context
	cancel context.CancelFunc
	info   clienthello.Info // of the hello being looked at, by the reading goroutine
	flows  sync.WaitGroup   // goroutines of connections

	mu      sync.Mutex // guards all below, and the flows' fields that say so
	clients map[netip.AddrPort]*client
	byID    map[string]*flow   // by connection IDs that servers chose
	lengths [maxConnID + 1]int // how many of them have which length
	waiting list.List          // *flow without a server, oldest first
	evicted []*flow            // to be reported by unlock
	closed  bool
}

func newListener(s *Server, pc net.PacketConn) *listener {
	l := &listener{s: s, pc: pc, local: addrPort(pc.LocalAddr()), clients: make(map[netip.AddrPort]*client), byID: make(map[string]*flow)}
	l.local = netip.AddrPortFrom(l.local.Addr().Unmap(), l.local.Port())
	l.udp, _ = pc.(*net.UDPConn)
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// serve reads until that fails.
func (l *listener) serve() error {
	buf := make([]byte, l.s.maxDatagram()+1)
	for {
		n, from, err := l.read(buf)
		switch {
		case err != nil:
			return err
		case n == len(buf):
			l.s.counts.dropped.Add(1)
		case n > 0 && from.IsValid():
			l.datagram(buf[:n], from)
		}
	}
}

func (l *listener) read(buf []byte) (n int, from netip.AddrPort, err error) {
	if l.udp != nil {
		return l.udp.ReadFromUDPAddrPort(buf)
	}
	n, addr, err := l.pc.ReadFrom(buf)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	return n, addrPort(addr), nil
}

// write sends to a client. A datagram that cannot be sent is one that was lost.
func (l *listener) write(b []byte, to netip.AddrPort) {
	if l.udp != nil {
		_, _ = l.udp.WriteToUDPAddrPort(b, to)
		return
	}
	_, _ = l.pc.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

func addrPort(a net.Addr) netip.AddrPort {
	if u, ok := a.(*net.UDPAddr); ok {
		return u.AddrPort()
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return ap
}

// close ends all connections and waits for them.
func (l *listener) close() {
	l.cancel()
	l.mu.Lock()
	l.closed = true
	var all []*flow
	for _, c := range l.clients {
		all = append(all, c.flows...)
	}
	l.mu.Unlock()
	for _, f := range all {
		f.shut()
	}
	l.flows.Wait()
}

// datagram handles one datagram of a client.
func (l *listener) datagram(b []byte, from netip.AddrPort) {
	h, long := parseInvariant(b)
	now := time.Now()
	if f, rest := l.find(b, from, &h, long); f != nil {
		f.fromClient(b, now)
		for _, f := range rest {
			f.fromClient(b, now)
		}
		return
	}
	switch {
	case long && h.version != 0 && lookUp(h.version) == nil:
		l.negotiate(b, from, &h)
	case long && startsConnection(b):
		if !l.begin(b, from, now) {
			l.orphan(b, from, now)
		}
	default:
		l.s.counts.ignored.Add(1)
	}
}

// startsConnection says whether a datagram looks like the first of a client's.
func startsConnection(b []byte) bool {
	if len(b) < minInitial {
		return false
	}
	p, ok := parseLong(b)
	return ok && p.kind == initial && len(p.dcid) >= minClientID
}

// negotiate answers a version not known. Only who sends as much as a client does
// is answered, with far less. That the servers might know the version does not
// help: what it would be routed by cannot be read.
func (l *listener) negotiate(b []byte, from netip.AddrPort, h *invariant) {
	if len(b) < minInitial || l.s.stopped() {
		l.s.counts.ignored.Add(1)
		return
	}
	l.s.counts.negotiated.Add(1)
	l.write(appendNegotiation(nil, h), from)
}

// orphan handles what looked like the start of a connection and is none: it may be
// one that goes on, in a way that was not foreseen.
func (l *listener) orphan(b []byte, from netip.AddrPort, now time.Time) {
	l.mu.Lock()
	f := l.clients[from].latest()
	l.mu.Unlock()
	if f == nil {
		l.s.counts.ignored.Add(1)
		return
	}
	f.fromClient(b, now)
}
