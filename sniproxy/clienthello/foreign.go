package clienthello

// methods are the beginnings of HTTP requests in the clear.
var methods = [...]string{
	"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "CONNECT ", "TRACE ", "PATCH ", "PRI * HTTP/2.0",
}

// foreign says what else than TLS begins so; 0 while it is too short to tell.
func foreign(b []byte) Reason {
	if b[0]&0x80 != 0 {
		return sslv2(b)
	}
	undecided := false
	for _, m := range methods {
		n := min(len(m), len(b))
		if string(b[:n]) != m[:n] {
			continue
		}
		if n == len(m) {
			return PlainHTTP
		}
		undecided = true
	}
	if undecided {
		return 0
	}
	return NotTLS
}

// sslv2 tells a hello in the format of RFC 5246 appendix E.2: a length of two
// bytes with the top bit set, the type, the version.
func sslv2(b []byte) Reason {
	switch {
	case len(b) < 3:
		return 0
	case b[2] == typeClientHello:
		return SSLv2
	}
	return NotTLS
}
