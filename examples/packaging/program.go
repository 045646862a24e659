package main

import "cmp"

// program is a program of examples/ and what its package says of it.
type program struct {
	// Name is that of its folder, and the program's if As is none.
	Name, As string
	// Summary is one line, Text the rest of the description.
	Summary, Text string
	// Unit is whether it is a daemon with a unit.
	Unit bool
	// Bin is whether it is for everybody, in section 1 of the manual; else for
	// administrators, in section 8.
	Bin bool
	// NoConfig is whether there is no configuration file.
	NoConfig bool
	// User is a system user that it runs as, unless systemd makes one up.
	User string
	// Recommends are packages that it works with.
	Recommends []string
}

// as is the name that it is installed under.
func (p program) as() string { return cmp.Or(p.As, p.Name) }

// pkg is the name of the package.
func (p program) pkg() string { return "hostkit-" + p.Name }

// section is that of the manual.
func (p program) section() string {
	if p.Bin {
		return "1"
	}
	return "8"
}

// path is where the program is installed.
func (p program) path() string {
	if p.Bin {
		return "/usr/bin/" + p.as()
	}
	return "/usr/sbin/" + p.as()
}

func programs() []program {
	return []program{
		{
			Name: "acmed", Unit: true, User: "acmed",
			Summary: "certificates obtained and renewed by dns-01",
			Text:    "It proves names by records in the DNS, written through an API or by DNS UPDATE, renews in time, and serves dehydrated, certbot and lego as their hook.",
		},
		{
			Name: "dnssecd", Unit: true,
			Summary: "DNSSEC signer and hidden primary name server",
			Text:    "It signs zones, replaces their keys, keeps the DS at the parent right and serves the zones to their name servers.",
		},
		{
			Name: "netbootd", Unit: true,
			Summary: "boot server for racks of Raspberry Pis and PCs",
			Text:    "It answers DHCP, TFTP and HTTP of machines that boot from the network, and says why one does not.",
		},
		{
			Name:       "nfsroot",
			Summary:    "Debian roots for diskless machines",
			Text:       "It builds a minimal root, clones it for many machines, rebuilds one while the others run, and renders what the NFS server must export.",
			Recommends: []string{"mmdebstrap", "nfs-kernel-server | nfs-ganesha"},
		},
		{
			Name: "panel", As: "hostkit-panel", Bin: true, NoConfig: true,
			Summary: "control panel of a hosting company, as a demonstration",
			Text:    "It runs a shelf of emulated Raspberry Pis, consoles, signed zones, certificates and a proxy in one process, with the pages that customers see.",
		},
		{
			Name: "poectl", Unit: true,
			Summary: "power of machines that PoE switches feed",
			Text:    "It switches machines on and off by SNMP, verifies it, reports their watts, and serves MAAS, bmclib and powerman.",
		},
		{
			Name: "serialcond", Unit: true,
			Summary: "serial consoles that log every byte",
			Text:    "It logs serial consoles, lets people watch and type by SSH, and reports kernel panics and the like as events.",
		},
		{
			Name: "sniproxyd", Unit: true,
			Summary: "IPv4 to IPv6 proxy by TLS server name",
			Text:    "It relays TLS, QUIC and HTTP to IPv6 servers by name without decrypting, and tells them the client's address by PROXY protocol.",
		},
		{
			Name:    "vlanctl",
			Summary: "private VLANs for shelves of machines",
			Text:    "It plans VLANs and addresses, renders and applies the configuration of switches and servers, and proves that machines are apart.",
		},
	}
}
