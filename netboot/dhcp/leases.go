package dhcp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// Commit numbers the records of a journal. An acknowledgement waits until
// [Leases.Sync] has returned its record's number or a later one.
type Commit uint64

// ErrNoAddress is returned when every address of a pool is in use.
var ErrNoAddress = errors.New("dhcp: no free address in the pool")

// quarantine is how long an address that a client declined is left alone.
const quarantine = time.Hour

// offerHold is how long an offered address waits for its REQUEST.
const offerHold = time.Minute

// Leases hands out the addresses of pools. Its zero value keeps them in
// memory; [OpenLeases] keeps them in a file. All methods may be called from
// many goroutines.
//
// An address belongs to one hardware address at a time, and a client gets the
// one it had before for as long as nobody else needed it. The address that
// has been free for longest is given out first.
//
// Leases has no clock: time is what the packets bring, and their monotonic
// part makes it immune to a stepped clock. What was leased when a process
// ended is held for its whole duration again by the next one, since
// the clock may have been stepped between the two.
type Leases struct {
	mu    sync.Mutex // guards the fields up to the next blank line; never held over I/O
	pools map[netboot.Pool]*pool
	addrs map[netip.Addr]*lease
	buf   []byte // records not yet written
	seq   Commit // of the last record

	flush   sync.Mutex // serialises the use of the file; taken before mu
	journal *journal   // nil: in memory
	durable atomic.Uint64
}

// Lease is an address and who has it.
type Lease struct {
	Addr    netip.Addr
	MAC     net.HardwareAddr
	Expires time.Time // zero until the pool is used again after a restart
}

// state is what is known of an address.
type state uint8

const (
	free     state = iota // the last owner may have it again
	offered               // held for a REQUEST, in memory only
	bound                 // acknowledged, or offered to firmware that sends no REQUEST
	declined              // somebody else uses it
)

type macAddr [6]byte

// ident is what finds a client's machine when only its address is known.
type ident struct {
	mac     macAddr
	iface   string
	circuit string
	serial  uint32
}

func identOf(c netboot.Client) ident {
	id := ident{mac: macAddr(c.MAC), iface: c.Interface}
	if c.Relay != nil {
		id.circuit = string(c.Relay.CircuitID)
	}
	if c.Pi != nil {
		id.serial = c.Pi.Serial
	}
	return id
}

func (id ident) client(addr netip.Addr) netboot.Client {
	c := netboot.Client{MAC: slices.Clone(id.mac[:]), Interface: id.iface, Addr: addr}
	if id.circuit != "" {
		c.Relay = &netboot.Relay{CircuitID: []byte(id.circuit)}
	}
	if id.serial != 0 {
		c.Pi = &rpi.Identity{Serial: id.serial}
	}
	return c
}

// lease is one address that was given out at least once. Leases.mu guards it.
type lease struct {
	addr    netip.Addr
	ident   ident
	state   state
	length  time.Duration
	expires time.Time // zero when it came from the journal and its pool has not been used since
	heap    int       // index in its pool's heap
}

// Client returns the client that was last given addr and has not given it
// back.
func (l *Leases) Client(addr netip.Addr) (netboot.Client, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if le := l.addrs[addr]; le != nil && (le.state == bound || le.state == offered) {
		return le.ident.client(addr), true
	}
	return netboot.Client{}, false
}

// All returns the acknowledged leases, by address. Some may have expired.
func (l *Leases) All() []Lease {
	l.mu.Lock()
	var all []Lease
	for _, le := range l.addrs {
		if le.state == bound {
			all = append(all, Lease{Addr: le.addr, MAC: slices.Clone(le.ident.mac[:]), Expires: le.expires})
		}
	}
	l.mu.Unlock()
	slices.SortFunc(all, func(a, b Lease) int { return a.Addr.Compare(b.Addr) })
	return all
}

// offer holds an address of p for c: its own, or a free one that is not among
// taken. With keep, which is for firmware that sends no REQUEST, it is leased
// for length.
func (l *Leases) offer(p netboot.Pool, c netboot.Client, taken []netip.Addr, length time.Duration, keep bool, now time.Time) (netip.Addr, Commit, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pl := l.pool(p, now)
	id := identOf(c)
	le := pl.owned[id.mac]
	if le == nil || slices.Contains(taken, le.addr) {
		if le = l.alloc(pl, taken, now); le == nil {
			return netip.Addr{}, 0, fmt.Errorf("%w %s-%s/%d", ErrNoAddress, p.First, p.Last, p.Bits)
		}
		pl.owned[id.mac] = le
	}
	le.ident = id
	if keep {
		return le.addr, l.bind(pl, le, length, now), nil
	}
	if le.state != bound || le.expires.Before(now) {
		le.state = offered
		pl.expire(le, now.Add(offerHold))
	}
	return le.addr, 0, nil
}

// held returns the address of p that c had last, if nobody else got it.
func (l *Leases) held(p netboot.Pool, c netboot.Client, now time.Time) (netip.Addr, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if le := l.pool(p, now).owned[macAddr(c.MAC)]; le != nil {
		return le.addr, true
	}
	return netip.Addr{}, false
}

// ack leases addr of p to c for length. It fails when addr is another's. An
// address nobody has is given: the client proved that it was offered it.
func (l *Leases) ack(p netboot.Pool, c netboot.Client, addr netip.Addr, length time.Duration, now time.Time) (Commit, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pl := l.pool(p, now)
	id := identOf(c)
	le := pl.owned[id.mac]
	if le == nil || le.addr != addr {
		other := l.addrs[addr]
		if !pl.contains(addr) || le != nil || other != nil && !other.reusable(now) {
			return 0, false
		}
		le = l.take(pl, addr, now)
		pl.owned[id.mac] = le
	}
	le.ident = id
	return l.bind(pl, le, length, now), true
}

// bind makes le a lease from now on. The caller holds mu.
func (l *Leases) bind(pl *pool, le *lease, length time.Duration, now time.Time) Commit {
	le.state, le.length = bound, length
	pl.expire(le, now.Add(length))
	return l.record(le)
}

// forget drops an address that was offered to c and not taken.
func (l *Leases) forget(p netboot.Pool, c netboot.Client, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pl := l.pool(p, now)
	if le := pl.owned[macAddr(c.MAC)]; le != nil && le.state == offered {
		le.state = free
		pl.expire(le, now)
	}
}

// release frees c's address; c gets the same one if it is back before it is
// needed. It reports whether addr was c's.
func (l *Leases) release(p netboot.Pool, c netboot.Client, addr netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	pl := l.pool(p, now)
	le := pl.owned[macAddr(c.MAC)]
	if le == nil || le.addr != addr {
		return false
	}
	le.state = free
	pl.expire(le, now)
	l.record(le)
	return true
}

// decline takes c's address out of use for a while: somebody else has it. When
// half of the pool is out of use so, it is only freed, lest one client put
// every address out of use.
func (l *Leases) decline(p netboot.Pool, c netboot.Client, addr netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	pl := l.pool(p, now)
	mac := macAddr(c.MAC)
	le := pl.owned[mac]
	if le == nil || le.addr != addr {
		return false
	}
	delete(pl.owned, mac)
	le.state = free
	until := now
	if pl.declined(l, now) < pl.size/2 {
		le.state, until = declined, now.Add(quarantine)
	}
	le.ident, le.length = ident{}, until.Sub(now)
	pl.expire(le, until)
	l.record(le)
	return true
}

// reusable reports whether le may go to another client.
func (le *lease) reusable(now time.Time) bool { return !le.expires.After(now) }
