package poe

import (
	"context"
	"time"
)

// Switch is a network switch that powers devices (PSE). Implementations are
// safe for use by several goroutines at once.
// [github.com/mythic-beasts/hostkit/poe/poetest.TestSwitch] holds them to what is
// written here.
//
// Ports go by the names that the switch itself gives them ("Fa3/0/25",
// "gigabitEthernet 1/0/5", "7"): never by a number that somebody counted off.
type Switch interface {
	// Ports returns all ports that can give power, in the switch's order.
	Ports(ctx context.Context) ([]PortStatus, error)

	// Port returns one port. The error is [ErrUnknownPort] for a name that the
	// switch does not have, [ErrUnmapped] when which of its entries that port
	// is cannot be told for certain.
	Port(ctx context.Context, name string) (PortStatus, error)

	// SetAdmin allows a port to give power or forbids it, and reads back that
	// this is now so. It does not wait for the power itself. The error is
	// [ErrNotApplied] when the switch took the order and did nothing,
	// [ErrReadOnly] when it takes no orders, and as for Port. After any
	// other error, one of the context's included, the order may have been
	// carried out, or may be yet.
	SetAdmin(ctx context.Context, name string, on bool) error

	// Budgets returns the supplies of power that ports share: one for each
	// member of a stack, or module of a chassis. A switch that has none to
	// tell returns errors.ErrUnsupported.
	Budgets(ctx context.Context) ([]Budget, error)
}

// PortStatus is what a switch says of a port at one moment.
type PortStatus struct {
	Name    string `json:"name"`            // the switch's own, as "Fa3/0/25"
	Index   string `json:"index"`           // pethPsePortGroupIndex.pethPsePortIndex, as "3.29"; informative
	IfIndex int    `json:"if_index"`        // of IF-MIB; 0 means not known
	Alias   string `json:"alias,omitempty"` // ifAlias, or another name that a person gave the port

	Admin     bool      `json:"admin"`     // may give power
	Detection Detection `json:"detection"` // what it does
	Class     int       `json:"class"`     // of the device, 0 to 8; -1 means not known
	Priority  Priority  `json:"priority"`  // when power is short
	Power     Power     `json:"power"`     // that the device gets, or as good as is known
	Counters  Counters  `json:"counters"`  // of faults
	At        time.Time `json:"at"`        // when the switch said so
}

// Delivering reports whether the port is switched on and gives power.
func (s PortStatus) Delivering() bool { return s.Admin && s.Detection == DetectionDelivering }

// Dark reports whether the port is switched off and gives no power. Some
// switches show a port that is off as searching, and after a fault as faulty.
func (s PortStatus) Dark() bool {
	return !s.Admin && s.Detection != DetectionDelivering && s.Detection != DetectionTest
}

// Budget is a supply of power that ports share (pethMainPseTable of RFC 3621).
type Budget struct {
	Group     int   `json:"group"`     // the member of a stack, or the module
	Nominal   Power `json:"nominal"`   // what there is
	Used      Power `json:"used"`      // what is used or set aside
	Threshold int   `json:"threshold"` // percent of Nominal at which the switch warns; 0 means not set
	Faulty    bool  `json:"faulty"`    // the supply says that it is faulty
}

// Over reports whether more than a threshold is used, in percent: the switch's
// own, or else the one given.
func (b Budget) Over(otherwise int) bool {
	threshold := int64(b.Threshold)
	if threshold < 1 || threshold > 99 {
		threshold = int64(otherwise)
	}
	return b.Nominal.Milliwatts > 0 && b.Used.Milliwatts*100 > b.Nominal.Milliwatts*threshold
}
