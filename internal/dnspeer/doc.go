// Package dnspeer runs recursive DNS servers of Debian in tests, unbound and bind9's
// named, each with a configuration of its own on a free port of 127.0.0.1, in front
// of a name server of the test that they forward everything to.
//
//	addr := dnspeer.Unbound(t, dnspeer.Config{Forward: names.Addr})
//
// They validate nothing, serve loopback only and end with the test. A missing
// program skips the test, see [peer.Skip].
package dnspeer
