package snmp

import (
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// layout is where a switch keeps what is known of a port, and how to read and
// write it.
type layout struct {
	// columns have one index. A row is one if it has the first of them.
	columns []snmpx.OID
	// width is how many numbers the index has.
	width int
	// brief is how many of them are read where nobody wants counters.
	brief int
	// power is the column with the watts; nil where only the class says something.
	power snmpx.OID
	// decode makes a status of the values of the columns, or of the first brief
	// ones; false is for a row that is no port which can give power.
	decode func(v []snmpx.Value) (poe.PortStatus, bool)
	// admin is the column to write; nil where nothing can be written.
	admin snmpx.OID
	// on and off are what to write there.
	on, off int32
	// mode is a column that remembers how a port gives power while it does. Where
	// it holds more than "on" before the port is switched off, the same is written
	// there to switch it on again. Nil where there is none.
	mode snmpx.OID
	// keep are the modes that are not what on makes.
	keep []int32
}

// layoutOf returns a vendor's layout; w is where the watts are, if anywhere.
func layoutOf(v Vendor, w *watts) layout {
	switch v {
	case Foundry:
		return foundryLayout()
	case MikroTik:
		return mikrotikLayout()
	}
	l := standardLayout(w)
	if v == Cisco {
		l.mode, l.keep = cpeExtPsePortEnable, []int32{cpeStatic, cpeLimit}
	}
	return l
}

// Values of cpeExtPsePortEnable that RFC 3621's true and false do not tell apart.
const (
	cpeStatic = 2
	cpeLimit  = 3
)

// standardLayout is pethPsePortTable, with the vendor's watts from rows of the
// same index.
func standardLayout(w *watts) layout {
	head := []snmpx.OID{pethPsePortAdminEnable, pethPsePortDetection, pethPsePortClass}
	if w != nil {
		head = append(head, w.columns...)
	}
	brief := len(head)
	l := layout{
		columns: append(head, pethPsePortPriority, pethPsePortMPSAbsent, pethPsePortInvalid, pethPsePortDenied,
			pethPsePortOverload, pethPsePortShort),
		width: 2, brief: brief,
		admin: pethPsePortAdminEnable, on: truthTrue, off: truthFalse,
		decode: func(v []snmpx.Value) (poe.PortStatus, bool) {
			s := poe.PortStatus{Admin: number(v[0]) == truthTrue, Detection: detection(v[1])}
			s.Class = class(v[2], s.Detection)
			if w != nil {
				s.Power = w.power(v[3:brief])
			}
			s.Power = orClass(s.Power, s)
			if len(v) > brief {
				s.Priority, s.Counters = priority(v[brief]), counters(v[brief+1:])
			}
			return s, true
		},
	}
	if w != nil {
		l.power = w.columns[0]
	}
	return l
}

// number is an integer, and 0 for what is none.
func number(v snmpx.Value) int64 {
	n, _ := v.Int64()
	return n
}

func detection(v snmpx.Value) poe.Detection {
	n := number(v)
	if n < int64(poe.DetectionDisabled) || n > int64(poe.DetectionOtherFault) {
		return poe.DetectionUnknown
	}
	return poe.Detection(n)
}

// class is pethPsePortPowerClassifications, in which class 0 is 1, and which
// means something only while power is delivered. RFC 3621 ends at class 4; agents
// of switches for IEEE 802.3bt go on counting.
func class(v snmpx.Value, d poe.Detection) int {
	n := number(v)
	if d != poe.DetectionDelivering || n < 1 || n > 9 {
		return -1
	}
	return int(n) - 1
}

func priority(v snmpx.Value) poe.Priority {
	n := number(v)
	if n < int64(poe.PriorityCritical) || n > int64(poe.PriorityLow) {
		return poe.PriorityUnknown
	}
	return poe.Priority(n)
}

func counters(v []snmpx.Value) poe.Counters {
	return poe.Counters{
		MPSAbsent:        counter(v[0]),
		InvalidSignature: counter(v[1]),
		Denied:           counter(v[2]),
		Overload:         counter(v[3]),
		Short:            counter(v[4]),
	}
}

// counter is modulo 2³², as Counter32 is.
func counter(v snmpx.Value) uint32 { return uint32(number(v)) }
