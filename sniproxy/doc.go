// Package sniproxy relays TLS, HTTP/1 and QUIC connections to IPv6 servers by the
// name that the client asks for, without holding a key or a certificate.
//
//	var table sniproxy.Table // a Router: exact names, wildcards, a default
//	err := table.Replace(sniproxy.Routes{Sites: []sniproxy.Site{{
//		Names:    []string{"www.example.com"},
//		Decision: sniproxy.Decision{Backend: web, Proxy: proxyheader.V1},
//	}}})
//	server := &sniproxy.Server{Router: &table, Guard: guard}
//	go server.ServeHTTP1(port80)
//	err = server.ServeTLS(port443)
//
// A [Router] makes a [Decision] of a [Request]: which [Backend] has the addresses,
// which PROXY header it gets, from which address. A [Server] reads ClientHellos
// and HTTP heads, asks the Router, dials what the Guard allows, and moves bytes. An
// [Observer] is told of every connection and request, [Server.Stats] counts them.
//
// Two engines do the same, as one conformance suite proves (sniproxytest): the
// Portable one on package net takes any listener; the Epoll one, on Linux, is a
// goroutine for each processor that waits for its epoll descriptor, splices what is
// long, and holds neither buffer nor pipe nor goroutine for a connection that is
// idle.
//
// What it refuses to do: it never takes a hello that cannot be read for one without
// a name, never dials an address that its Guard does not allow, never sends a
// client's bytes to a second server after a first one got any, and never makes a
// counter out of a name that a stranger sent. It does not speak TLS.
package sniproxy
