package httphead

// Request is the head of a request. The byte slices are views of the buffer that
// was parsed, valid as long as that is. One Request serves one request after
// another; its zero value is ready for use.
type Request struct {
	// Method is a token, as it was sent: methods are case-sensitive.
	Method []byte
	// Target is what is forwarded: an absolute path with query, or "*". Of the
	// absolute form it is what follows the authority, or "/".
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
	// upgraded to; those requests are forwarded as if they had not asked. Bytes
	// that follow the head must wait for the response: see [Response.Switched].
	Upgrade bool
	// Expect says that the client waits for 100 (Continue) before it sends its
	// body. The expectation is forwarded.
	Expect bool
	// Body says what follows the head.
	Body Body

	head
	authority authority
	absolute  bool // authority is of the target
}

// Host is the canonical host that the request is for: lower case, no port, no
// trailing dot; an IPv6 address as RFC 5952 writes it, without brackets. Nil
// means none ([Request.NoHost]). It is valid until the next Parse into r.
func (r *Request) Host() []byte { return r.authority.host() }

// Port is the port behind the host, in decimal, or nil if the client named none.
func (r *Request) Port() []byte {
	if r.authority.port == (span{}) {
		return nil
	}
	return r.authority.port.of(r.buf)
}

// ACME reports whether this is a validation by ACME's http-01 (RFC 8555, section
// 8.3). It must reach the backend whatever else the site does with requests.
func (r *Request) ACME() bool { return isACME(r.Target) }

// Exchange returns what the response's reader must know.
func (r *Request) Exchange() Exchange {
	return Exchange{
		Head:         string(r.Method) == "HEAD",
		HTTP10:       r.HTTP10,
		Upgrade:      r.Upgrade,
		CloseClient:  r.Close,
		CloseBackend: r.HTTP10 || r.surprising(),
	}
}

// surprising reports whether there is a body where servers may not look for one.
// They would take it for the next request on a connection that is kept.
func (r *Request) surprising() bool {
	if r.Body.Done() {
		return false
	}
	switch string(r.Method) {
	case "GET", "HEAD", "DELETE", "OPTIONS", "TRACE":
		return true
	}
	return false
}

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
	// because the request has a body where backends may not look for one.
	CloseBackend bool
}

// RequestParser reads the head of requests. The zero value is ready for use. It
// holds what it knows of a head that is not complete; use one per connection.
type RequestParser struct {
	Limits Limits

	scan scanner
}

// Parse reads a request's head from b, which holds all bytes since the end of the
// request before, and fills r. It returns the head's size; zero means that it is
// not complete: call again with more. An error is an [*Error]: answer its Status
// (see [AppendError]) and close. After a head or an error the parser is ready for
// the next request. All calls together take time in proportion to the bytes.
func (p *RequestParser) Parse(b []byte, r *Request) (n int, err error) {
	n, why := p.parse(b, r)
	if n > 0 || why != 0 {
		p.Reset()
	}
	return n, requestError(why)
}

func (p *RequestParser) parse(b []byte, r *Request) (int, Reason) {
	piece := b[:min(len(b), p.Limits.head())]
	if p.scan.scanned == 0 {
		// The first piece is the whole head mostly; and what is no HTTP shows
		// at once.
		if n, why := r.parse(piece, p.Limits); n > 0 || why != 0 {
			return n, why
		}
	}
	complete, why := p.scan.advance(b)
	if why != 0 {
		return more, why
	}
	if complete || p.scan.firstLine() {
		if n, why := r.parse(piece, p.Limits); n > 0 || why != 0 {
			return n, why
		}
	}
	return more, full(b, p.Limits)
}

// Reset forgets a head that is not complete.
func (p *RequestParser) Reset() { p.scan = scanner{} }

// parse reads a head from the beginning of b.
func (r *Request) parse(b []byte, l Limits) (int, Reason) {
	r.reset(b)
	target, i, why := r.parseLine(b)
	if why != 0 || i == more {
		return more, why
	}
	end, why := r.parseFields(i, l)
	if why != 0 || end == more {
		return more, why
	}
	if why := r.finish(target); why != 0 {
		return more, why
	}
	return end, 0
}

func (r *Request) reset(b []byte) {
	r.head.reset(b)
	r.authority.reset()
	r.Method, r.Target = nil, nil
	r.HTTP10, r.NoHost, r.Literal, r.Close, r.Upgrade, r.Expect = false, false, false, false, false, false
	r.Body, r.absolute = Body{}, false
}

// parseLine reads the request line, after one empty line at most (RFC 9112,
// section 2.2), and returns where the fields begin.
func (r *Request) parseLine(b []byte) (target span, next int, why Reason) {
	i := 0
	if len(b) > 1 && b[0] == '\r' && b[1] == '\n' {
		i = 2
	}
	method := span{i, i}
	for method.to < len(b) && classes[b[method.to]]&tokenChar != 0 {
		method.to++
	}
	if method.to == len(b) || len(b) == 1 && b[0] == '\r' {
		return target, more, 0
	}
	if method.to == i || b[method.to] != ' ' {
		return target, more, BadMethod
	}
	target = span{method.to + 1, method.to + 1}
	for target.to < len(b) && classes[b[target.to]]&targetChar != 0 {
		target.to++
	}
	if target.to == len(b) {
		return target, more, 0
	}
	if target.to == target.from || b[target.to] != ' ' {
		return target, more, BadTarget
	}
	r.Method = method.of(b)
	next, r.HTTP10, why = parseVersion(b, target.to+1)
	return target, next, why
}

// version is what a first line has in either version, but for one digit.
const version = "HTTP/1.x\r\n"

// parseVersion reads the version at the end of a request line.
func parseVersion(b []byte, i int) (next int, old bool, why Reason) {
	for j := range len(version) {
		if i+j == len(b) {
			return more, false, 0
		}
		switch c := b[i+j]; {
		case c == version[j], version[j] == 'x' && (c == '0' || c == '1'):
		case classes[c]&digit != 0 && (j == 5 || j == 7):
			return more, false, BadVersion
		case c == '\n':
			return more, false, BareLF
		default:
			return more, false, BadStartLine
		}
	}
	return i + len(version), b[i+len("HTTP/1.")] == '0', 0
}

// finish makes sense of the line and the fields together.
func (r *Request) finish(target span) Reason {
	if string(r.Method) == "CONNECT" {
		return NoTunnels
	}
	if why := r.finishHost(target); why != 0 {
		return why
	}
	if r.expects && !r.HTTP10 {
		return BadExpectation
	}
	r.Expect = r.continues && !r.HTTP10
	if why := r.finishBody(); why != 0 {
		return why
	}
	r.Close = r.HTTP10 || r.close
	r.Upgrade = !r.HTTP10 && r.websocket() && string(r.Method) == "GET" && r.Body.Done()
	return 0
}

// finishHost finds the host, in the target before the field.
func (r *Request) finishHost(target span) Reason {
	switch {
	case r.hosts > 1:
		return TwoHosts
	case r.hosts == 0 && !r.HTTP10:
		return NoHost
	case r.hosts == 1 && !r.authority.parse(r.buf, r.hostField):
		return BadHost
	}
	if why := r.parseTarget(target); why != 0 {
		return why
	}
	r.NoHost = r.hosts == 0 && !r.absolute
	r.Literal = r.authority.literal
	return 0
}

func (r *Request) finishBody() Reason {
	switch {
	case r.chunked && r.hasLength:
		return LengthAndCoding
	case r.chunked && r.HTTP10: // RFC 9112, section 6.1
		return OldCoding
	case r.chunked:
		r.Body = Body{form: chunkedBody}
	case r.length > 0:
		r.Body = Body{form: lengthBody, left: r.length, size: r.length}
	}
	return 0
}
