package vlan

// Op is a kind of step.
type Op uint8

// The kinds of steps. Each touches one VLAN, or one property of one port.
const (
	CreateVLAN  Op = iota + 1 // VID, Name
	RenameVLAN                // VID, Name
	DeleteVLAN                // VID
	Join                      // Port becomes a member of VID, or a member of the other kind: Untagged
	Leave                     // Port is no longer a member of VID
	SetPVID                   // Port, VID, which may be 0 where the switch knows that
	SetIngress                // Port, On
	SetFrames                 // Port, Frames
	SetIsolated               // Port, On
	SetEdge                   // Port, On
)

// Step is one change of a switch. Doing one again changes nothing.
type Step struct {
	Op       Op
	Port     string
	VID      VID
	Name     string
	Untagged bool
	On       bool
	Frames   Frames
}
