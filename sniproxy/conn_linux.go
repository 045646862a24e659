package sniproxy

import (
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

// A conn is a client's connection in a shard, with the one to its backend.
type conn struct {
	flow
	state       state
	id          connID
	ends        [2]end // client, server
	timer       timer
	movedAt     time.Duration // when a byte passed, by the shard's clock
	added       bool          // the client's socket is watched
	serverAdded bool
	lingered    int       // bytes that were thrown away
	half        bool      // one direction has ended
	web         *web      // nil for TLS
	open        *awaiting // nil when nothing is awaited
}

// state is what a connection waits for.
type state uint8

const (
	inHello    state = iota // the client's hello
	inResolve               // the backend's addresses
	inDial                  // the backend
	inRelay                 // bytes of either side
	inExchange              // a request's body or the response
	inLinger                // the end of a client that was refused
	inNothing               // closed
)

// The ends of a connection, as in [conn.ends].
const (
	client = 0
	server = 1
)

// An end is one of the two sockets, and what was read of it.
type end struct {
	fd     int32 // -1: none
	role   uint8 // in the events' tags
	hup    bool  // the kernel says that an end is near: a short read is not the last one
	ready  bool  // it has become readable and was not read yet
	eof    bool  // it has ended its direction
	shut   bool  // and it was told of the other one's end
	copies bool  // it cannot be spliced
	full   uint8 // reads in a row that filled the buffer
	rest   []byte
	pipe   *pipe
}

// drained reports whether nothing that was read waits to be written.
func (e *end) drained() bool { return len(e.rest) == 0 && e.pipe == nil }

// awaiting is what a connection has besides until its backend has the hello.
type awaiting struct {
	opening  *opening // set while the hello is incomplete
	bytes    []byte   // of the client, a front's header first; then what the backend gets first
	decision Decision
	since    time.Time // of the dial
	dial     *dialing  // set while attempts are made
}

// dialing is what attempts to reach a backend need.
type dialing struct {
	race  backend.Race
	addrs [maxTries]netip.AddrPort
	tries [maxTries]try
	err   error // of the last attempt that failed
}

// maxTries is how many addresses are tried: as many as a tag tells apart.
const maxTries = min(backend.MaxRace, roleMask)

// A try is one attempt to reach one address.
type try struct {
	fd    int32 // -1: not under way
	since time.Time
	added bool // its socket is watched
}

// A connID tells connections apart that use the same place one after the other, as
// events of the one before may still be on their way.
type connID struct {
	slot int32
	gen  uint32
}

// table has the connections of a shard.
type connTable struct {
	conns []*conn
	gens  []uint32
	free  []int32
	n     int
}

func (t *connTable) add(c *conn) {
	if len(t.free) == 0 {
		t.free = append(t.free, int32(len(t.conns)))
		t.conns = append(t.conns, nil)
		t.gens = append(t.gens, 0)
	}
	last := len(t.free) - 1
	slot := t.free[last]
	t.free = t.free[:last]
	t.conns[slot] = c
	t.n++
	c.id = connID{slot, t.gens[slot]}
}

// get returns nil for a connection that is no more.
func (t *connTable) get(id connID) *conn {
	if int(id.slot) >= len(t.conns) || t.gens[id.slot] != id.gen {
		return nil
	}
	return t.conns[id.slot]
}

func (t *connTable) remove(c *conn) {
	t.conns[c.id.slot] = nil
	t.gens[c.id.slot] = (t.gens[c.id.slot] + 1) & genMask
	t.free = append(t.free, c.id.slot)
	t.n--
}
