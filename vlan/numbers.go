package vlan

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// numbers gives each Pi its VLAN and its /30: first those that are pinned, then
// those that were there before, then those that return, then new ones.
func (b *builder) numbers() error {
	b.vids, b.nets = make(map[VID]string), make(map[netip.Prefix]string)
	b.plan.Retired = slices.Clone(b.previous.Retired)
	if err := b.pins(); err != nil {
		return err
	}
	if err := b.keep(); err != nil {
		return err
	}
	b.retire()
	pools := newPools(b)
	for i := range b.plan.Pis {
		pi := &b.plan.Pis[i]
		if err := b.fill(pi, pools.of(b.own[pi.Shelf])); err != nil {
			return err
		}
		if err := b.derive(pi); err != nil {
			return err
		}
	}
	sortPis(b.plan.Pis)
	return nil
}

// pins takes numbers that the spec gives, for Pis that are not there too.
func (b *builder) pins() error {
	names := make([]string, 0, len(b.spec.Pinned))
	for name := range b.spec.Pinned {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		pin, field := b.spec.Pinned[name], fmt.Sprintf("Pinned[%q]", name)
		if err := checkHost(field, name); err != nil {
			return err
		}
		if pin.VID != 0 {
			if !pin.VID.Valid() {
				return bad(field+".VID", strconv.Itoa(int(pin.VID)), "is not a VLAN identifier from 1 to 4094")
			}
			if err := b.takeVID(field+".VID", pin.VID, name); err != nil {
				return err
			}
		}
		if pin.Net != (netip.Prefix{}) {
			if !pin.Net.IsValid() || pin.Net.Bits() != pairBits || pin.Net.Masked() != pin.Net || !b.spec.Private.Contains(pin.Net.Addr()) {
				return bad(field+".Net", text(pin.Net), "is not a /30 of Private, "+b.spec.Private.String())
			}
			if err := b.takeNet(field+".Net", pin.Net, name); err != nil {
				return err
			}
		}
	}
	for i := range b.plan.Pis {
		pin := b.spec.Pinned[b.plan.Pis[i].Name]
		b.plan.Pis[i].VID, b.plan.Pis[i].Net = pin.VID, pin.Net
	}
	return nil
}

// keep gives those that were in the previous plan what they had.
func (b *builder) keep() error {
	for i := range b.plan.Pis {
		pi := &b.plan.Pis[i]
		old, was := b.before[pi.Name]
		if !was {
			if old.VID, old.Net = b.returning(pi.Name); old.VID == 0 && !old.Net.IsValid() {
				continue
			}
		}
		field := b.fields[pi.Name]
		if pi.VID == 0 && old.VID != 0 {
			if r := b.own[pi.Shelf].VLANs; r.Len() > 0 && !r.Contains(old.VID) || r.Len() == 0 && !b.spec.VLANs.Contains(old.VID) {
				return bad(field, pi.Name, fmt.Sprintf("has VLAN %d, which is not in the range of its shelf: pin it to another", old.VID))
			}
			if err := b.takeVID(field+".VID", old.VID, pi.Name); err != nil {
				return err
			}
			pi.VID = old.VID
		}
		if !pi.Net.IsValid() && old.Net.IsValid() {
			if !b.spec.Private.Contains(old.Net.Addr()) {
				return bad(field, pi.Name, fmt.Sprintf("has %s, which is not in Private: pin it to another", old.Net))
			}
			if err := b.takeNet(field+".Net", old.Net, pi.Name); err != nil {
				return err
			}
			pi.Net = old.Net
		}
	}
	return nil
}

// returning finds what a Pi that was gone had, the last time.
func (b *builder) returning(name string) (VID, netip.Prefix) {
	for _, r := range slices.Backward(b.plan.Retired) {
		if r.Name == name {
			return r.VID, r.Net
		}
	}
	return 0, netip.Prefix{}
}

func (b *builder) takeVID(field string, v VID, name string) error {
	value := strconv.Itoa(int(v))
	if with, taken := b.fixed[v]; taken {
		return &CollisionError{Field: field, Value: value, With: with}
	}
	if with, taken := b.vids[v]; taken {
		return &CollisionError{Field: field, Value: value, With: with}
	}
	b.vids[v] = name
	return nil
}

func (b *builder) takeNet(field string, n netip.Prefix, name string) error {
	if with, taken := b.nets[n]; taken {
		return &CollisionError{Field: field, Value: n.String(), With: with}
	}
	b.nets[n] = name
	return nil
}

// retire keeps the numbers that nobody has any more, once each.
func (b *builder) retire() {
	for _, pi := range b.previous.Pis {
		b.plan.Retired = append(b.plan.Retired, Retired{Name: pi.Name, VID: pi.VID, Net: pi.Net})
	}
	for i := range b.plan.Retired {
		r := &b.plan.Retired[i]
		if b.vids[r.VID] != "" {
			r.VID = 0
		}
		if b.nets[r.Net] != "" {
			r.Net = netip.Prefix{}
		}
	}
	b.tidy()
}

// tidy forgets the retired of whom nothing is left.
func (b *builder) tidy() {
	b.plan.Retired = slices.DeleteFunc(b.plan.Retired, func(r Retired) bool {
		return r.VID == 0 && !r.Net.IsValid()
	})
	if len(b.plan.Retired) == 0 {
		b.plan.Retired = nil
	}
}

// fill gives a Pi what it lacks.
func (b *builder) fill(pi *Pi, p pool) error {
	if pi.VID == 0 {
		v, ok := p.vid()
		if !ok {
			return &CapacityError{Field: "VLANs", Where: p.vids.where, Need: p.vids.need(), Have: p.vids.room()}
		}
		pi.VID, b.vids[v] = v, pi.Name
	}
	if !pi.Net.IsValid() {
		n, ok := p.net()
		if !ok {
			return &CapacityError{Field: "Private", Where: p.nets.where, Need: p.nets.need(), Have: p.nets.room()}
		}
		pi.Net, b.nets[n] = n, pi.Name
	}
	return nil
}

// derive computes what follows from the numbers.
func (b *builder) derive(pi *Pi) error {
	pi.Server = pi.Net.Addr().Next()
	pi.Addr = pi.Server.Next()
	pi.Broadcast = pi.Addr.Next()
	pi.Public = b.plan.Public.Host(pi.VID)
	if gw := b.plan.Public.Gateway; gw.IsValid() && pi.Public.Addr() == gw {
		return &CollisionError{Field: "Public.Gateway", Value: gw.String(), With: pi.Name}
	}
	return checkVLANIface(b.fields[pi.Name]+".VID", pi.Iface, pi.VID)
}

// nthNet is the n-th /30 of a network.
func nthNet(p netip.Prefix, n int) netip.Prefix {
	a := p.Addr().As4()
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(a[:])+uint32(n)<<(32-pairBits))
	return netip.PrefixFrom(netip.AddrFrom4(a), pairBits)
}
