// Package demo is a whole hosting company in one process, on loopback: a shelf of
// Pis that boot through the real DHCP and TFTP servers and get their power over SNMP
// from a switch, consoles, signed domains with certificates, and sites behind the
// IPv4→IPv6 proxy. What stands in for hardware and for other companies (Pis, switch,
// parent zone, certificate authority) are fakes that speak the real protocols.
//
//	d, err := demo.New(demo.Options{Pis: 8})
//	go d.Run(ctx)
//	shelves, err := d.Shelves(ctx)
//
// A Demo is a model.House. It needs no privilege, and nothing installed.
//
// With [Options.Chaos] things break now and then, in the order of a seed ([Chaos]), and
// the house heals itself: [Heal] decides when a Pi is power-cycled, and when it is left
// to a person, and [Tend] when a web server drains and when it comes back. What failed
// elsewhere, such as the renewal of a certificate, is tried again by the package that
// does it.
package demo
