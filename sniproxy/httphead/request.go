package httphead

import (
	"errors"
	"net/netip"
)

// Request is the head of a request. The byte slices are views of the buffer that
// was parsed, valid as long as that is. One Request serves one request after
// another; its zero value is ready for use.
type Request struct {
	// Method is a token, as it was sent: methods are case-sensitive.
	Method []byte
	// Target is what is forwarded: an absolute path with query, or "*". The
	// authority of an absolute form is gone into Host, and Target is not
	// empty then either: "/".
	Target []byte
	// HTTP10 says that the request is of version 1.0: it is forwarded as such,
	// and its connection is closed after the answer.
	HTTP10 bool
	// NoHost says that an HTTP/1.0 request names no host: it is for the default
	// site. A request of version 1.1 without Host is an error.
	NoHost bool
	// Literal says that the host is an IP address.
	Literal bool
	// Close says that the client wants its connection closed after the answer.
	Close bool
	// Upgrade says that the client asks for a websocket (RFC 6455) and may have
	// it: [Request.AppendForward] asks the backend for it. No other protocol is
	// upgraded to; those requests are forwarded as if they had not asked.
	Upgrade bool
	// Expect says that the client waits for 100 (Continue) before it sends its
	// body. The expectation is forwarded.
	Expect bool
	// Body says what follows the head.
	Body Body
}

// Host is the canonical host that the request is for: lower case, no port, no
// trailing dot; an IPv6 address as RFC 5952 writes it, without brackets. Nil
// means none ([Request.NoHost]). It is valid until the next Parse into r.
func (r *Request) Host() []byte { return nil }

// Port is the port behind the host, in decimal, or nil if the client named none.
func (r *Request) Port() []byte { return nil }

// ACME reports whether this is a validation by ACME's http-01 (RFC 8555, section
// 8.3). It must reach the backend whatever else the site does with requests.
func (r *Request) ACME() bool { return false }

// Exchange returns what the response's reader must know.
func (r *Request) Exchange() Exchange { return Exchange{} }

// Exchange is what a response's reader must know of the request. It is a small
// value without pointers; the zero value stands for a GET of HTTP/1.1.
type Exchange struct {
	// Head says that the method was HEAD: no body follows, whatever the fields say.
	Head bool
	// HTTP10 says that the client speaks HTTP/1.0: no interim responses for it,
	// no chunked coding, and its connection is closed afterwards.
	HTTP10 bool
	// Upgrade says that the backend was asked to switch to a websocket.
	Upgrade bool
	// CloseClient says that the client's connection must not be used again.
	CloseClient bool
	// CloseBackend says that the backend's must not: it was asked to close it,
	// because the request has a body of which backends often do not know.
	CloseBackend bool
}

// RequestParser reads the head of requests. The zero value is ready for use. It
// holds what it knows of a head that is not complete; use one per connection.
type RequestParser struct {
	Limits Limits

	scanned int
	line    int
}

// Parse reads a request's head from b, which holds all bytes since the end of the
// request before, and fills r. It returns the head's size; zero means that it is
// not complete: call again with more. An error is an [*Error]: answer its Status
// (see [AppendError]) and close. After a head or an error the parser is ready for
// the next request. All calls together take time in proportion to the bytes.
func (p *RequestParser) Parse(b []byte, r *Request) (n int, err error) {
	return 0, errors.New("httphead: not there yet")
}

// Reset forgets a head that is not complete.
func (p *RequestParser) Reset() { p.scanned, p.line = 0, 0 }

// Forward says what a proxy adds to a request.
type Forward struct {
	// Client is who sent the request. X-Forwarded-For, X-Real-IP and Forwarded
	// (RFC 7239) name it.
	Client netip.AddrPort
	// Local is the address that the client connected to, for Forwarded's "by".
	// The zero value leaves that out.
	Local netip.AddrPort
	// Proto is the scheme that the client used. Empty means "http".
	Proto string
	// Trusted says that the client is a proxy of our own: what it says of the
	// client before it is kept and added to. From all others it is replaced.
	Trusted bool
	// Via is this proxy's pseudonym, a token (RFC 9110, section 7.6.3). A request
	// that names it twice goes in circles and is refused with 508. Empty adds no
	// Via and sees no loops.
	Via string
	// Host stands in for the host of a request that names none. Empty leaves
	// the request without.
	Host string
}

// AppendForward appends the head to send to the backend. The request's body
// follows it as it comes. An error is an [*Error]; dst is returned as it was then.
func (r *Request) AppendForward(dst []byte, o *Forward) ([]byte, error) {
	return dst, errors.New("httphead: not there yet")
}
