package httphead

import (
	"net/netip"
	"strconv"
)

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

// valid reports whether the options can be written into a head.
func (o *Forward) valid() bool {
	if o.Via != "" && !isToken(o.Via) || o.Proto != "" && !isToken(o.Proto) {
		return false
	}
	if o.Host == "" {
		return true
	}
	var a authority
	return a.parse([]byte(o.Host), span{0, len(o.Host)})
}

func (o *Forward) proto() string {
	if o.Proto == "" {
		return "http"
	}
	return o.Proto
}

// AppendForward appends the head to send to the backend. The request's body
// follows it as it comes. An error is an [*Error]; dst is returned as it was then.
func (r *Request) AppendForward(dst []byte, o *Forward) ([]byte, error) {
	if !o.valid() {
		return dst, requestError(BadOption)
	}
	if o.Via != "" && r.passed(o.Via) > 1 {
		return dst, requestError(Loop)
	}
	out := r.appendLine(dst, o)
	out = r.appendFields(out, o)
	out = r.appendFraming(out)
	out = r.appendClient(out, o)
	if o.Via != "" {
		out = append(out, "Via: 1."...)
		out = append(out, minor(r.HTTP10))
		out = append(out, ' ')
		out = append(out, o.Via...)
		out = append(out, "\r\n"...)
	}
	return append(out, "\r\n"...), nil
}

// appendLine appends the request line and Host.
func (r *Request) appendLine(dst []byte, o *Forward) []byte {
	dst = append(dst, r.Method...)
	dst = append(dst, ' ')
	dst = append(dst, r.Target...)
	dst = append(dst, " HTTP/1."...)
	dst = append(dst, minor(r.HTTP10))
	dst = append(dst, "\r\n"...)
	if r.NoHost && o.Host == "" {
		return dst
	}
	dst = append(dst, "Host: "...)
	dst = r.appendAuthority(dst, o)
	return append(dst, "\r\n"...)
}

func minor(old bool) byte {
	if old {
		return '0'
	}
	return '1'
}

// appendAuthority appends the host that the client asked for, with its port.
func (r *Request) appendAuthority(dst []byte, o *Forward) []byte {
	if r.NoHost {
		return append(dst, o.Host...)
	}
	return r.authority.append(dst, r.buf)
}

// appendFields appends what the proxy has no part in.
func (r *Request) appendFields(dst []byte, o *Forward) []byte {
	c := copier{dst: dst, buf: r.buf}
	for i := range r.fields {
		if f := &r.fields[i]; r.passes(f, o) {
			c.keep(f)
		}
	}
	c.flush()
	return c.dst
}

func (r *Request) passes(f *field, o *Forward) bool {
	switch f.kind {
	case other:
		return r.optionsN == 0 || !r.listed(f)
	case via:
		return true // whatever Connection says: it shows loops
	case expect:
		return r.Expect
	case trailer:
		return r.chunked
	case forwardedElse:
		return o.Trusted
	}
	return false
}

// appendFraming appends the fields that say where the request ends, and what
// becomes of the connection.
func (r *Request) appendFraming(dst []byte) []byte {
	switch {
	case r.chunked:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case r.hasLength:
		dst = appendLength(dst, r.length)
	}
	switch {
	case r.Upgrade:
		dst = append(dst, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	case r.surprising():
		dst = append(dst, "Connection: close\r\n"...)
	}
	return dst
}

func appendLength(dst []byte, n int64) []byte {
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, "\r\n"...)
}

// passed returns how often Via names the proxy. Comments are not looked for: they
// could be made to hide a name.
func (r *Request) passed(pseudonym string) int {
	n := 0
	for i := range r.fields {
		if f := &r.fields[i]; f.kind == via {
			n += countVia(f.value.of(r.buf), pseudonym)
		}
	}
	return n
}
