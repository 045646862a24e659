// Package sshd lets people reach serial consoles by SSH: "ssh pi-042@consoles"
// lands on the console pi-042, with nothing to install.
//
//	s := &sshd.Server{HostKeys: keys, Consoles: consoles}
//	err := s.Serve(ctx, listener)
//
// [Server.Consoles] says for a user name and a public key which console, if any,
// they may have: an [Access]. A shell is a viewer of it (see serialcon), with
// conserver's escapes when there is a terminal, and ~B of OpenSSH, the request
// of RFC 4335, is a BREAK on the wire. A command is one of a few: list, log,
// grep, power, attach, help; what they do is for functions of the Server.
//
// Who logs in, attaches, breaks, runs something or is refused is an [Entry] for
// [Server.Audit].
//
// What it refuses: passwords, certificates, RSA keys below 2048 bits;
// environments, subsystems, forwarding of ports, agents and X11. A source that
// fails to log in too often has to wait, and no source may have all connections.
// It keeps no keys: whoever calls it does.
package sshd
