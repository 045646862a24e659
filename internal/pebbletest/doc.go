// Package pebbletest runs Pebble, the test authority of Let's Encrypt, in the
// process of a test.
//
//	p := pebbletest.New(t, pebbletest.Options{DNS: dns.Addr()})
//	client := &acme.Client{Directory: p.URL(), HTTP: p.HTTPClient(), Key: key, AcceptTerms: true}
//
// It is strict. Two things are better than in its own program: nothing sleeps at
// random, and orders are made one at a time. Pebble locks its store and its
// authorizations in two different sequences, so that an order made while another
// is polled can stop it for ever.
package pebbletest
