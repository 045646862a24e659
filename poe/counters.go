package poe

// Counters are the counters of a port (RFC 3621 section 4, pethPsePortTable).
// They wrap at 2³², and begin again when the switch does: only what
// [Counters.Since] returns means anything.
type Counters struct {
	MPSAbsent        uint32 `json:"mps_absent"`        // the device stopped drawing power
	InvalidSignature uint32 `json:"invalid_signature"` // what is plugged in is no PoE device
	Denied           uint32 `json:"denied"`            // refused: the budget is used up
	Overload         uint32 `json:"overload"`          // the device drew too much
	Short            uint32 `json:"short"`             // a short circuit
}

// maxDelta is more than any counter counts between two looks at it.
const maxDelta = 1 << 20

// Since returns what was counted since before. A counter that went past 2³² is
// told by how little it moved; if any fell otherwise, the switch began anew, and
// all that its counters show came since.
func (c Counters) Since(before Counters) Counters {
	now, then := c.all(), before.all()
	var delta [len(now)]uint32
	for i := range now {
		delta[i] = now[i] - then[i] // modulo 2³²
		if now[i] < then[i] && delta[i] > maxDelta {
			return c
		}
	}
	return Counters{delta[0], delta[1], delta[2], delta[3], delta[4]}
}

func (c Counters) all() [5]uint32 {
	return [5]uint32{c.MPSAbsent, c.InvalidSignature, c.Denied, c.Overload, c.Short}
}
