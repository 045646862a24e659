package poe

import "fmt"

// Detection is what a port's power sourcing equipment is doing
// (pethPsePortDetectionStatus of RFC 3621). The zero value means that the
// switch does not say.
type Detection uint8

// The states of RFC 3621. Searching is any state that is none of the others: no
// device, power denied, waiting after an error, powering up.
const (
	DetectionUnknown    Detection = 0
	DetectionDisabled   Detection = 1
	DetectionSearching  Detection = 2
	DetectionDelivering Detection = 3
	DetectionFault      Detection = 4
	DetectionTest       Detection = 5
	DetectionOtherFault Detection = 6
)

var detectionNames = [...]string{"unknown", "disabled", "searching", "delivering", "fault", "test", "other-fault"}

// String returns the state's name, as "delivering".
func (d Detection) String() string { return nameOf(detectionNames[:], uint8(d), "detection") }

// MarshalText is [Detection.String].
func (d Detection) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Detection) UnmarshalText(text []byte) error {
	return parseName(detectionNames[:], (*uint8)(d), text, "detection")
}

// Fault reports whether the port is in one of the two states of fault.
func (d Detection) Fault() bool { return d == DetectionFault || d == DetectionOtherFault }

// Priority is which ports the switch cuts first when power is short
// (pethPsePortPowerPriority): low before high before critical.
type Priority uint8

// The priorities of RFC 3621; the zero value means that the switch does not say.
const (
	PriorityUnknown  Priority = 0
	PriorityCritical Priority = 1
	PriorityHigh     Priority = 2
	PriorityLow      Priority = 3
)

var priorityNames = [...]string{"unknown", "critical", "high", "low"}

// String returns the priority's name, as "critical".
func (p Priority) String() string { return nameOf(priorityNames[:], uint8(p), "priority") }

// MarshalText is [Priority.String].
func (p Priority) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (p *Priority) UnmarshalText(text []byte) error {
	return parseName(priorityNames[:], (*uint8)(p), text, "priority")
}

func nameOf(names []string, v uint8, kind string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("%s(%d)", kind, v)
}

func parseName(names []string, v *uint8, text []byte, kind string) error {
	for i, name := range names {
		if name == string(text) {
			*v = uint8(i)
			return nil
		}
	}
	return fmt.Errorf("poe: no %s is named %q; there are %q", kind, text, names)
}
