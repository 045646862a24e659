// Package sniproxy relays TLS, HTTP/1 and QUIC connections to IPv6 servers by the
// name that the client asks for, without holding a key or a certificate.
package sniproxy
