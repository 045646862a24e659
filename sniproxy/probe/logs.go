package probe

import "github.com/mythic-beasts/hostkit/sniproxy/proxyheader"

// LogLine is a line that a mismatch leaves in a server's log.
type LogLine struct {
	Program string // "nginx", "Apache" or "HAProxy"
	Log     string // which log, and from which level on if not by default
	Find    string // text to search for, as it stands in the log
	Example string // how such a line looks, in part
}

// LogLines returns what servers log when the proxy sends the header, or none,
// and the server expects one, or none. There are no lines where both fit, except
// that a server may know one version only. Programs that log nothing are left
// out: Apache closes connections that lack a header without a word.
func LogLines(proto Protocol, expects bool, sent proxyheader.Version) []LogLine {
	switch {
	case expects && sent == proxyheader.Off && proto == HTTP:
		return append(missing(`broken header: "GET / HTTP/1.1`), haproxyMissing)
	case expects && sent == proxyheader.Off:
		return append(missing(`broken header: "\x16\x03\x01... (the bytes as they are)`), haproxyMissing)
	case expects:
		return []LogLine{
			{nginx, "error log", `broken header: "`, `broken header: "... while reading PROXY protocol`},
			{haproxy, "log", "PROXY protocol header", "Received an invalid PROXY protocol header"},
		}
	case sent == proxyheader.V1:
		return unexpectedV1(proto)
	case sent == proxyheader.V2:
		return unexpectedV2(proto)
	}
	return nil
}

var haproxyMissing = LogLine{haproxy, "log", "does not look like a PROXY protocol header",
	"Received something which does not look like a PROXY protocol header"}

func missing(example string) []LogLine {
	return []LogLine{{nginx, "error log", `broken header: "`, example}}
}

// A TLS listener of nginx takes bytes that are no hello for plain HTTP, so that
// its lines are the same on both ports.
func unexpectedV1(proto Protocol) []LogLine {
	if proto == TLS {
		return []LogLine{
			{nginx, "access log", `"PROXY TCP`, `"PROXY TCP4 198.51.100.7 203.0.113.9 64221 443" 400`},
			apacheNoTLS, haproxyNoTLS,
		}
	}
	return []LogLine{
		{nginx, "access log", `"PROXY TCP`, `"PROXY TCP4 198.51.100.7 203.0.113.9 64221 80" 400`},
		{apache, "access log", `"PROXY TCP`, `"PROXY TCP4 198.51.100.7" 400`},
		haproxyBad,
	}
}

func unexpectedV2(proto Protocol) []LogLine {
	line := LogLine{nginx, "access log", `"\x00" 400`, `"\x00" 400`}
	if proto == TLS {
		return []LogLine{line, apacheNoTLS, haproxyNoTLS}
	}
	return []LogLine{line, {apache, "access log", `"" 400`, `"" 400`}, haproxyBad}
}

var (
	apacheNoTLS = LogLine{apache, "error log from LogLevel info", "wrong version number",
		"AH02008: SSL library error 1 in handshake; SSL Library Error: error:0A00010B:SSL routines::wrong version number"}
	haproxyNoTLS = LogLine{haproxy, "log", "SSL handshake failure", "https/1: SSL handshake failure"}
	haproxyBad   = LogLine{haproxy, "log", "<BADREQ>", `400 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"`}
)
