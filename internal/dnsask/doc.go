// Package dnsask asks DNS servers: by UDP, and by TCP if an answer is truncated, odd,
// or does not come; with an ID, a port and, if wanted, letters that a forger must
// guess; and with no answer taken for another question's.
//
//	servers, err := dnsask.System()
//	…
//	var c dnsask.Client
//	m := new(dns.Msg).SetQuestion("www.example.", dns.TypeAAAA)
//	m.SetEdns0(dnsask.Size, false)
//	answer, err := c.Lookup(ctx, servers, m)
//
// It keeps no answers. What it exchanges are messages of miekg/dns.
package dnsask
