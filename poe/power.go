package poe

import (
	"fmt"
	"strconv"
)

// PowerKind says what a number of watts is. Switches of different makes put
// different things under similar names, and only one of them is a measurement.
type PowerKind uint8

// The kinds; the zero value means that nobody knows the power.
const (
	PowerUnknown   PowerKind = iota
	PowerMeasured            // what flows now
	PowerAllocated           // what the switch set aside
	PowerClassMax            // what the device's class may draw
)

var powerKindNames = [...]string{"unknown", "measured", "allocated", "class-max"}

// String returns the kind's name, as "measured".
func (k PowerKind) String() string { return nameOf(powerKindNames[:], uint8(k), "power kind") }

// MarshalText is [PowerKind.String].
func (k PowerKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *PowerKind) UnmarshalText(text []byte) error {
	return parseName(powerKindNames[:], (*uint8)(k), text, "power kind")
}

// Power is an amount of power, and what sort of amount.
type Power struct {
	Milliwatts int64     `json:"mw"`
	Kind       PowerKind `json:"kind"`
}

// String writes watts and the kind where it is not a measurement, as "2.1 W" or
// "15.4 W allocated".
func (p Power) String() string {
	if p.Kind == PowerUnknown {
		return "unknown"
	}
	s := strconv.FormatFloat(float64(p.Milliwatts)/1000, 'f', 1, 64) + " W"
	if p.Kind != PowerMeasured {
		s += fmt.Sprintf(" %v", p.Kind)
	}
	return s
}

// classMilliwatts is what a port puts out at most for each class: IEEE 802.3af
// and at for 0 to 4, bt for 5 to 8.
var classMilliwatts = [...]int64{15400, 4000, 7000, 15400, 30000, 45000, 60000, 75000, 90000}

// ClassMax returns what a port may have to put out for a device of a class. A
// class that is not known, which PortStatus writes as -1, counts as class 0.
func ClassMax(class int) Power {
	if class < 0 || class >= len(classMilliwatts) {
		class = 0
	}
	return Power{Milliwatts: classMilliwatts[class], Kind: PowerClassMax}
}
