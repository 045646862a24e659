// Package identity makes a clone of a root the root of one machine: its name,
// its SSH host keys, who may log in, its network, its clock.
//
//	keys, err := identity.KeyStore{Dir: "/var/lib/nfsroot/keys"}.Get("pi1")
//	root, err := os.OpenRoot("/srv/roots/pi1")
//	err = identity.Personalize(root, identity.Identity{
//		Name:           "pi1.example.com",
//		HostKeys:       keys,
//		AuthorizedKeys: []string{"ssh-ed25519 AAAA… admin"},
//	})
//
// An [Identity] is plain data and is checked as a whole before anything is
// written. [Personalize] may be done again at any time and comes to the same
// files. [HostKeys] outlive the roots that they are in: [KeyStore] keeps them
// outside, and [HostKeys.SSHFP] and [HostKeys.KnownHosts] tell clients about
// them.
//
// # The network
//
// The root is mounted through eth0, so nothing that is written here ever
// configures eth0: ifupdown is told that it is manual and stays up,
// systemd-networkd that it keeps what it has. The public side is a tagged VLAN on
// it, eth0.N, with addresses of its own.
//
// # The clock
//
// A Raspberry Pi has no clock that runs without power. Until
// systemd-timesyncd, or another NTP client, has asked a server, a machine lives
// in the past, where certificates are not valid yet. systemd sets the clock to
// no less than the time of the file /usr/lib/clock-epoch when it starts, and
// fake-hwclock does the same with /etc/fake-hwclock.data; [Identity.Clock] sets
// both.
//
// # Hostile trees
//
// The tree may have been written by a machine's own root. No link in it leads
// anywhere outside. A link, a FIFO or a socket in the place of a file is
// replaced; a directory there, and a link in the place of a directory that leads
// out of the tree, are errors. A text that is no host name, key or address, or
// that has a space, a comma, a newline or a control character in it where that
// would mean something else, is refused with the field and the value.
package identity
