package render

import "github.com/mythic-beasts/hostkit/vlan"

// Netplan writes YAML for netplan on the file server, for either of its backends.
// The interfaces below are named and not configured: netplan merges this with
// what other files say of them. The file is for root alone, as netplan demands.
func Netplan(p *vlan.Plan, _ Options) ([]File, error) {
	if err := checkPlan(p); err != nil {
		return nil, err
	}
	var l lines
	l.add("# The Pis' private networks. Made from the plan: changes will be lost.")
	l.add("network:\n  version: 2")
	if len(p.Pis) > 0 {
		l.add("  ethernets:")
		for _, iface := range serverIfaces(p) {
			l.add("    %q: {}", iface)
		}
		l.add("  vlans:")
	}
	for _, pi := range p.Pis {
		l.add("    %q: # %s", pi.ServerIface(), pi.Name)
		l.add("      id: %d", pi.VID)
		l.add("      link: %q", pi.Iface)
		l.add("      addresses: [\"%s/%d\"]", pi.Server, pi.Net.Bits())
		l.add("      link-local: []")
		l.add("      accept-ra: false")
		l.add("      optional: true")
	}
	return []File{{Path: "etc/netplan/60-pi-vlans.yaml", Mode: 0o600, Text: l.String()}}, nil
}
