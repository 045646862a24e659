package vlan

import "net/netip"

// pools are where new numbers come from: one pool for each shelf that has a range
// or a network of its own, and a common one.
type pools struct {
	b      *builder
	vids   map[string]*vidPool
	nets   map[string]*netPool
	common pool
}

// pool is where a shelf's numbers come from.
type pool struct {
	vids *vidPool
	nets *netPool
}

func (p pool) vid() (VID, bool)          { return p.vids.take() }
func (p pool) net() (netip.Prefix, bool) { return p.nets.take() }

func newPools(b *builder) *pools {
	p := &pools{b: b, vids: make(map[string]*vidPool), nets: make(map[string]*netPool)}
	gone, goneNets := make(map[VID]bool), make(map[netip.Prefix]bool)
	for _, r := range b.plan.Retired {
		gone[r.VID], goneNets[r.Net] = true, true
	}
	p.common.vids = &vidPool{b: b, ids: b.spec.VLANs, gone: gone}
	p.common.nets = &netPool{b: b, within: b.spec.Private, gone: goneNets}
	for _, s := range b.spec.Shelves {
		if s.VLANs.Len() > 0 {
			p.vids[s.Name] = &vidPool{b: b, ids: s.VLANs, gone: gone, where: s.Name}
			p.common.vids.not = append(p.common.vids.not, s.VLANs)
		}
		if s.Private.IsValid() {
			p.nets[s.Name] = &netPool{b: b, within: s.Private, gone: goneNets, where: s.Name}
			p.common.nets.not = append(p.common.nets.not, s.Private)
		}
	}
	return p
}

func (p *pools) of(s *Shelf) pool {
	got := p.common
	if own := p.vids[s.Name]; own != nil {
		got.vids = own
	}
	if own := p.nets[s.Name]; own != nil {
		got.nets = own
	}
	return got
}

// vidPool gives identifiers out of a range.
type vidPool struct {
	b     *builder
	ids   Range
	not   []Range      // other shelves' own
	gone  map[VID]bool // once somebody's
	where string       // the shelf, if it is one's own
	next  int          // below it nothing is free
}

func (p *vidPool) allowed(v VID) bool {
	if p.b.fixed[v] != "" || !p.ids.Contains(v) {
		return false
	}
	for _, r := range p.not {
		if r.Contains(v) {
			return false
		}
	}
	return true
}

// take finds the lowest that nobody ever had, or else the one longest unused.
func (p *vidPool) take() (VID, bool) {
	for ; p.next < p.ids.Len(); p.next++ {
		v := p.ids.First + VID(p.next)
		if p.allowed(v) && p.b.vids[v] == "" && !p.gone[v] {
			return v, true
		}
	}
	for i := range p.b.plan.Retired {
		r := &p.b.plan.Retired[i]
		if v := r.VID; v != 0 && p.allowed(v) {
			r.VID = 0
			p.b.tidy()
			return v, true
		}
	}
	return 0, false
}

// room is how many Pis the range is enough for.
func (p *vidPool) room() int {
	n := 0
	for v := p.ids.First; v <= p.ids.Last; v++ {
		if p.allowed(v) {
			n++
		}
	}
	return n
}

// need is how many Pis must have one of the range: all of the shelf, or of the
// shelves without a range of their own.
func (p *vidPool) need() int {
	n := 0
	for _, s := range p.b.spec.Shelves {
		if s.Name == p.where || p.where == "" && s.VLANs.Len() == 0 {
			n += len(s.Pis)
		}
	}
	return n
}

// netPool gives /30s out of a network.
type netPool struct {
	b      *builder
	within netip.Prefix
	not    []netip.Prefix
	gone   map[netip.Prefix]bool
	where  string
	next   int
}

func (p *netPool) allowed(n netip.Prefix) bool {
	for _, own := range p.not {
		if own.Overlaps(n) {
			return false
		}
	}
	return n.IsValid() && p.within.Contains(n.Addr())
}

func (p *netPool) size() int { return 1 << (pairBits - p.within.Bits()) }

func (p *netPool) take() (netip.Prefix, bool) {
	for ; p.next < p.size(); p.next++ {
		n := nthNet(p.within, p.next)
		if p.allowed(n) && p.b.nets[n] == "" && !p.gone[n] {
			return n, true
		}
	}
	for i := range p.b.plan.Retired {
		r := &p.b.plan.Retired[i]
		if n := r.Net; p.allowed(n) {
			r.Net = netip.Prefix{}
			p.b.tidy()
			return n, true
		}
	}
	return netip.Prefix{}, false
}

// room is how many Pis the network is enough for.
func (p *netPool) room() int {
	n := p.size()
	for _, own := range p.not {
		n -= 1 << (pairBits - own.Bits())
	}
	return n
}

func (p *netPool) need() int {
	n := 0
	for _, s := range p.b.spec.Shelves {
		if s.Name == p.where || p.where == "" && !s.Private.IsValid() {
			n += len(s.Pis)
		}
	}
	return n
}
