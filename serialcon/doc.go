// Package serialcon keeps serial consoles: it reads each port always, writes
// every byte to a log first, and lets people watch and type.
//
//	c := &serialcon.Console{Name: "pi-042", Port: port, Log: log}
//	err := c.Run(ctx) // reads until ctx ends
//
// and, at the same time,
//
//	s, err := c.Attach(ctx, serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice"})
//
// A [Port] is an open line and an [Opener] its configuration: a Linux tty, a
// telnet or RFC 2217 connection, a socket, a command, IPMI serial over LAN, all
// of them in folders below this one. A [Console] opens it, again and again. A
// [Log] is told what the port said and, apart from that, each [Event]. A
// [Session] is a viewer: many may watch, one may type, the others queue for its
// place or take it, which both are told. An [Engine] reads hundreds of ports by
// one thread.
//
// What the port said goes to the log, then to the screen, then to the viewers.
// A log that fails does not stop the reading: it is tried again, and then holds
// a mark with the count of what it did not take. One that hangs is waited for
// in its own goroutine, up to a bound. A viewer that does not keep up skips to
// the live end with a mark, and costs nobody anything.
//
// It does not answer for anybody: a terminal's queries reach the live writer
// only, and are in nobody's history. It does not authenticate: who may attach,
// and how, is for its caller (serialcon/sshd). It does not rotate files
// (serialcon/conlog) and knows no metrics system: [Console.Stats] is a snapshot.
package serialcon
