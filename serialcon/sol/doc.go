// Package sol makes ports of the serial consoles that BMCs offer over the
// network: IPMI 2.0 Serial over LAN.
//
//	c := &serialcon.Console{Name: "db-1", Port: sol.Config{
//		Host: "bmc-db-1.example", User: "console", Password: password,
//	}}
//
// The protocol is go-ipmi's. It is a package of its own because of what that
// brings along; whoever does not import it does not build it. There is no
// BREAK: go-ipmi's stream does not send one.
package sol
