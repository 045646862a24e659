// Package dial makes ports of what can be dialled: [TCP] and [Unix] sockets, as
// QEMU and raw terminal servers have them, and a [Command]'s input and output.
//
//	c := &serialcon.Console{Name: "vm-7", Port: dial.Unix{Path: "/run/vm-7/console"}}
//
// Each Open dials once. To dial again when the line is lost is the Console's
// doing. For telnet and RFC 2217 servers, see serialcon/telnet.
//
// These ports carry bytes and nothing else: no BREAK, no modem lines.
package dial
