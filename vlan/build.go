package vlan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// Build makes a plan of a spec. It is a function of its arguments: no clock, no
// chance, no file.
//
// Whoever was in the previous plan keeps all numbers, wherever the machine is
// plugged in now. A new Pi gets the lowest VLAN and the lowest /30 that nobody
// ever had; numbers of Pis that are gone stay theirs until there are no others,
// and they get them back when they return. Build moves a Pi only to where it is
// pinned: when a spec leaves no room for numbers that a Pi has, that is an error.
//
// Errors are [*SpecError], [*CollisionError] and [*CapacityError].
func Build(spec Spec, previous *Plan) (*Plan, error) {
	b := builder{spec: spec, plan: &Plan{Private: spec.Private}}
	if previous != nil {
		if err := previous.check(); err != nil {
			return nil, fmt.Errorf("previous plan: %w", err)
		}
		b.previous = *previous
	}
	for _, step := range []func() error{
		b.networks, b.identifiers, b.public, b.fileServer, b.switches, b.uplinks, b.hosts, b.slots, b.numbers, b.limits,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return b.plan, nil
}

type builder struct {
	spec     Spec
	previous Plan
	plan     *Plan
	places   map[string]string       // what each port of each switch is for
	switchOf map[string]int          // index in plan.Switches
	fields   map[string]string       // where each Pi is in the spec
	fixed    map[VID]string          // identifiers that are no Pi's, and whose
	own      map[string]*Shelf       // shelves by name
	before   map[string]Pi           // the previous plan's
	nets     map[netip.Prefix]string // who has which /30
	vids     map[VID]string          // who has which VLAN
}

func (b *builder) networks() error {
	if err := checkPrivate("Private", b.spec.Private); err != nil {
		return err
	}
	for i, used := range b.spec.InUse {
		field := fmt.Sprintf("InUse[%d]", i)
		if !used.IsValid() || used.Masked() != used {
			return bad(field, text(used), "is not a network")
		}
		if used.Overlaps(b.spec.Private) {
			return &CollisionError{Field: "Private", Value: b.spec.Private.String(), With: field + ", " + used.String()}
		}
	}
	for i := range b.spec.Shelves {
		own := b.spec.Shelves[i].Private
		if own == (netip.Prefix{}) {
			continue
		}
		field := fmt.Sprintf("Shelves[%d].Private", i)
		if err := checkPrivate(field, own); err != nil {
			return err
		}
		if !b.spec.Private.Contains(own.Addr()) || own.Bits() < b.spec.Private.Bits() {
			return bad(field, own.String(), "is not a part of Private, "+b.spec.Private.String())
		}
		for j, other := range b.spec.Shelves[:i] {
			if other.Private.IsValid() && other.Private.Overlaps(own) {
				return &CollisionError{Field: field, Value: own.String(), With: fmt.Sprintf("Shelves[%d], %s", j, other.Private)}
			}
		}
	}
	return nil
}

func checkPrivate(field string, p netip.Prefix) error {
	switch {
	case !p.IsValid():
		return bad(field, text(p), "is missing or no network")
	case !p.Addr().Is4() || p.Masked() != p:
		return bad(field, p.String(), "is not an IPv4 network")
	case p.Bits() < 8 || p.Bits() > pairBits:
		return bad(field, p.String(), "is not between a /8 and a /30")
	case p.Addr().IsLoopback() || p.Addr().IsMulticast() || p.Addr().IsLinkLocalUnicast() || p.Addr().As4()[0] == 0 || p.Addr().As4()[0] >= 240:
		return bad(field, p.String(), "is not a network of ordinary addresses")
	}
	return nil
}

// pairBits is the length of a Pi's network: the network's address, the file
// server, the Pi, broadcast. The two addresses of a /31 (RFC 3021) would do, but
// the Pi's boot loader and the kernel's ip= know no such network.
const pairBits = 30

// text is a prefix that may be the zero one.
func text(p netip.Prefix) string {
	if p == (netip.Prefix{}) {
		return ""
	}
	return p.String()
}

const (
	highest       = VID(4093) // more is what some switches do not take
	defaultNative = highest
	ciscoFirst    = VID(1002) // FDDI and Token Ring, which cannot be deleted
	ciscoLast     = VID(1005)
)

// identifiers settles those that no Pi can have.
func (b *builder) identifiers() error {
	b.fixed = map[VID]string{1: "every port of a switch as it is delivered"}
	for v := ciscoFirst; v <= ciscoLast; v++ {
		b.fixed[v] = "FDDI and Token Ring on Cisco switches"
	}
	for i, v := range b.spec.Reserved {
		if !v.Valid() {
			return bad(fmt.Sprintf("Reserved[%d]", i), strconv.Itoa(int(v)), "is not a VLAN identifier")
		}
		if b.fixed[v] == "" {
			b.fixed[v] = "Reserved"
		}
	}
	b.plan.Native = cmp.Or(b.spec.Native, b.previous.Native, defaultNative)
	b.plan.Management = b.spec.Management
	for _, own := range []struct {
		field string
		vid   VID
	}{{"Native", b.plan.Native}, {"Public.VID", b.spec.Public.VID}, {"Management", b.plan.Management}} {
		if own.vid == 0 {
			continue
		}
		if !own.vid.Valid() {
			return bad(own.field, strconv.Itoa(int(own.vid)), "is not a VLAN identifier from 1 to 4094")
		}
		if with, taken := b.fixed[own.vid]; taken {
			return &CollisionError{Field: own.field, Value: strconv.Itoa(int(own.vid)), With: with}
		}
		b.fixed[own.vid] = own.field
	}
	return b.ranges()
}

func (b *builder) ranges() error {
	if b.spec.VLANs == (Range{}) {
		b.spec.VLANs = Range{2, highest}
	}
	if err := checkRange("VLANs", b.spec.VLANs); err != nil {
		return err
	}
	for i, s := range b.spec.Shelves {
		if s.VLANs == (Range{}) {
			continue
		}
		field := fmt.Sprintf("Shelves[%d].VLANs", i)
		if err := checkRange(field, s.VLANs); err != nil {
			return err
		}
		for j, other := range b.spec.Shelves[:i] {
			if other.VLANs.Len() > 0 && other.VLANs.First <= s.VLANs.Last && s.VLANs.First <= other.VLANs.Last {
				return &CollisionError{Field: field, Value: s.VLANs.String(), With: fmt.Sprintf("Shelves[%d], %s", j, other.VLANs)}
			}
		}
	}
	return nil
}

func checkRange(field string, r Range) error {
	if !r.First.Valid() || !r.Last.Valid() || r.Len() == 0 {
		return bad(field, r.String(), "is not a range of VLAN identifiers from 1 to 4094")
	}
	return nil
}

func (b *builder) fileServer() error {
	b.plan.FileServer = b.spec.FileServer
	b.plan.FileServer.ExportRoot = cmp.Or(b.spec.FileServer.ExportRoot, defaultExportRoot)
	if err := checkIface("FileServer.Iface", b.plan.FileServer.Iface); err != nil {
		return err
	}
	return checkExportRoot("FileServer.ExportRoot", b.plan.FileServer.ExportRoot)
}

// hosts finds where each Pi is plugged in.
func (b *builder) hosts() error {
	b.fields = make(map[string]string)
	for i := range b.spec.Shelves {
		shelf := &b.spec.Shelves[i]
		for j, h := range shelf.Pis {
			if err := b.host(shelf, h, fmt.Sprintf("Shelves[%d].Pis[%d]", i, j)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) host(shelf *Shelf, h Host, field string) error {
	if err := checkHost(field+".Name", h.Name); err != nil {
		return err
	}
	if other, twice := b.fields[h.Name]; twice {
		return &CollisionError{Field: field + ".Name", Value: h.Name, With: other}
	}
	b.fields[h.Name] = field
	if h.Switch == "" {
		if len(shelf.Switches) != 1 {
			return bad(field+".Switch", "", "is missing, and the shelf has not just one switch")
		}
		h.Switch = shelf.Switches[0].Name
	}
	sw, known := b.switchOf[h.Switch]
	if !known {
		return bad(field+".Switch", h.Switch, "is not a switch of any shelf")
	}
	if err := b.claim(field+".Port", h.Switch, h.Port, h.Name); err != nil {
		return err
	}
	b.plan.Pis = append(b.plan.Pis, Pi{
		Name: h.Name, Shelf: shelf.Name, Slot: h.Slot, Switch: h.Switch, Port: h.Port,
		Iface: b.iface(sw),
	})
	return nil
}

// slots settles those that the spec leaves open: as before, or the lowest.
func (b *builder) slots() error {
	b.before = make(map[string]Pi, len(b.previous.Pis))
	for _, pi := range b.previous.Pis {
		b.before[pi.Name] = pi
	}
	type place struct {
		shelf string
		slot  int
	}
	taken := make(map[place]string, len(b.plan.Pis))
	for _, pi := range b.plan.Pis {
		at := place{pi.Shelf, pi.Slot}
		switch {
		case pi.Slot == 0:
			continue
		case pi.Slot < 0 || pi.Slot > maxSlot:
			return bad(b.fields[pi.Name]+".Slot", strconv.Itoa(pi.Slot), "is not a slot from 1 to 4096")
		case taken[at] != "":
			return &CollisionError{Field: b.fields[pi.Name] + ".Slot", Value: strconv.Itoa(pi.Slot), With: taken[at]}
		}
		taken[at] = pi.Name
	}
	for i := range b.plan.Pis {
		pi := &b.plan.Pis[i]
		old, was := b.before[pi.Name]
		if at := (place{pi.Shelf, old.Slot}); pi.Slot == 0 && was && old.Shelf == pi.Shelf && taken[at] == "" {
			pi.Slot, taken[at] = old.Slot, pi.Name
		}
	}
	lowest := make(map[string]int)
	for i := range b.plan.Pis {
		pi := &b.plan.Pis[i]
		for pi.Slot == 0 {
			lowest[pi.Shelf]++
			if at := (place{pi.Shelf, lowest[pi.Shelf]}); taken[at] == "" {
				pi.Slot = at.slot
			}
		}
	}
	return nil
}

const maxSlot = 4096

// sortPis puts them in the order of their VLANs, so that a plan as text changes
// where a Pi changes.
func sortPis(pis []Pi) {
	slices.SortFunc(pis, func(x, y Pi) int { return cmp.Compare(x.VID, y.VID) })
}
