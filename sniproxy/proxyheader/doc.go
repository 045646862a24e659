// Package proxyheader writes and reads the header of the PROXY protocol,
// versions 1 and 2, by which a proxy tells a server who its client is.
//
// A proxy appends a header to its buffer and the client's first bytes behind
// it, so that both leave in one write:
//
//	buf, err := proxyheader.AppendV1(buf[:0], client, local)
//	_, err = backend.Write(append(buf, hello...))
//
// client is the peer of the accepted connection, local the address at which the
// proxy accepted it. The addresses of the proxy's connection to the backend are
// in no header.
//
// A server behind proxies listens by a [Listener]:
//
//	l := &proxyheader.Listener{Listener: inner, Trusted: proxies}
//	err := http.Serve(l, handler) // r.RemoteAddr is the client
//
// [Append], [AppendV1] and [AppendV2] encode a [Header], [Decode] reads one from
// the bytes received so far. None of them allocates. The format is described in
// proxy-protocol.txt of HAProxy; section numbers in this package are its.
//
// # What it refuses
//
// The Listener does not guess: whether a connection begins with a header is
// decided by the peer's address alone. A server that takes a header from
// whoever sends one lets any client choose its address.
//
// The encoder writes no UNKNOWN and no UNSPEC, which receivers drop, and no pair
// of addresses of two families, which they misread. The decoder takes exactly
// what the protocol's text allows, verifies checksums, and refuses a header that
// says its authority, unique ID or checksum twice.
package proxyheader
