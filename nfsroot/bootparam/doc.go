// Package bootparam writes and reads the texts that tell a diskless machine
// where its root is: the kernel parameters ip= and nfsroot=, a whole command
// line, and the config.txt of a Raspberry Pi's firmware.
//
//	line, err := bootparam.Cmdline{
//		Consoles: []string{"serial0,115200"},
//		IP:       &bootparam.IP{Client: pi, Netmask: 30, Server: server, Hostname: "pi17", Device: "eth0"},
//		NFSRoot:  &bootparam.NFSRoot{Server: server, Path: "/srv/pi17/root", Version: bootparam.V4_2},
//	}.Text()
//	// console=serial0,115200 root=/dev/nfs nfsroot=10.80.0.65:/srv/pi17/root,vers=4.2 rw ip=…
//
// Its nouns are [IP], [NFSRoot], [Cmdline] and [ConfigTXT], each with a Text
// method and a parser. What Text returns, the parser takes, and gives the same
// value for; the meaning is that of the kernel's
// Documentation/admin-guide/nfs/nfsroot.rst and kernel/params.c, and of
// Raspberry Pi's documentation of config.txt.
//
// Text refuses, naming field and value, what would become another parameter,
// another line or another option, what the kernel would cut short, and a
// netmask that the kernel would replace by one of its own. A parser is lenient
// where the kernel is: it keeps what it does not know, in order.
//
// The package uses a small part of the standard library, so that an init in an
// initramfs can afford it.
package bootparam
