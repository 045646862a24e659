package sniproxy

import (
	"context"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/limit"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// Proto is what a client speaks.
type Proto uint8

// The protocols that are routed.
const (
	TLS  Proto = iota // TLS over TCP, by the ClientHello's server name
	HTTP              // HTTP/1 without TLS, by each request's Host
	QUIC              // QUIC, by the server name in its Initial packets
)

// String is "tls", "http" or "quic".
func (p Proto) String() string {
	switch p {
	case TLS:
		return "tls"
	case HTTP:
		return "http"
	}
	return "quic"
}

// A Request is what a [Router] decides by.
type Request struct {
	Proto Proto
	// Name is what the client asks for, canonical: lower case, A-labels, no
	// trailing dot; "" when it named nothing.
	Name string
	// Client and Local are the two ends of the client's connection, as a
	// trusted front says or as the socket does. IPv4 is never mapped.
	Client, Local netip.AddrPort
	// Hello is the whole of the ClientHello, nil for HTTP. It and what it
	// points to are valid during the call only.
	Hello *clienthello.Info
}

// A Router chooses the site of a TLS or QUIC connection or of an HTTP request. It
// is called by many goroutines, must not block (waiting for the DNS is a
// [Backend]'s work) and answers instead of a Decision with [ErrUnknownName],
// [ErrNoName], [ErrDenied], [ErrLimited], or with a [*RefusedError] that says all.
type Router interface {
	Route(*Request) (Decision, error)
}

// RouterFunc is a function as a [Router].
type RouterFunc func(*Request) (Decision, error)

// Route implements [Router].
func (f RouterFunc) Route(r *Request) (Decision, error) { return f(r) }

// A Decision is where a connection or request goes, and how.
type Decision struct {
	// Site is the key of its metrics, limits and log lines; it is the
	// operator's word and never the client's.
	Site string
	// Backend has the addresses. Required.
	Backend Backend
	// Proxy is the PROXY header that the backend gets first; zero is none.
	Proxy proxyheader.Version
	// TLVs are added to a header of version 2.
	TLVs proxyheader.TLVSet
	// Source is where connections to the backend come from; nil leaves it to
	// the kernel.
	Source *backend.Source
	// Limit bounds the site's connections in place of [limit.Limiter.PerSite].
	Limit limit.Limit
}

// A Backend has the addresses of a site's servers. [*backend.Pool] and
// [*backend.Lookup] are Backends.
type Backend interface {
	// Ready appends to dst the addresses to try, the best first, if they are
	// known now; if not, ready is false. It does not wait.
	Ready(dst []netip.AddrPort, q backend.Query) (addrs []netip.AddrPort, ready bool, err error)
	// Resolve does the same and may wait.
	Resolve(ctx context.Context, dst []netip.AddrPort, q backend.Query) ([]netip.AddrPort, error)
	// Report tells how an attempt ended. With err nil a connection is open
	// until Closed is called.
	Report(addr netip.AddrPort, err error, took time.Duration)
	// Closed tells that a connection ended.
	Closed(addr netip.AddrPort)
}

var (
	_ Backend = (*backend.Pool)(nil)
	_ Backend = (*backend.Lookup)(nil)
)
