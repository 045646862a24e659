package render

import "github.com/mythic-beasts/hostkit/vlan"

// Sysctl writes sysctl.d(5) for the file server: on each Pi's interface, strict
// reverse paths (RFC 3704), answers to ARP only for the interface's own address,
// no redirects, no forwarding and no IPv6. It is the second lock beside
// [Nftables], which closes what these leave open. systemd applies them whenever
// such an interface appears.
func Sysctl(p *vlan.Plan, _ Options) ([]File, error) {
	if err := checkPlan(p); err != nil {
		return nil, err
	}
	var l lines
	l.add("# Keeps Pis apart on the file server. Made from the plan: changes will be lost.")
	l.add("# Of these two the kernel takes an interface's value or this one.")
	l.add("net/ipv4/conf/all/accept_redirects = 0\nnet/ipv4/conf/all/send_redirects = 0")
	for _, pi := range p.Pis {
		l.add("\n# %s", pi.Name)
		for _, set := range perIface {
			l.add("net/%s/conf/%s/%s = %s", set[0], pi.ServerIface(), set[1], set[2])
		}
	}
	return server("etc/sysctl.d/60-pi-vlans.conf", &l), nil
}

// perIface are family, key and value. With a slash first, dots are left alone.
var perIface = [][3]string{
	{"ipv4", "rp_filter", "1"},
	{"ipv4", "arp_ignore", "1"},
	{"ipv4", "arp_announce", "2"},
	{"ipv4", "accept_redirects", "0"},
	{"ipv4", "send_redirects", "0"},
	{"ipv4", "accept_source_route", "0"},
	{"ipv4", "forwarding", "0"},
	{"ipv6", "disable_ipv6", "1"},
}
