package serve

// names is where names, and the ends of them, are in a message: a table that is
// cleared by going on to the next round.
type names struct {
	round uint32
	count int
	slots [1 << 12]slot
}

type slot struct {
	round, hash uint32
	at          uint16
	name        string
}

// clear forgets all names.
func (n *names) clear() {
	n.count = 0
	if n.round++; n.round == 0 { // all rounds were there
		*n = names{round: 1}
	}
}

// find is the slot of a name, or the free one for it.
func (n *names) find(name string, hash uint32) *slot {
	for i := hash; ; i++ {
		s := &n.slots[i%uint32(len(n.slots))]
		if s.round != n.round || s.hash == hash && s.name == name {
			return s
		}
	}
}

// put fills a free slot, as long as the table is far from full.
func (n *names) put(s *slot, name string, hash uint32, at uint16) {
	if n.count < len(n.slots)*3/4 {
		*s = slot{round: n.round, hash: hash, at: at, name: name}
		n.count++
	}
}

// suffix is an end of a name that begins with a label.
type suffix struct {
	at   uint8
	hash uint32
}

// suffixes are those of a name, the longest first, with their hashes (FNV-1a, from
// the last label on, so that each is made of the next).
func suffixes(wire string, out []suffix) []suffix {
	for i := 0; i < len(wire); i += 1 + int(wire[i]) {
		out = append(out, suffix{at: uint8(i)})
	}
	hash, end := uint32(2166136261), len(wire)
	for k := len(out) - 1; k >= 0; k-- {
		for _, c := range []byte(wire[out[k].at:end]) {
			hash = (hash ^ uint32(c)) * 16777619
		}
		out[k].hash, end = hash, int(out[k].at)
	}
	return out
}
