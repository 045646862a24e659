// Package probe finds out whether a web server expects the PROXY protocol, and
// explains in words what its owner sees when that does not fit the proxy's
// setting.
//
//	p := &probe.Prober{Check: guard.Check}
//	report, err := p.Probe(ctx, addr, probe.TLS, "www.example.org")
//	fmt.Println(report.Summary())
//	advice := report.Advise(proxyheader.V1) // what the site is set to
//
// A [Prober] opens three connections at most, one after the other, and sends
// its question bare, behind a header of version 1, and behind one of version 2.
// A server answers the form that it expects: with a status other than 400, or
// with a TLS ServerHello. To the others it answers 400 or closes.
//
// [Explain] reads a line of the log of nginx, Apache or HAProxy, or the error
// message of a client, and says what is wrong.
//
// # What it refuses
//
// A Prober connects to no address that its Check does not allow: whoever may
// name the address must not be able to scan with it. It does not verify
// certificates, and sends nothing but the name asked about.
package probe
