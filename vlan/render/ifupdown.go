package render

import "github.com/mythic-beasts/hostkit/vlan"

// Ifupdown writes interfaces(5) for the file server: an interface for each Pi's
// VLAN, with the server's address of its /30. The interface below is left to the
// administrator; ifupdown raises it when it is down.
func Ifupdown(p *vlan.Plan, _ Options) ([]File, error) {
	if err := checkPlan(p); err != nil {
		return nil, err
	}
	var l lines
	l.add("# The Pis' private networks. Made from the plan: changes will be lost.")
	for _, pi := range p.Pis {
		dev := pi.ServerIface()
		l.add("\n# %s", pi.Name)
		l.add("auto %s", dev)
		l.add("iface %s inet static", dev)
		l.add("\taddress %s/%d", pi.Server, pi.Net.Bits())
		l.add("\tvlan-raw-device %s", pi.Iface)
	}
	return server("etc/network/interfaces.d/pi-vlans", &l), nil
}

// bootIface is the interface that a Pi boots by: the one that it has. Its name
// is this one because the command line says net.ifnames=0.
const bootIface = "eth0"

// PiIfupdown writes interfaces(5) for each Pi that has a public address: the
// tagged public VLAN on eth0. There is no stanza for eth0 itself, by which the
// root is mounted, so that ifup and ifdown never touch it.
func PiIfupdown(p *vlan.Plan, o Options) ([]File, error) {
	return eachPi(p, o, func(pi vlan.Pi) ([]File, error) {
		if !pi.Public.IsValid() {
			return nil, nil
		}
		dev := publicIface(p)
		var l lines
		l.add("# The public network, beside the private one that %s has its root by.", pi.Name)
		l.add("# Made from the plan: changes will be lost.")
		l.add("auto %s", dev)
		l.add("iface %s inet6 static", dev)
		l.add("\taddress %s", pi.Public)
		l.add("\tvlan-raw-device %s", bootIface)
		l.add("\tautoconf 0")
		if p.Public.Gateway.IsValid() {
			l.add("\tgateway %s", p.Public.Gateway)
			l.add("\taccept_ra 0")
		} else {
			l.add("\taccept_ra 1")
		}
		return []File{{For: pi.Name, Path: "etc/network/interfaces.d/public", Mode: 0o644, Text: l.String()}}, nil
	})
}
