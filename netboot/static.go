package netboot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"sync"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// Reservation ties one way of recognising a client to a machine. Exactly one
// of the keys is set.
type Reservation struct {
	// Interface is the name of the interface that the machine is alone on,
	// such as its private VLAN's.
	Interface string
	// CircuitID is option 82 sub-option 1 as its relay sends it: the switch
	// port that the machine is plugged into.
	CircuitID []byte
	// Serial is the low 32 bits of a Raspberry Pi's serial number. The mask
	// ROM of a 3B and every operating system keep it to themselves: they are
	// known by the MAC address that a Pi up to the 3B+ makes of its serial
	// number, and of a later one by the address that its firmware told the
	// serial number from, since this inventory was made.
	Serial uint32
	// MAC is the machine's hardware address.
	MAC net.HardwareAddr

	Machine Machine
}

// Static is an [Inventory] that does not change. What says most about the
// place beats what a client says about itself: interface, then circuit-id,
// then serial number, then MAC address. The DHCP client identifier is never
// looked at, because boot ROM and operating system send different ones.
type Static struct {
	byInterface map[string]*Machine
	byCircuit   map[string]*Machine
	bySerial    map[uint32]*Machine
	byMAC       map[[6]byte]*Machine
	derived     map[[6]byte]*Machine // by the MAC address made of a serial number
	byAddr      map[netip.Addr]*Machine
	machines    []*Machine

	mu     sync.Mutex           // guards heard
	heard  map[[6]byte]*Machine // by the MAC address that told its serial number
	toldBy map[*Machine][6]byte // the inverse of heard: a machine has one
}

var _ Inventory = (*Static)(nil)

// NewStatic returns an inventory of rs. It refuses, naming the reservation, a
// machine without a name or address, a reservation without exactly one key, and
// anything that is reserved twice.
func NewStatic(rs ...Reservation) (*Static, error) {
	var errs []error
	s := NewStaticPart(rs, func(_ *Reservation, err error) { errs = append(errs, err) })
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// NewStaticPart is [NewStatic] for reservations of many hands: it leaves out those
// that it refuses, the later ones of two that want the same, and tells refused why.
func NewStaticPart(rs []Reservation, refused func(r *Reservation, err error)) *Static {
	s := &Static{
		byInterface: make(map[string]*Machine),
		byCircuit:   make(map[string]*Machine),
		bySerial:    make(map[uint32]*Machine),
		byMAC:       make(map[[6]byte]*Machine),
		derived:     make(map[[6]byte]*Machine),
		byAddr:      make(map[netip.Addr]*Machine),
		heard:       make(map[[6]byte]*Machine),
		toldBy:      make(map[*Machine][6]byte),
	}
	names := make(map[string]bool)
	for i := range rs {
		m := rs[i].Machine
		if names[m.Name] {
			refused(&rs[i], fmt.Errorf("netboot: reservation %d: machine name %q is taken", i+1, m.Name))
			continue
		}
		if err := s.add(&rs[i], &m); err != nil {
			refused(&rs[i], fmt.Errorf("netboot: reservation %d (machine %q): %w", i+1, m.Name, err))
			continue
		}
		names[m.Name] = true
	}
	return s
}

// Learn takes over what an inventory before this one has heard: which MAC addresses the
// machines have that are known by their serial numbers. Machines are matched by name.
func (s *Static) Learn(before *Static) {
	before.mu.Lock()
	told := maps.Clone(before.toldBy)
	before.mu.Unlock()
	now := make(map[string]*Machine)
	for _, m := range s.bySerial {
		now[m.Name] = m
	}
	for old, mac := range told {
		if m := now[old.Name]; m != nil {
			s.hear(mac[:], m)
		}
	}
}

// add adds a reservation, or nothing of it.
func (s *Static) add(r *Reservation, m *Machine) error {
	if err := m.Validate(); err != nil {
		return err
	}
	if n := r.keys(); n != 1 {
		return fmt.Errorf("set exactly one of Interface, CircuitID, Serial and MAC, not %d", n)
	}
	if len(r.MAC) > 0 && len(r.MAC) != 6 {
		return fmt.Errorf("MAC %s is not an Ethernet address", r.MAC)
	}
	if err := s.addrsFree(r, m); err != nil {
		return err
	}
	if err := s.addKey(r, m); err != nil {
		return err
	}
	s.machines = append(s.machines, m)
	for _, a := range r.addrs(m) {
		s.byAddr[a] = m
	}
	return nil
}

// keys is how many are set.
func (r *Reservation) keys() (n int) {
	for _, set := range []bool{r.Interface != "", len(r.CircuitID) > 0, r.Serial != 0, len(r.MAC) > 0} {
		if set {
			n++
		}
	}
	return n
}

// addrs are those by which the machine is found. One alone on its interface is never
// found by address: the same address on many private VLANs is legal, and a neighbour on
// another interface could borrow it to read this machine's files.
func (r *Reservation) addrs(m *Machine) (all []netip.Addr) {
	if r.Interface != "" {
		return nil
	}
	for _, p := range []netip.Prefix{m.Addr, m.Addr6} {
		if p.IsValid() {
			all = append(all, p.Addr())
		}
	}
	return all
}

func (s *Static) addrsFree(r *Reservation, m *Machine) error {
	for _, a := range r.addrs(m) {
		if other := s.byAddr[a]; other != nil {
			return fmt.Errorf("address %v is already machine %q", a, other.Name)
		}
	}
	return nil
}

func (s *Static) addKey(r *Reservation, m *Machine) error {
	switch {
	case r.Interface != "":
		return put(s.byInterface, r.Interface, m, "interface")
	case len(r.CircuitID) > 0:
		return put(s.byCircuit, string(r.CircuitID), m, "circuit-id")
	case r.Serial != 0:
		if err := put(s.bySerial, r.Serial, m, "serial"); err != nil {
			return err
		}
		s.derived[rpi.OldMAC(r.Serial)] = m
		return nil
	}
	return put(s.byMAC, [6]byte(r.MAC), m, "MAC")
}

func put[K comparable](index map[K]*Machine, key K, m *Machine, what string) error {
	if other := index[key]; other != nil {
		return fmt.Errorf("%s %v is already machine %q", what, key, other.Name)
	}
	index[key] = m
	return nil
}

// Lookup returns the machine that c is, or [ErrUnknown].
func (s *Static) Lookup(_ context.Context, c Client) (*Machine, error) {
	if m := s.byInterface[c.Interface]; m != nil && c.Interface != "" {
		return m, nil
	}
	if c.Relay != nil && len(c.Relay.CircuitID) > 0 {
		if m := s.byCircuit[string(c.Relay.CircuitID)]; m != nil {
			return m, nil
		}
	}
	if c.Pi != nil && c.Pi.Serial != 0 {
		if m := s.bySerial[c.Pi.Serial]; m != nil {
			s.hear(c.MAC, m)
			return m, nil
		}
	}
	if len(c.MAC) == 6 {
		if m := s.byHardware([6]byte(c.MAC)); m != nil {
			return m, nil
		}
		return nil, ErrUnknown // it said who it is, and its address may be another's
	}
	if m := s.byAddr[c.Addr]; m != nil {
		return m, nil
	}
	return nil, ErrUnknown
}

// hear remembers that a client with this MAC address told m's serial number. It
// keeps one address for each machine, the newest.
func (s *Static) hear(mac net.HardwareAddr, m *Machine) {
	if len(mac) != 6 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.heard, s.toldBy[m])
	s.heard[[6]byte(mac)], s.toldBy[m] = m, [6]byte(mac)
}

// byHardware returns the machine of a client that told its MAC address only.
func (s *Static) byHardware(mac [6]byte) *Machine {
	if m := s.byMAC[mac]; m != nil {
		return m
	}
	if m := s.derived[mac]; m != nil {
		return m
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard[mac]
}

// Machines returns every machine, in the order of the reservations.
func (s *Static) Machines() []*Machine { return s.machines }
