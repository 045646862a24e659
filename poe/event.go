package poe

import (
	"time"
)

// EventKind is what an [Event] is about.
type EventKind uint8

// The kinds of events of ports, of supplies of power, and of whole switches.
const (
	EventPowerOn          EventKind = iota + 1 // a port began to deliver
	EventPowerOff                              // a port stopped delivering
	EventPowerLost                             // a port stopped and delivers again, between two looks
	EventFault                                 // a port went into a state of fault
	EventDenied                                // a port was refused power
	EventOverload                              // a device drew too much
	EventShort                                 // a port met a short circuit
	EventInvalidSignature                      // a device asks for no power

	EventBudgetHigh // a supply is used above its threshold
	EventBudgetNormal
	EventSupplyFault // a supply says that it is faulty
	EventSupplyGood

	EventUnreachable // a switch stopped answering
	EventBack        // and answers again
)

var eventNames = [...]string{
	"unknown", "power-on", "power-off", "power-lost", "fault", "denied", "overload", "short", "invalid-signature",
	"budget-high", "budget-normal", "supply-fault", "supply-good", "unreachable", "back",
}

// String returns the kind's name, as "power-on".
func (k EventKind) String() string { return nameOf(eventNames[:], uint8(k), "event") }

// MarshalText is [EventKind.String].
func (k EventKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *EventKind) UnmarshalText(text []byte) error {
	return parseName(eventNames[:], (*uint8)(k), text, "event")
}

// Event is something that happened to a port or a switch. It comes from a
// [Poller], which compares what it sees, or from the switch's own notification.
type Event struct {
	Kind   EventKind `json:"kind"`
	At     time.Time `json:"at"`             // when it was noticed
	Switch string    `json:"switch"`         // its name, or for a notification its address
	Port   string    `json:"port,omitempty"` // empty for what concerns the switch

	// Status is the port's, and Counters what was counted since the look
	// before. A notification has of Status only what it carries.
	Status   PortStatus `json:"status,omitzero"`
	Counters Counters   `json:"counters,omitzero"`

	Budget Budget `json:"budget,omitzero"` // of events of supplies
	Notice bool   `json:"notice"`          // the switch sent it by itself
	Err    error  `json:"-"`               // why a switch is unreachable
}
