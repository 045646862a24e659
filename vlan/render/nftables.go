package render

import "github.com/mythic-beasts/hostkit/vlan"

// Nftables writes an nft(8) script for the file server, to be loaded at boot: the
// strong host model, strict reverse paths, and no forwarding. It replaces its own
// table and touches no other.
//
// Linux answers for an address on whatever interface it is asked. Without these
// rules a Pi reaches the server's address in another Pi's network, and once it
// has taken the other's address too, its datagrams to NFS are taken for the
// other's. Here what comes in must be from the network of its interface, to the
// address of its interface. That holds for all VLANs of the interfaces that Pis
// are on, planned or not, and for the private network on every interface, so that
// neither a neighbour on another network nor a Pi by way of the public VLAN gets
// there.
//
// Forwarding is dropped altogether, or only to and from these with
// [Options.Forwarding].
func Nftables(p *vlan.Plan, o Options) ([]File, error) {
	if err := checkPlan(p); err != nil {
		return nil, err
	}
	var l lines
	l.add("#!/usr/sbin/nft -f\n# Keeps Pis apart on the file server. Made from the plan: changes will be lost.")
	l.add("table inet pi_vlans\ndelete table inet pi_vlans")
	l.add("table inet pi_vlans {")
	l.add("\tchain prerouting {\n\t\ttype filter hook prerouting priority raw; policy accept;")
	l.add("\t\tiifname \"lo\" accept")
	for _, iface := range serverIfaces(p) {
		l.add("\t\tiifname \"%s.*\" jump strict", iface)
	}
	l.add("\t\tip saddr %s jump strict\n\t\tip daddr %[1]s jump strict\n\t}", p.Private)
	l.add("\tchain strict {")
	l.add("\t\tfib saddr . iif oif missing counter drop comment \"not from the network of its interface\"")
	l.add("\t\tfib daddr . iif type != { local, broadcast, multicast } counter drop comment \"not to the address of its interface\"\n\t}")
	l.add("\tchain forward {")
	if !o.Forwarding {
		l.add("\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}")
		return server("etc/nftables.d/pi-vlans.nft", &l), nil
	}
	l.add("\t\ttype filter hook forward priority filter; policy accept;")
	for _, iface := range serverIfaces(p) {
		l.add("\t\tiifname \"%s.*\" drop\n\t\toifname \"%[1]s.*\" drop", iface)
	}
	l.add("\t\tip saddr %s drop\n\t\tip daddr %[1]s drop\n\t}\n}", p.Private)
	return server("etc/nftables.d/pi-vlans.nft", &l), nil
}
