package vlan

import (
	"net/netip"
	"path"
	"strconv"
)

// Plan is who has which numbers. [Build] makes one, and takes the one before so
// that nobody moves; keep it, as JSON, beside the [Spec].
type Plan struct {
	Private    netip.Prefix    `json:"private"`
	Native     VID             `json:"native"`
	Management VID             `json:"management"`
	Public     Public          `json:"public"`
	FileServer FileServer      `json:"file_server"`
	Switches   []PlannedSwitch `json:"switches"`
	// Pis are in the order of their VLANs.
	Pis []Pi `json:"pis"`
	// Retired are the numbers of Pis that are gone, the longest gone first. They
	// are given to others only when there are no new ones left.
	Retired []Retired `json:"retired"`
}

// PlannedSwitch is a switch and the shelf that it is in.
type PlannedSwitch struct {
	Shelf string `json:"shelf"`
	Switch
}

// Pi is a machine with all its numbers.
type Pi struct {
	Name   string `json:"name"`
	Shelf  string `json:"shelf"`
	Slot   int    `json:"slot"`
	Switch string `json:"switch"`
	Port   string `json:"port"`
	// VID is its private VLAN, untagged on its port.
	VID VID `json:"vid"`
	// Net is the /30 of that VLAN; its address is the network's.
	Net netip.Prefix `json:"net"`
	// Server is the file server's address in it, Addr the Pi's.
	Server    netip.Addr `json:"server"`
	Addr      netip.Addr `json:"addr"`
	Broadcast netip.Addr `json:"broadcast"`
	// Public is its address in the public network with that network's length, or
	// zero when there is none.
	Public netip.Prefix `json:"public"`
	// Iface is the file server's interface that the VLAN's is on: "eth0".
	Iface string `json:"iface"`
}

// ServerIface is the file server's interface of the Pi's VLAN: "eth0.11".
func (pi Pi) ServerIface() string { return vlanIface(pi.Iface, pi.VID) }

// Export is the folder of the Pi's root on the file server.
func (f FileServer) Export(pi Pi) string {
	root := f.ExportRoot
	if root == "" {
		root = defaultExportRoot
	}
	return path.Join(root, pi.Name)
}

const defaultExportRoot = "/export"

// Retired is the numbers of a Pi that is gone.
type Retired struct {
	Name string       `json:"name"`
	VID  VID          `json:"vid"`
	Net  netip.Prefix `json:"net"`
}

func vlanIface(iface string, v VID) string { return iface + "." + strconv.Itoa(int(v)) }
