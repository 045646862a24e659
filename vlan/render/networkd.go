package render

import (
	"slices"

	"github.com/mythic-beasts/hostkit/vlan"
)

const networkdFolder = "etc/systemd/network/"

// Networkd writes systemd.netdev(5) and systemd.network(5) files for the file
// server: two for each Pi's VLAN, and for each interface below a drop-in that
// adds the VLANs to it (see [Options.NetworkdParents]). IPv6 is off in the
// private networks: nothing is served by it there.
func Networkd(p *vlan.Plan, o Options) ([]File, error) {
	if err := checkPlan(p); err != nil {
		return nil, err
	}
	for iface, name := range o.NetworkdParents {
		if err := checkParent(iface, name); err != nil {
			return nil, err
		}
	}
	var files []File
	add := func(name string, l *lines) {
		files = append(files, File{Path: networkdFolder + name, Mode: 0o644, Text: l.String()})
	}
	for _, iface := range serverIfaces(p) {
		parent, named := o.NetworkdParents[iface]
		if !named {
			parent = "70-" + iface + ".network"
			var l lines
			l.add("[Match]\nName=%s\n\n[Network]\nDHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no", iface)
			add(parent, &l)
		}
		var l lines
		l.add("# The Pis' private networks. Made from the plan: changes will be lost.\n[Network]")
		for _, pi := range p.Pis {
			if pi.Iface == iface {
				l.add("VLAN=%s", pi.ServerIface())
			}
		}
		add(parent+".d/pi-vlans.conf", &l)
	}
	for _, pi := range p.Pis {
		dev := pi.ServerIface()
		var netdev, network lines
		netdev.add("# %s\n[NetDev]\nName=%s\nKind=vlan\n\n[VLAN]\nId=%d", pi.Name, dev, pi.VID)
		network.add("# %s\n[Match]\nName=%s\n\n[Link]\nRequiredForOnline=no\n", pi.Name, dev)
		network.add("[Network]\nAddress=%s/%d\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nConfigureWithoutCarrier=yes", pi.Server, pi.Net.Bits())
		add("60-"+dev+".netdev", &netdev)
		add("60-"+dev+".network", &network)
	}
	return files, nil
}

func checkParent(iface, name string) error {
	if err := checkIface("Options.NetworkdParents", iface); err != nil {
		return err
	}
	if err := checkWord("Options.NetworkdParents["+iface+"]", name); err != nil {
		return err
	}
	const suffix = ".network"
	if len(name) <= len(suffix) || name[len(name)-len(suffix):] != suffix || slices.Contains([]byte(name), '/') {
		return &ValueError{"Options.NetworkdParents[" + iface + "]", name, "is not the name of a .network file"}
	}
	return nil
}

// serverIfaces are the file server's interfaces below VLANs, sorted.
func serverIfaces(p *vlan.Plan) []string {
	var ifaces []string
	for _, pi := range p.Pis {
		if len(ifaces) == 0 || ifaces[len(ifaces)-1] != pi.Iface {
			ifaces = append(ifaces, pi.Iface)
		}
	}
	slices.Sort(ifaces)
	return slices.Compact(ifaces)
}

// PiNetworkd writes systemd-networkd's files for each Pi that has a public
// address: the tagged public VLAN on eth0. VLANs are named in the file of the
// interface below, so that there must be one for eth0; it has networkd keep all
// that the kernel gave to it, for ever, as the root is mounted by it.
func PiNetworkd(p *vlan.Plan, o Options) ([]File, error) {
	return eachPi(p, o, func(pi vlan.Pi) ([]File, error) {
		if !pi.Public.IsValid() {
			return nil, nil
		}
		dev := publicIface(p)
		var boot, netdev, network lines
		boot.add("# The root is mounted by this interface: what it has stays.")
		boot.add("[Match]\nName=%s\n\n[Link]\nRequiredForOnline=no\n", bootIface)
		boot.add("[Network]\nDHCP=no\nKeepConfiguration=yes\nIgnoreCarrierLoss=yes\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nVLAN=%s", dev)
		netdev.add("[NetDev]\nName=%s\nKind=vlan\n\n[VLAN]\nId=%d", dev, p.Public.VID)
		network.add("[Match]\nName=%s\n\n[Network]\nAddress=%s", dev, pi.Public)
		if p.Public.Gateway.IsValid() {
			network.add("Gateway=%s\nIPv6AcceptRA=no", p.Public.Gateway)
		} else {
			network.add("IPv6AcceptRA=yes\n\n[IPv6AcceptRA]\nUseAutonomousPrefix=no")
		}
		var files []File
		for _, f := range []struct {
			name string
			text *lines
		}{{"05-" + bootIface + ".network", &boot}, {"60-" + dev + ".netdev", &netdev}, {"60-" + dev + ".network", &network}} {
			files = append(files, File{For: pi.Name, Path: networkdFolder + f.name, Mode: 0o644, Text: f.text.String()})
		}
		return files, nil
	})
}
