package snmptest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// maxUDP is the most that an IPv4 datagram carries.
const maxUDP = 65507

// Agent is an SNMPv2c agent. The zero value has no objects. Its methods may be
// called while it serves, and from its hooks.
type Agent struct {
	// The communities; empty means "public" and "private". A request with another
	// one gets no answer; a SET with the one for reading gets noAccess.
	ReadCommunity, WriteCommunity string
	// MaxMessage is the size of the largest answer; 0 means what UDP can carry.
	// A GETBULK is filled up to it, other requests get tooBig.
	MaxMessage int
	// Observe is called with each request that has a good community, before it
	// is answered and before the faults.
	Observe func(Request)

	tree  tree
	count counters

	mu     sync.Mutex // guards what follows
	hooks  []hooked
	faults Faults
	addr   net.Addr
}

// NewAgent returns an agent without objects.
func NewAgent() *Agent { return new(Agent) }

// Set makes an object, or changes its value.
func (a *Agent) Set(o snmpx.OID, v snmpx.Value) { a.tree.put(o, v, nil) }

// Computed makes an object whose value is asked for each time that it is read.
func (a *Agent) Computed(o snmpx.OID, get func() snmpx.Value) {
	a.tree.put(o, snmpx.Value{}, get)
}

// Delete removes an object.
func (a *Agent) Delete(o snmpx.OID) { a.tree.remove(o) }

// Get returns an object's value, and the zero Value where there is no such
// object.
func (a *Agent) Get(o snmpx.OID) snmpx.Value {
	if obj := a.tree.find(o); obj != nil {
		return obj.value()
	}
	return snmpx.Value{}
}

// Below returns all objects under a prefix, in order.
func (a *Agent) Below(prefix snmpx.OID) []snmpx.Var {
	var all []snmpx.Var
	for _, o := range below(a.tree.snapshot(), prefix) {
		all = append(all, snmpx.Var{OID: o.oid, Value: o.value()})
	}
	return all
}

// Addr is where the agent serves, as "127.0.0.1:40161"; empty before Serve.
func (a *Agent) Addr() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.addr == nil {
		return ""
	}
	return a.addr.String()
}

// Serve answers requests that come in on conn, one after the other as a switch
// does, until ctx ends or conn is closed. It closes conn. An end by ctx is no
// error.
func (a *Agent) Serve(ctx context.Context, conn net.PacketConn) error {
	a.mu.Lock()
	a.addr = conn.LocalAddr()
	a.mu.Unlock()
	s := &service{agent: a, conn: conn}
	defer s.close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	buf := make([]byte, 16<<10)
	for {
		n, from, err := conn.ReadFrom(buf)
		switch {
		case err == nil:
			s.handle(buf[:n], from)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("snmptest: serve: %w", err)
		case refused(err): // a client has closed its socket before it had our answer
		default:
			return fmt.Errorf("snmptest: serve: %w", err)
		}
	}
}

func refused(err error) bool { return strings.Contains(err.Error(), "connection refused") }

// service is one run of Serve.
type service struct {
	agent *Agent
	conn  net.PacketConn

	answering sync.Mutex // one request at a time
	scratch   []byte     // guarded by answering: for the variables of an answer

	mu     sync.Mutex // guards what follows
	other  net.PacketConn
	held   []outgoing // to be overtaken
	timers map[*time.Timer]bool
	closed bool
	wait   sync.WaitGroup // of timers
}

func (s *service) handle(b []byte, from net.Addr) {
	a := s.agent
	r, err := parseMessage(b)
	if err != nil {
		a.count.malformed.Add(1)
		return
	}
	r.From = from
	read, write := cmp.Or(a.ReadCommunity, "public"), cmp.Or(a.WriteCommunity, "private")
	if r.Community != read && r.Community != write {
		a.count.badCommunity.Add(1)
		return
	}
	a.count.request(r.Kind)
	if a.Observe != nil {
		a.Observe(r)
	}
	f := a.currentFaults(r)
	if f.chance(f.LoseRequest) {
		a.count.lost.Add(1)
		return
	}
	s.respond(r, f, r.Community == write)
	if f.chance(f.RepeatRequest) {
		s.later(f.RepeatDelay, func() { s.respond(r, f, r.Community == write) })
	}
}

// respond works out the answer and sends it, as the faults will have it.
func (s *service) respond(r Request, f *Faults, mayWrite bool) {
	s.answering.Lock()
	defer s.answering.Unlock()
	m, ok := s.agent.answer(r, f, mayWrite, s.scratch[:0])
	if ok {
		s.scratch = m.vars
		s.send(r, m, f)
	}
}

func (a *Agent) maxMessage() int { return cmp.Or(a.MaxMessage, maxUDP) }
