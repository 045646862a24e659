package vlan

// State is what a switch was read to do.
type State struct {
	// VLANs are the names of those that exist.
	VLANs map[VID]string
	// Ports are the ports by name, those outside of the plan too.
	Ports map[string]PortState
	// Can is what the driver reads and sets beyond VLANs and memberships. What it
	// cannot is left out of a [Diff], and [VerifyState] takes it at its worst
	// unless the driver knows what the switch does and reports that.
	Can Feature
}

// PortState is what a port does (IEEE 802.1Q; RFC 4363, dot1qPortVlanTable and
// dot1qVlanStaticTable).
type PortState struct {
	// PVID is the VLAN of untagged frames that come in. Zero means that they are
	// dropped.
	PVID VID
	// Untagged are the VLANs that leave without a tag, Tagged those that leave
	// with one. Together they are those that the port is a member of; no VLAN is
	// in both.
	Untagged, Tagged VIDs
	// Ingress drops frames that come in for VLANs that the port is not a member
	// of (dot1qPortIngressFiltering).
	Ingress bool
	// Frames are those that may come in (dot1qPortAcceptableFrameTypes).
	Frames Frames
	// Isolated ports do not reach one another on the same switch, whatever the
	// VLAN.
	Isolated bool
	// Edge ports carry traffic at once when they come up, and expect no switch at
	// the other end.
	Edge bool
}

// Frames are kinds of frames that may come in.
type Frames uint8

// The kinds of dot1qPortAcceptableFrameTypes, and one that some switches have
// beyond the standard.
const (
	AllFrames Frames = iota
	TaggedFrames
	UntaggedFrames
)

// Feature is a set of what a driver reads and sets.
type Feature uint8

// The features.
const (
	CanIngress Feature = 1 << iota
	CanFrames
	CanIsolate
	CanEdge
	CanName
)

// Has reports whether all of want are there.
func (f Feature) Has(want Feature) bool { return f&want == want }

// String is "all", "tagged" or "untagged".
func (f Frames) String() string {
	switch f {
	case TaggedFrames:
		return "tagged"
	case UntaggedFrames:
		return "untagged"
	}
	return "all"
}
