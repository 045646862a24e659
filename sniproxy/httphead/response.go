package httphead

import "errors"

// Response is the head of a response. The byte slices are views of the buffer
// that was parsed. Its zero value is ready for use, again and again.
type Response struct {
	// Status is 100 to 599.
	Status int
	// Reason is the text behind it, which means nothing and may be empty.
	Reason []byte
	// Interim says that this is a 1xx: relay it, and parse the next head, which
	// answers the same request.
	Interim bool
	// Switched says that this is a 101 that was asked for: after the head, both
	// connections are one tunnel.
	Switched bool
	// KeepBackend says that the backend's connection can take another request
	// once Body is done and the request's body too. Bytes that arrive on it
	// while it is idle belong to no request: close it then.
	KeepBackend bool
	// KeepClient says the same of the client's connection.
	KeepClient bool
	// Body says what follows the head.
	Body Body
}

// ResponseParser reads the head of responses. The zero value is ready for use.
type ResponseParser struct {
	Limits Limits

	scanned int
	line    int
}

// Parse reads a response's head from b as [RequestParser.Parse] does. An error is
// an [*Error] of status 502: the backend's connection must be closed.
func (p *ResponseParser) Parse(b []byte, x Exchange, r *Response) (n int, err error) {
	return 0, errors.New("httphead: not there yet")
}

// Reset forgets a head that is not complete.
func (p *ResponseParser) Reset() { p.scanned, p.line = 0, 0 }

// AppendRelay appends the head to send to the client: nothing for an interim
// response to a client of HTTP/1.0. The response's body follows it as it comes.
func (r *Response) AppendRelay(dst []byte) []byte { return dst }
