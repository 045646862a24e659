package render

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// File is one text.
type File struct {
	// For is the machine that it is for: a Pi or a switch by its name, and "" the
	// file server.
	For string
	// Path is where it belongs there, without a slash at its beginning, as
	// "etc/exports.d/pi-vlans.exports". That of a switch, which has no files, is
	// its name and the target's: "sw1.junos".
	Path string
	// Mode is the permissions that the file should have.
	Mode fs.FileMode
	// Text is what is in it. It ends with a newline.
	Text string
}

// Options are what a text needs beside the plan. The zero value works.
type Options struct {
	// Only are the Pis or switches to write texts for, by name. nil means all.
	// The file server's texts are for all Pis in any case.
	Only []string

	// Forwarding lets the file server forward packets between interfaces that
	// have nothing to do with Pis, as those of containers. By default it forwards
	// nothing.
	Forwarding bool
	// NetworkdParents are the names of the systemd.network files that configure
	// the file server's interfaces, by interface: {"eth0": "20-wired.network"}.
	// The VLANs are added to it by a drop-in. For one that is not named a file is
	// written that gives it no address of its own.
	NetworkdParents map[string]string

	// NFSOptions are the mount options of the Pis' roots. Zero means
	// "vers=3,tcp".
	NFSOptions string
	// Cmdline are further parameters of the Pis' kernels, as
	// "console=ttyAMA0,115200".
	Cmdline []string

	// Bridge is the name of the bridge of Open vSwitch and of RouterOS. Zero
	// means "br0" and "bridge".
	Bridge string
	// ISL is for those Catalyst switches that have to be told that trunks are
	// IEEE 802.1Q, such as the 3560 and 3750. Others refuse the command.
	ISL bool
	// RAGuard has Cisco and ProCurve switches drop router advertisements from
	// Pis. Models that cannot refuse the command.
	RAGuard bool
}

// target is a text and the function that writes it.
type target func(*vlan.Plan, Options) ([]File, error)

// targets are all there are.
func targets() map[string]target {
	return map[string]target{
		"ifupdown": Ifupdown,
		"networkd": Networkd,
		"netplan":  Netplan,
		"exports":  Exports,
		"nftables": Nftables,
		"sysctl":   Sysctl,

		"pi-cmdline":  PiCmdline,
		"pi-ifupdown": PiIfupdown,
		"pi-networkd": PiNetworkd,

		"cisco-ios":   IOS,
		"procurve":    ProCurve,
		"aruba-cx":    ArubaCX,
		"junos":       Junos,
		"fastpath":    FASTPATH,
		"mikrotik":    RouterOS,
		"openvswitch": OpenVSwitch,
	}
}

// Targets are the names that [Text] knows, sorted: those of the file server are
// "exports", "ifupdown", "netplan", "networkd", "nftables" and "sysctl"; a Pi's
// begin with "pi-"; all others are switches.
func Targets() []string { return slices.Sorted(maps.Keys(targets())) }

// Text renders a plan for a target. An unknown one is an error that lists those
// there are, a value that cannot be written is a [*ValueError].
func Text(name string, p *vlan.Plan, o Options) ([]File, error) {
	render, ok := targets()[name]
	if !ok {
		return nil, fmt.Errorf("render: target %q is none of %s", name, strings.Join(Targets(), ", "))
	}
	return render(p, o)
}

// lines is a text that grows by lines.
type lines struct{ strings.Builder }

// add adds a line.
func (l *lines) add(format string, args ...any) {
	fmt.Fprintf(l, format, args...)
	l.WriteByte('\n')
}

// server makes the text for a file of the file server.
func server(path string, l *lines) []File {
	return []File{{Path: path, Mode: 0o644, Text: l.String()}}
}
