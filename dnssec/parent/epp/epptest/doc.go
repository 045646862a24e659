// Package epptest is a registry for tests of EPP clients: it speaks EPP (RFC 5730)
// over TLS (RFC 5734) with domains and secDNS-1.1 (RFC 5910), on a port of
// 127.0.0.1.
//
//	registry := epptest.New(t, epptest.Options{})
//	registry.SetDomain("child.example", epptest.Domain{})
//	client := &epp.Client{Addr: registry.Addr(), TLS: registry.TLS(), User: "registrar", Password: "password"}
//
// It reads commands by a decoder of its own, more strictly than most registries: an
// element that the schema does not have, or has elsewhere, is a syntax error.
// Failures are scripted by [Registry.Fail].
package epptest
