package httphead

import (
	"bytes"
	"net/netip"
)

// appendClient appends what the backend is told of the client: in Forwarded, which
// is the standard (RFC 7239), and in the fields that were in use before.
func (r *Request) appendClient(dst []byte, o *Forward) []byte {
	dst = append(dst, "X-Forwarded-For: "...)
	dst = r.appendEarlier(dst, o, forwardedFor)
	dst = appendAddr(dst, o.Client)
	dst = append(dst, "\r\nX-Forwarded-Proto: "...)
	if v := r.earlier(o, forwardedProto); v != nil {
		dst = append(dst, v...)
	} else {
		dst = append(dst, o.proto()...)
	}
	dst = r.appendForwardedHost(dst, o)
	dst = append(dst, "\r\nX-Real-IP: "...)
	if v := r.earlier(o, realIP); v != nil {
		dst = append(dst, v...)
	} else {
		dst = appendAddr(dst, o.Client)
	}
	dst = append(dst, "\r\nForwarded: "...)
	dst = r.appendEarlier(dst, o, forwarded)
	dst = r.appendElement(dst, o)
	return append(dst, "\r\n"...)
}

func (r *Request) appendForwardedHost(dst []byte, o *Forward) []byte {
	v := r.earlier(o, forwardedHost)
	if v == nil && r.NoHost && o.Host == "" {
		return dst
	}
	dst = append(dst, "\r\nX-Forwarded-Host: "...)
	if v != nil {
		return append(dst, v...)
	}
	return r.appendAuthority(dst, o)
}

// earlier is what a trusted proxy said in a field that has one value; nil if it
// said nothing, or more than one thing.
func (r *Request) earlier(o *Forward, k kind) []byte {
	if !o.Trusted {
		return nil
	}
	var v []byte
	for i := range r.fields {
		f := &r.fields[i]
		if f.kind != k {
			continue
		}
		if v != nil {
			return nil
		}
		v = f.value.of(r.buf)
	}
	if len(v) == 0 {
		return nil
	}
	return v
}

// appendEarlier appends the list that a trusted proxy sent, with a comma behind.
func (r *Request) appendEarlier(dst []byte, o *Forward, k kind) []byte {
	if !o.Trusted {
		return dst
	}
	for i := range r.fields {
		f := &r.fields[i]
		if f.kind != k {
			continue
		}
		v := f.value.of(r.buf)
		if len(v) == 0 || k == forwarded && !closesQuotes(v) {
			continue
		}
		dst = append(dst, v...)
		dst = append(dst, ", "...)
	}
	return dst
}

// closesQuotes reports whether what is written behind v is outside of quotes.
func closesQuotes(v []byte) bool {
	quoted := false
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '"':
			quoted = !quoted
		case v[i] == '\\' && quoted:
			i++
		}
	}
	return !quoted
}

// appendElement appends this proxy's part of Forwarded.
func (r *Request) appendElement(dst []byte, o *Forward) []byte {
	dst = appendNode(append(dst, "for="...), o.Client)
	if o.Local.IsValid() {
		dst = appendNode(append(dst, ";by="...), o.Local)
	}
	if !r.NoHost || o.Host != "" {
		dst = append(dst, ";host="...)
		from := len(dst)
		dst = append(dst, '"')
		dst = r.appendAuthority(dst, o)
		if isToken(dst[from+1:]) {
			dst = append(dst[:from], dst[from+1:]...)
		} else {
			dst = append(dst, '"')
		}
	}
	dst = append(dst, ";proto="...)
	return append(dst, o.proto()...)
}

// appendAddr appends an address without its port, "unknown" if there is none.
func appendAddr(dst []byte, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return append(dst, "unknown"...)
	}
	return a.Addr().Unmap().WithZone("").AppendTo(dst)
}

// appendNode appends an address as RFC 7239, section 6, has it.
func appendNode(dst []byte, a netip.AddrPort) []byte {
	if !a.Addr().Unmap().Is6() {
		return appendAddr(dst, a)
	}
	dst = append(dst, `"[`...)
	dst = appendAddr(dst, a)
	return append(dst, `]"`...)
}

// countVia counts the elements of a Via whose received-by is the pseudonym.
func countVia(list []byte, pseudonym string) int {
	n := 0
	for len(list) > 0 {
		var element []byte
		element, list, _ = bytes.Cut(list, []byte(","))
		_, by := word(element) // the protocol
		by, _ = word(by)
		if sameFold(by, []byte(pseudonym)) {
			n++
		}
	}
	return n
}

// word cuts the first word off.
func word(b []byte) (first, rest []byte) {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	i := 0
	for i < len(b) && !isBlank(b[i]) {
		i++
	}
	return b[:i], b[i:]
}
