package httphead

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
	// KeepClient says the same of the client's connection. A proxy that will close
	// it all the same sets this to false before AppendRelay, which tells the client.
	KeepClient bool
	// Body says what follows the head.
	Body Body

	head
	old      bool // the backend speaks HTTP/1.0
	exchange Exchange
}

// ResponseParser reads the head of responses. The zero value is ready for use.
type ResponseParser struct {
	Limits Limits

	scan scanner
}

// Parse reads a response's head from b as [RequestParser.Parse] does. An error is
// an [*Error] of status 502: the backend's connection must be closed.
func (p *ResponseParser) Parse(b []byte, x Exchange, r *Response) (n int, err error) {
	n, why := p.parse(b, x, r)
	if n > 0 || why != 0 {
		p.Reset()
	}
	return n, responseError(why)
}

func (p *ResponseParser) parse(b []byte, x Exchange, r *Response) (int, Reason) {
	piece := b[:min(len(b), p.Limits.head())]
	if p.scan.scanned == 0 {
		// The first piece is the whole head mostly; and what is no HTTP shows
		// at once.
		if n, why := r.parse(piece, x, p.Limits); n > 0 || why != 0 {
			return n, why
		}
	}
	complete, why := p.scan.advance(b)
	if why != 0 {
		return more, why
	}
	if complete || p.scan.firstLine() {
		if n, why := r.parse(piece, x, p.Limits); n > 0 || why != 0 {
			return n, why
		}
	}
	return more, full(b, p.Limits)
}

// Reset forgets a head that is not complete.
func (p *ResponseParser) Reset() { p.scan = scanner{} }

// parse reads a head from the beginning of b.
func (r *Response) parse(b []byte, x Exchange, l Limits) (int, Reason) {
	r.reset(b)
	r.exchange = x
	i, why := r.parseLine(b)
	if why != 0 || i == more {
		return more, why
	}
	end, why := r.parseFields(i, l)
	if why != 0 || end == more {
		return more, why
	}
	if why := r.finish(x); why != 0 {
		return more, why
	}
	return end, 0
}

func (r *Response) reset(b []byte) {
	r.head.reset(b)
	r.Status, r.Reason, r.Body, r.old = 0, nil, Body{}, false
	r.Interim, r.Switched, r.KeepBackend, r.KeepClient = false, false, false, false
}

// parseLine reads the status line (RFC 9112, section 4). The space before an
// empty reason may be missing: it often is.
func (r *Response) parseLine(b []byte) (next int, why Reason) {
	const line = "HTTP/1.x nnn"
	for i := range len(line) {
		if i == len(b) {
			return more, 0
		}
		switch c := b[i]; {
		case c == line[i], line[i] == 'x' && (c == '0' || c == '1'):
		case line[i] == 'n' && classes[c]&digit != 0:
			r.Status = r.Status*10 + int(c-'0')
		case classes[c]&digit != 0 && (i == 5 || i == 7):
			return more, BadVersion
		default:
			return more, BadStartLine
		}
	}
	r.old = b[len("HTTP/1.")] == '0'
	end := control(b, len(line))
	if len(b)-end < 2 {
		if end < len(b) {
			return more, notValue(b[end], '\n')
		}
		return more, 0
	}
	if why := notValue(b[end], b[end+1]); why != 0 {
		return more, why
	}
	if end > len(line) {
		if b[len(line)] != ' ' {
			return more, BadStartLine
		}
		r.Reason = b[len(line)+1 : end]
	}
	return end + 2, 0
}

// finish makes sense of the line and the fields together, for the request.
func (r *Response) finish(x Exchange) Reason {
	switch {
	case r.chunked && r.hasLength:
		return LengthAndCoding
	case r.Status < 100 || r.Status > 599:
		return BadStatus
	case r.chunked && (r.old || x.HTTP10):
		return OldCoding
	case r.Status < 200:
		return r.finishInterim(x)
	}
	sound := r.finishBody(x)
	r.KeepBackend = sound && !r.old && !r.close && !x.CloseBackend && !x.HTTP10 && !r.Body.UntilClose()
	r.KeepClient = !x.CloseClient && !x.HTTP10 && !r.Body.UntilClose()
	return 0
}

// finishInterim is for 1xx, which have no body whatever they say.
func (r *Response) finishInterim(x Exchange) Reason {
	switch {
	case r.chunked || r.length > 0:
		return BadStatus
	case r.Status != 101:
		r.Interim = true
	case !x.Upgrade || !r.websocket():
		return UnaskedSwitch
	default:
		r.Switched = true
	}
	return 0
}

// finishBody finds what follows (RFC 9112, section 6.3). It reports whether the
// backend may not follow this response with bytes that look like another: it is
// not trusted further when it announces a body where none can be.
func (r *Response) finishBody(x Exchange) (sound bool) {
	switch {
	case r.Status == 204:
		return !r.chunked && r.length == 0
	case x.Head || r.Status == 304:
	case r.chunked:
		r.Body = Body{form: chunkedBody, of: backend}
	case r.hasLength && r.length > 0:
		r.Body = Body{form: lengthBody, of: backend, left: r.length, size: r.length}
	case !r.hasLength:
		r.Body = Body{form: closeBody, of: backend}
	}
	return true
}

// AppendRelay appends the head to send to the client: nothing for an interim
// response to a client of HTTP/1.0. The response's body follows it as it comes.
func (r *Response) AppendRelay(dst []byte) []byte {
	if r.Interim && r.exchange.HTTP10 {
		return dst
	}
	dst = append(dst, "HTTP/1.1 "...)
	dst = append(dst, byte('0'+r.Status/100), byte('0'+r.Status/10%10), byte('0'+r.Status%10), ' ')
	dst = append(dst, r.Reason...)
	dst = append(dst, "\r\n"...)
	c := copier{dst: dst, buf: r.buf}
	for i := range r.fields {
		if f := &r.fields[i]; r.passes(f) {
			c.keep(f)
		}
	}
	c.flush()
	return append(r.appendFraming(c.dst), "\r\n"...)
}

func (r *Response) passes(f *field) bool {
	switch f.kind {
	case host, contentLength, transferEncoding, connection, upgrade, never:
		return false
	}
	return r.optionsN == 0 || !r.listed(f)
}

// appendFraming appends the fields that say where the response ends, and what
// becomes of the connection.
func (r *Response) appendFraming(dst []byte) []byte {
	switch {
	case r.Status < 200 || r.Status == 204:
	case r.chunked:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case r.hasLength:
		dst = appendLength(dst, r.length)
	}
	switch {
	case r.Switched:
		dst = append(dst, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	case !r.Interim && !r.KeepClient:
		dst = append(dst, "Connection: close\r\n"...)
	}
	return dst
}
