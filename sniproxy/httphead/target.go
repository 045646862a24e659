package httphead

import "bytes"

// parseTarget takes the request-target apart (RFC 9112, section 3.2): what is
// forwarded, and the authority of the absolute form, if it is one.
func (r *Request) parseTarget(s span) Reason {
	target := s.of(r.buf)
	switch {
	case target[0] == '/':
		r.Target = target
		return checkPath(target)
	case len(target) == 1 && target[0] == '*':
		r.Target = target
		if string(r.Method) != "OPTIONS" {
			return BadTarget
		}
		return 0
	}
	return r.parseAbsolute(s)
}

// parseAbsolute reads http://authority/path. Its authority overrides Host
// (section 3.2.2).
func (r *Request) parseAbsolute(s span) Reason {
	target := s.of(r.buf)
	scheme, _, found := bytes.Cut(target, []byte("://"))
	switch {
	case !found:
		return BadTarget
	case equalFold(scheme, "https"), equalFold(scheme, "wss"):
		return Misdirected
	case !equalFold(scheme, "http"):
		return BadTarget
	}
	from := s.from + len("http://")
	path := bytes.IndexByte(r.buf[from:s.to], '/')
	if path < 0 {
		path = s.to - from
	}
	if !r.authority.parse(r.buf, span{from, from + path}) {
		return BadHost
	}
	r.absolute = true
	r.Target = r.buf[from+path : s.to]
	switch {
	case len(r.Target) > 0:
	case string(r.Method) == "OPTIONS": // section 3.2.4
		r.Target = []byte("*")
	default:
		r.Target = r.buf[from-1 : from] // a slash
	}
	return checkPath(r.Target)
}

// checkPath refuses percent signs that encode nothing, over which servers
// disagree. In a query they are common, and harmless.
func checkPath(target []byte) Reason {
	if bytes.IndexByte(target, '%') < 0 {
		return 0
	}
	target, _, _ = bytes.Cut(target, []byte("?"))
	for {
		i := bytes.IndexByte(target, '%')
		if i < 0 {
			return 0
		}
		target = target[i+1:]
		if len(target) < 2 || classes[target[0]]&classes[target[1]]&hexDigit == 0 {
			return BadTarget
		}
	}
}

const acmePath = "/.well-known/acme-challenge/"

// isACME accepts one segment of base64url behind the path and nothing else, so
// that dots cannot lead elsewhere.
func isACME(target []byte) bool {
	token, found := bytes.CutPrefix(target, []byte(acmePath))
	for _, c := range token {
		letter := 'a' <= lower(c) && lower(c) <= 'z'
		if !letter && classes[c]&digit == 0 && c != '-' && c != '_' {
			return false
		}
	}
	return found && len(token) > 0
}
