package dhcp

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
)

// nudges are when the 3B mask ROM is woken after its DISCOVER. It looks at a
// pending OFFER when another frame comes more than a second after its
// DISCOVER, and gives the attempt up after a gap of about one; the first keeps
// it listening and the second makes it look.
var nudges = []time.Duration{600 * time.Millisecond, 1200 * time.Millisecond}

// The neighbour entry is pinned again every pinEvery, which is less than the
// kernel trusts it for (15 s at least), until pinFor has gone by.
const (
	pinEvery = 10 * time.Second
	pinFor   = 2 * time.Minute
)

// boots knows the boots under way, to call their delayed actions off.
type boots struct {
	mu    sync.Mutex
	state map[place]*boot
}

// boot is one boot from its latest DISCOVER on. boots.mu guards it.
type boot struct {
	at    time.Time
	awake bool // it asked for a file
	done  bool // its operating system is up, or another DISCOVER came
}

// cures returns what makes a Pi's firmware boot where a plain server's OFFER
// does not: what to do before the OFFER, and what later.
func (h *Handler) cures(x *exchange, addr netip.Addr) (now, later []Action) {
	pin := !h.NoPin && x.c.Firmware.IsPi()
	nudge := !h.NoNudge && x.c.Firmware == netboot.FirmwarePiROM
	if x.c.Relay != nil || !pin && !nudge {
		return nil, nil // a relay's link is out of reach
	}
	at := place{x.Interface, addr}
	b := h.boots.start(at, x.At)
	peer := Dest{Peer: x.Src}
	if nudge {
		for _, after := range nudges {
			later = append(later, Action{
				After: after, Frame: wakeFrame(x.c.MAC), To: peer, Event: x.event(netboot.Nudged, addr),
				timer: at, Valid: func() bool { return h.boots.is(b, func() bool { return !b.awake && !b.done }) },
			})
		}
	}
	if pin {
		entry := &Neighbor{Addr: addr, MAC: x.c.MAC}
		running := func() bool { return h.boots.is(b, func() bool { return !b.done }) }
		now = append(now, Action{Neighbor: entry, To: peer})
		for after := pinEvery; after < pinFor; after += pinEvery {
			later = append(later, Action{After: after, Neighbor: entry, To: peer, timer: at, Valid: running})
		}
		later = append(later, Action{After: pinFor, Neighbor: released(*entry), To: peer, timer: at, Valid: running})
	}
	return now, later
}

func released(n Neighbor) *Neighbor {
	n.Release = true
	return &n
}

// bootDone ends the firmware's privileges when its operating system has an
// address.
func (h *Handler) bootDone(x *exchange, addr netip.Addr) []Action {
	if !h.boots.end(place{x.Interface, addr}) || h.NoPin {
		return nil
	}
	return []Action{{Neighbor: &Neighbor{Addr: addr, MAC: x.c.MAC, Release: true}, To: Dest{Peer: x.Src}}}
}

// FileRequested says that the client with address addr on the interface asked
// for a file: it is awake, and pending wake-up frames are called off.
func (h *Handler) FileRequested(iface string, addr netip.Addr) {
	h.boots.mu.Lock()
	defer h.boots.mu.Unlock()
	if b := h.boots.state[place{iface, addr}]; b != nil {
		b.awake = true
	}
}

var _ netboot.Observer = (*Handler)(nil)

// Observe takes a file server's events, and calls [Handler.FileRequested] for
// each.
func (h *Handler) Observe(e netboot.Event) {
	switch e.Kind {
	case netboot.FileProgress, netboot.FileServed, netboot.FileMissing, netboot.FileProbed, netboot.FileFailed, netboot.FileRefused:
		h.FileRequested(e.Client.Interface, e.Addr)
	}
}

// start begins a boot, and ends the one that was under way there.
func (bs *boots) start(at place, now time.Time) *boot {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if bs.state == nil {
		bs.state = make(map[place]*boot)
	}
	if old := bs.state[at]; old != nil {
		old.done = true
	}
	for p, b := range bs.state {
		if now.Sub(b.at) > pinFor {
			delete(bs.state, p)
		}
	}
	b := &boot{at: now}
	bs.state[at] = b
	return b
}

// end ends the boot at a place and reports whether there was one.
func (bs *boots) end(at place) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	b := bs.state[at]
	if b == nil {
		return false
	}
	b.done = true
	delete(bs.state, at)
	return true
}

// is evaluates what is true of b under the lock.
func (bs *boots) is(b *boot, what func() bool) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return what()
}

// wakeFrame is a Wake-on-LAN frame to mac: Ethernet type 0x0842, six bytes of
// ones, the address sixteen times. Any frame would do; this one means no harm
// to whatever else may hold the address.
func wakeFrame(mac net.HardwareAddr) []byte {
	f := make([]byte, 0, 14+6+16*6)
	f = append(f, mac...)
	f = append(f, 0, 0, 0, 0, 0, 0) // source: the interface's
	f = append(f, 0x08, 0x42)
	f = append(f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	for range 16 {
		f = append(f, mac...)
	}
	return f
}
