package identity

import (
	"net/netip"
	"time"
)

// Identity is what tells one machine from another. The zero value is not valid:
// it needs a Name.
type Identity struct {
	// Name is the host name (RFC 1123), with its domain or without.
	Name string
	// MachineID is 32 hexadecimal digits for /etc/machine-id. "" empties that
	// file, and systemd writes an id of its own at the first boot, which the next
	// root of the machine does not have; [DeriveMachineID] gives one that stays.
	MachineID string
	// HostKeys become the only host keys of the SSH server. nil leaves those that
	// are there.
	HostKeys *HostKeys
	// AuthorizedKeys are lines of an authorized_keys file, for root: a public key,
	// with options and a comment if need be. nil leaves the file alone.
	AuthorizedKeys []string
	// Hosts are added to /etc/hosts.
	Hosts []Host
	// DNS are the resolvers for /etc/resolv.conf, three at most as glibc takes no
	// more. nil leaves the file alone.
	DNS []netip.Addr
	// Search are the domains for /etc/resolv.conf; they need DNS.
	Search []string
	// Network says what configures the network.
	Network Network
	// Public is the machine's interface to the world. nil means none.
	Public *Public
	// Clock is the earliest time that the machine's clock can show; zero sets
	// none. Take the time at which the root is made.
	Clock time.Time
	// Files are laid over the tree in the end, by their paths in it, such as
	// "etc/default/raspi-firmware". They are of mode 0644.
	Files map[string][]byte
}

// Host is a line of /etc/hosts.
type Host struct {
	Addr  netip.Addr
	Names []string
}

// Public is a tagged VLAN on eth0.
type Public struct {
	VLAN    uint16         // 1 to 4094
	Addrs   []netip.Prefix // with the bits of the network: 2001:db8::5/64
	Gateway netip.Addr     // of the default route; may be link-local; invalid: none
	// Gateway4 is the gateway of IPv4, where there is an IPv4 address. Its default
	// route has a metric of 1024, behind the one that eth0 may have from the kernel.
	Gateway4 netip.Addr
	MTU      int // 0 means that of eth0
}

// Network is a program that configures network interfaces.
type Network int

// The programs. Auto is ifupdown where the tree has it, else systemd-networkd.
const (
	Auto Network = iota
	Ifupdown
	Networkd
	// Unmanaged writes nothing about the network.
	Unmanaged
)

var networks = map[Network]string{Auto: "auto", Ifupdown: "ifupdown", Networkd: "networkd", Unmanaged: "unmanaged"}

// String is the program's name in lower case.
func (n Network) String() string { return networks[n] }
