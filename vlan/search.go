package vlan

// hop is a frame in a switch: how it came in, and the VLAN that it is in.
type hop struct {
	in  entry
	vid VID
}

// source is who sends.
type source struct {
	at     entry // the port; nobody's for the file server
	pi     int   // the Pi that sends, or that the file server sends to
	stacks bool  // may put more tags below the first
	place  Place
}

// leakKey is what makes a leak another one; there may be several ways.
type leakKey struct {
	a, b Place
	vid  VID
}

// search follows frames breadth first.
type search struct {
	*proof
	leaks *findings
	known map[leakKey]bool
	seen  map[hop]bool
	queue []hop
	came  []int // index in queue of where each hop came from
	src   source
	first VID // the VLAN that the frame was sent into
}

// from follows a frame that enters a VLAN by some ports.
func (s *search) from(src source, in []entry, v VID) {
	clear(s.seen)
	s.queue, s.came, s.src, s.first = s.queue[:0], s.came[:0], src, v
	for _, at := range in {
		s.push(hop{at, v}, nobody)
	}
	for i := 0; i < len(s.queue); i++ {
		s.flood(i)
	}
}

func (s *search) push(h hop, from int) {
	if s.seen[h] {
		return
	}
	s.seen[h] = true
	s.queue, s.came = append(s.queue, h), append(s.came, from)
}

// flood sends a frame out of every other member of its VLAN.
func (s *search) flood(i int) {
	h := s.queue[i]
	sw := s.switches[h.in.sw]
	for _, n := range sw.trunks[h.vid] {
		if n != h.in.port {
			s.leave(i, &sw.ports[n])
		}
	}
	// What is sent in the public VLAN and stays there is what it is for.
	if h.vid == s.plan.Public.VID && s.first == s.plan.Public.VID {
		return
	}
	for _, n := range sw.ends[h.vid] {
		if n != h.in.port {
			s.deliver(i, entry{h.in.sw, n})
		}
	}
}

// leave sends a frame along a trunk.
func (s *search) leave(i int, out *proofPort) {
	v := s.queue[i].vid
	bare := out.untagged.has(v)
	for _, peer := range out.peers {
		switch {
		case bare:
			s.entries(peer, s.src.stacks, func(next VID) { s.push(hop{peer, next}, i) })
		case s.at(peer).takesTagged(v):
			s.push(hop{peer, v}, i)
		}
	}
	if out.iface == "" {
		return
	}
	if !bare {
		if pi, owned := s.owner[v]; owned && s.plan.Pis[pi].Iface == out.iface {
			s.impersonate(i, pi)
		}
		return
	}
	if s.src.stacks {
		for _, pi := range s.onIface[out.iface] {
			s.impersonate(i, pi)
		}
	}
}

// impersonate is what happens when a frame gets to the file server in the VLAN of
// a Pi.
func (s *search) impersonate(i, pi int) {
	if pi == s.src.pi {
		return
	}
	victim := s.plan.Pis[pi]
	s.report(i, Place{Port: victim.ServerIface(), Pi: victim.Name}, victim.VID)
}

// deliver is what happens when a frame leaves by a port where somebody is.
func (s *search) deliver(i int, to entry) {
	got := s.at(to).pi
	if got == s.src.pi {
		// The Pi hears itself or the file server, or neither end is a Pi's.
		return
	}
	s.report(i, s.place(to), s.queue[i].vid)
}

func (s *search) report(i int, to Place, v VID) {
	key := leakKey{s.src.place, to, v}
	if s.known[key] {
		return
	}
	s.known[key] = true
	leak := &LeakError{A: s.src.place, B: to, VID: v}
	for ; i != nobody; i = s.came[i] {
		leak.Path = append([]string{s.pathStep(s.queue[i])}, leak.Path...)
	}
	s.leaks.add(leak)
}
