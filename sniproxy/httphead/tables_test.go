package httphead_test

import (
	"strings"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

// accepted are requests as they may arrive, with what is understood of them.
var accepted = []struct {
	name   string
	raw    string
	host   string
	target string
}{
	{"browser", "GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n", "a.example", "/"},
	{"query", "GET /a/b?c=d&e=100% HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", "/a/b?c=d&e=100%"},
	{"what browsers do not encode", "GET /a|b?c={[d]}^`\" HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", "/a|b?c={[d]}^`\""},
	{"two slashes", "GET //b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", "//b.example/"},
	{"upper case", "GET / HTTP/1.1\r\nHOST: WWW.A.Example\r\n\r\n", "www.a.example", "/"},
	{"trailing dot", "GET / HTTP/1.1\r\nHost: a.example.\r\n\r\n", "a.example", "/"},
	{"trailing dot and port", "GET / HTTP/1.1\r\nHost: a.example.:8080\r\n\r\n", "a.example", "/"},
	{"empty port", "GET / HTTP/1.1\r\nHost: a.example:\r\n\r\n", "a.example", "/"},
	{"underscore", "GET / HTTP/1.1\r\nHost: my_host.example\r\n\r\n", "my_host.example", "/"},
	{"A-label", "GET / HTTP/1.1\r\nHost: xn--bcher-kva.example\r\n\r\n", "xn--bcher-kva.example", "/"},
	{"one label", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "localhost", "/"},
	{"IPv4", "GET / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n", "192.0.2.1", "/"},
	{"IPv6", "GET / HTTP/1.1\r\nHost: [2001:DB8:0::1]:80\r\n\r\n", "2001:db8::1", "/"},
	{"IPv6 without port", "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", "::1", "/"},
	{"space around values", "GET / HTTP/1.1\r\nHost: \t a.example \t\r\nX:\r\nY:z\r\n\r\n", "a.example", "/"},
	{"empty line in front", "\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", "/"},
	{"absolute form", "GET http://b.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n", "b.example", "/x?y"},
	{"absolute form with port", "GET HTTP://B.example:8080/x HTTP/1.1\r\nHost: a.example\r\n\r\n", "b.example", "/x"},
	{"absolute form without path", "GET http://b.example HTTP/1.1\r\nHost: a.example\r\n\r\n", "b.example", "/"},
	{"absolute form, IPv6", "GET http://[::1]:80/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "::1", "/"},
	{"absolute form in a query", "GET /?http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", "/?http://b.example/"},
	{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", "*"},
	{"asterisk of the absolute form", "OPTIONS http://b.example HTTP/1.1\r\nHost: a.example\r\n\r\n", "b.example", "*"},
	{"absolute form, options", "OPTIONS http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "b.example", "/"},
	{"old", "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n", "a.example", "/"},
	{"old without host", "GET / HTTP/1.0\r\n\r\n", "", "/"},
	{"old with absolute form", "GET http://a.example/ HTTP/1.0\r\n\r\n", "a.example", "/"},
	{"old that would keep the connection", "GET / HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n", "a.example", "/"},
	{"length", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello", "a.example", "/"},
	{"length with zeros", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0005\r\n\r\nhello", "a.example", "/"},
	{"length zero", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n", "a.example", "/"},
	{"length of a GET", "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello", "a.example", "/"},
	{"chunked", "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: Chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n", "a.example", "/"},
	{"expectation", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n", "a.example", "/"},
	{"old with expectation", "POST / HTTP/1.0\r\nHost: a.example\r\nContent-Length: 5\r\nExpect: x\r\n\r\n", "a.example", "/"},
	{"websocket", "GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: x\r\n\r\n", "a.example", "/ws"},
	{"h2c", "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", "a.example", "/"},
	{"listed", "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close, X-A ,,x-b\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n\r\n", "a.example", "/"},
	{"obs-text", "GET / HTTP/1.1\r\nHost: a.example\r\nX: gr\xc3\xbc\xdf\r\n\r\n", "a.example", "/"},
	{"unknown method", "PROPFIND / HTTP/1.1\r\nHost: a.example\r\nDepth: 1\r\n\r\n", "a.example", "/"},
	{"method in lower case", "get / HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", "/"},
	{"forged", "GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 1.1.1.1\r\nX_Forwarded_For: 1.1.1.1\r\nForwarded: for=\"1.1.1.1\r\nX-Real-IP: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b.example\r\nX-Forwarded-Server: b\r\nProxy: http://b.example\r\n\r\n", "a.example", "/"},
	{"passed once", "GET / HTTP/1.1\r\nHost: a.example\r\nVia: 1.0 fred, HTTP/1.1 Proxy1 (x)\r\n\r\n", "a.example", "/"},
	{"passed twice", "GET / HTTP/1.1\r\nHost: a.example\r\nVia: 1.0 proxy1, 1.1 fred\r\nVia: 1.1 proxy1\r\n\r\n", "a.example", "/"},
	{"acme", "GET /.well-known/acme-challenge/DGyRejmCefe7v4NfDGDKfA HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", "/.well-known/acme-challenge/DGyRejmCefe7v4NfDGDKfA"},
}

// refused are requests that servers have been known to read in different ways,
// and others that no server should get.
var refused = []struct {
	name   string
	raw    string
	status int
	why    httphead.Reason
}{
	// Which bytes are the body.
	{"length and coding", post("Content-Length: 4", "Transfer-Encoding: chunked"), 400, httphead.LengthAndCoding},
	{"coding and length", post("Transfer-Encoding: chunked", "Content-Length: 4"), 400, httphead.LengthAndCoding},
	{"coding and length zero", post("Transfer-Encoding: chunked", "Content-Length: 0"), 400, httphead.LengthAndCoding},
	{"two lengths", post("Content-Length: 4", "Content-Length: 5"), 400, httphead.TwoLengths},
	{"two equal lengths", post("Content-Length: 4", "Content-Length: 4"), 400, httphead.TwoLengths},
	{"two lengths in a list", post("Content-Length: 4, 5"), 400, httphead.BadLength},
	{"two equal lengths in a list", post("Content-Length: 4, 4"), 400, httphead.BadLength},
	{"length with a sign", post("Content-Length: +4"), 400, httphead.BadLength},
	{"length below zero", post("Content-Length: -4"), 400, httphead.BadLength},
	{"length in hexadecimal", post("Content-Length: 0x4"), 400, httphead.BadLength},
	{"length with a unit", post("Content-Length: 4 bytes"), 400, httphead.BadLength},
	{"length with a fraction", post("Content-Length: 4.0"), 400, httphead.BadLength},
	{"length with an underscore", post("Content-Length: 1_0"), 400, httphead.BadLength},
	{"length in quotes", post(`Content-Length: "4"`), 400, httphead.BadLength},
	{"empty length", post("Content-Length:"), 400, httphead.BadLength},
	{"length beyond 64 bits", post("Content-Length: 18446744073709551620"), 400, httphead.BadLength},
	{"length beyond 63 bits", post("Content-Length: 9223372036854775808"), 400, httphead.BadLength},
	{"length in other digits", post("Content-Length: \u0664"), 400, httphead.BadLength},
	{"length behind a vertical tab", post("Content-Length: \x0b4"), 400, httphead.BadValue},
	{"two codings", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400, httphead.TwoCodings},
	{"coding and identity", post("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), 400, httphead.TwoCodings},
	{"identity and coding", post("Transfer-Encoding: identity", "Transfer-Encoding: chunked"), 501, httphead.BadCoding},
	{"codings in a list", post("Transfer-Encoding: gzip, chunked"), 501, httphead.BadCoding},
	{"chunked twice in a list", post("Transfer-Encoding: chunked, chunked"), 501, httphead.BadCoding},
	{"chunked in front", post("Transfer-Encoding: chunked, identity"), 501, httphead.BadCoding},
	{"coding with a comma", post("Transfer-Encoding: chunked,"), 501, httphead.BadCoding},
	{"coding behind a comma", post("Transfer-Encoding: ,chunked"), 501, httphead.BadCoding},
	{"coding with a parameter", post("Transfer-Encoding: chunked;a=b"), 501, httphead.BadCoding},
	{"coding in quotes", post(`Transfer-Encoding: "chunked"`), 501, httphead.BadCoding},
	{"misspelt coding", post("Transfer-Encoding: xchunked"), 501, httphead.BadCoding},
	{"two words", post("Transfer-Encoding: chunked x"), 501, httphead.BadCoding},
	{"empty coding", post("Transfer-Encoding:"), 501, httphead.BadCoding},
	{"identity", post("Transfer-Encoding: identity"), 501, httphead.BadCoding},
	{"coding behind a vertical tab", post("Transfer-Encoding: \x0bchunked"), 400, httphead.BadValue},
	{"coding before a vertical tab", post("Transfer-Encoding: chunked\x0b"), 400, httphead.BadValue},
	{"coding behind NUL", post("Transfer-Encoding: \x00chunked"), 400, httphead.BadValue},
	{"coding behind a no-break space", post("Transfer-Encoding: \xa0chunked"), 501, httphead.BadCoding},
	{"coding in letters that fold", post("Transfer-Encoding: chun\u212aed"), 501, httphead.BadCoding},
	{"coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, httphead.OldCoding},

	// Where a line or field ends.
	{"space before the colon", post("Transfer-Encoding : chunked"), 400, httphead.BadName},
	{"tab before the colon", post("Content-Length\t: 4"), 400, httphead.BadName},
	{"space before the colon of Host", "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n", 400, httphead.BadName},
	{"space in front", post(" Transfer-Encoding: chunked"), 400, httphead.Folded},
	{"folded", post("X: y", " Transfer-Encoding: chunked"), 400, httphead.Folded},
	{"folded by a tab", post("Transfer-Encoding:", "\tchunked"), 501, httphead.BadCoding},
	{"folded length", post("X:", "\tz"), 400, httphead.Folded},
	{"folded first field", "GET / HTTP/1.1\r\n Host: b.example\r\nHost: a.example\r\n\r\n", 400, httphead.Folded},
	{"line feeds", "GET / HTTP/1.1\nHost: a.example\n\n", 400, httphead.BareLF},
	{"line feeds behind one line", "GET / HTTP/1.1\r\nHost: a.example\n\n", 400, httphead.BareLF},
	{"line feed in a field", post("X: y\nTransfer-Encoding: chunked"), 400, httphead.BareLF},
	{"line feed before the end", "GET / HTTP/1.1\r\nHost: a.example\r\n\n", 400, httphead.BareLF},
	{"line feed in a name", post("X\nContent-Length: 4"), 400, httphead.BareLF},
	{"carriage return in a field", post("X: y\rTransfer-Encoding: chunked"), 400, httphead.BareCR},
	{"carriage return in a name", post("X\rTransfer-Encoding: chunked"), 400, httphead.BadName},
	{"two carriage returns", "GET / HTTP/1.1\r\nHost: a.example\r\r\n\r\n", 400, httphead.BareCR},
	{"carriage return before the end", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\r\n\r\n", 400, httphead.BareCR},
	{"carriage returns alone", "GET / HTTP/1.1\rHost: a.example\r\r", 400, httphead.BadStartLine},
	{"NUL in a name", post("X\x00: y"), 400, httphead.BadName},
	{"NUL in a value", post("X: y\x00z"), 400, httphead.BadValue},
	{"DEL in a value", post("X: y\x7f"), 400, httphead.BadValue},
	{"escape sequence", post("X: \x1b[31m"), 400, httphead.BadValue},
	{"empty name", post(": chunked"), 400, httphead.BadName},
	{"no colon", post("Transfer-Encoding"), 400, httphead.BadName},
	{"name in quotes", post(`"Transfer-Encoding": chunked`), 400, httphead.BadName},
	{"name in brackets", post("[X]: y"), 400, httphead.BadName},
	{"name behind a no-break space", post("\xa0Transfer-Encoding: chunked"), 400, httphead.BadName},
	{"name of UTF-8", post("Gr\u00fc\u00df: x"), 400, httphead.BadName},
	{"two empty lines in front", "\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 400, httphead.BadMethod},
	{"space in front of the method", " GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 400, httphead.BadMethod},

	// Whom it is for.
	{"two hosts", "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", 400, httphead.TwoHosts},
	{"two equal hosts", "GET / HTTP/1.1\r\nHost: a.example\r\nhost: a.example\r\n\r\n", 400, httphead.TwoHosts},
	{"two hosts and absolute form", "GET http://c.example/ HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", 400, httphead.TwoHosts},
	{"two hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a.example\r\nHost: b.example\r\n\r\n", 400, httphead.TwoHosts},
	{"hosts in a list", hosted("a.example, b.example"), 400, httphead.BadHost},
	{"no host", "GET / HTTP/1.1\r\n\r\n", 400, httphead.NoHost},
	{"no host but absolute form", "GET http://a.example/ HTTP/1.1\r\n\r\n", 400, httphead.NoHost},
	{"empty host", hosted(""), 400, httphead.BadHost},
	{"empty host in HTTP/1.0", "GET / HTTP/1.0\r\nHost:\r\n\r\n", 400, httphead.BadHost},
	{"a dot", hosted("."), 400, httphead.BadHost},
	{"two dots behind", hosted("a.example.."), 400, httphead.BadHost},
	{"dot in front", hosted(".a.example"), 400, httphead.BadHost},
	{"host with user", hosted("b.example@a.example"), 400, httphead.BadHost},
	{"host with path", hosted("a.example/b"), 400, httphead.BadHost},
	{"host with backslash", hosted(`a.example\b`), 400, httphead.BadHost},
	{"host with query", hosted("a.example?b"), 400, httphead.BadHost},
	{"host with space", hosted("a.example b.example"), 400, httphead.BadHost},
	{"host with percent", hosted("a%2eexample"), 400, httphead.BadHost},
	{"host with NUL", hosted("a.example\x00.b.example"), 400, httphead.BadValue},
	{"host of UTF-8", hosted("b\u00fccher.example"), 400, httphead.BadHost},
	{"host with scheme", hosted("http://a.example"), 400, httphead.BadHost},
	{"port alone", hosted(":80"), 400, httphead.BadHost},
	{"port of letters", hosted("a.example:http"), 400, httphead.BadHost},
	{"port zero", hosted("a.example:0"), 400, httphead.BadHost},
	{"port with zeros", hosted("a.example:080"), 400, httphead.BadHost},
	{"port with a sign", hosted("a.example:+80"), 400, httphead.BadHost},
	{"port too large", hosted("a.example:65536"), 400, httphead.BadHost},
	{"two ports", hosted("a.example:80:80"), 400, httphead.BadHost},
	{"IPv6 without brackets", hosted("2001:db8::1"), 400, httphead.BadHost},
	{"IPv6 with zone", hosted("[fe80::1%25eth0]"), 400, httphead.BadHost},
	{"IPv6 unclosed", hosted("[::1"), 400, httphead.BadHost},
	{"IPv6 and more", hosted("[::1]a.example"), 400, httphead.BadHost},
	{"name in brackets as host", hosted("[a.example]"), 400, httphead.BadHost},
	{"IPv4 in brackets", hosted("[192.0.2.1]"), 400, httphead.BadHost},
	{"IPv4 in short", hosted("127.1"), 400, httphead.BadHost},
	{"IPv4 with zeros", hosted("127.000.000.001"), 400, httphead.BadHost},
	{"IPv4 as a number", hosted("2130706433"), 400, httphead.BadHost},
	{"IPv4 in hexadecimal", hosted("0x7f000001"), 400, httphead.BadHost},
	{"long label", hosted(strings.Repeat("a", 64) + ".example"), 400, httphead.BadHost},
	{"long name", hosted(strings.Repeat("a.", 130) + "example"), 400, httphead.BadHost},
	{"bad host and absolute form", "GET http://a.example/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400, httphead.BadHost},

	// The request line.
	{"absolute form with user", targeted("http://u@a.example/"), 400, httphead.BadHost},
	{"absolute form without host", targeted("http:///x"), 400, httphead.BadHost},
	{"absolute form with query alone", targeted("http://b.example?x"), 400, httphead.BadHost},
	{"https", targeted("https://a.example/"), 421, httphead.Misdirected},
	{"other scheme", targeted("ftp://a.example/"), 400, httphead.BadTarget},
	{"no slash", targeted("x"), 400, httphead.BadTarget},
	{"authority form", targeted("a.example:80"), 400, httphead.BadTarget},
	{"asterisk of GET", targeted("*"), 400, httphead.BadTarget},
	{"fragment", targeted("/x#y"), 400, httphead.BadTarget},
	{"space in the target", targeted("/x y"), 400, httphead.BadStartLine},
	{"tab in the target", targeted("/x\ty"), 400, httphead.BadTarget},
	{"UTF-8 in the target", targeted("/\u00fc"), 400, httphead.BadTarget},
	{"NUL in the target", targeted("/x\x00"), 400, httphead.BadTarget},
	{"percent in the path", targeted("/100%"), 400, httphead.BadTarget},
	{"percent before the query", targeted("/%f?a"), 400, httphead.BadTarget},
	{"percent and letters", targeted("/%zz"), 400, httphead.BadTarget},
	{"two spaces", "GET  / HTTP/1.1\r\nHost: a.example\r\n\r\n", 400, httphead.BadTarget},
	{"two spaces before the version", "GET /  HTTP/1.1\r\nHost: a.example\r\n\r\n", 400, httphead.BadStartLine},
	{"space behind the version", "GET / HTTP/1.1 \r\nHost: a.example\r\n\r\n", 400, httphead.BadStartLine},
	{"tab for space", "GET\t/ HTTP/1.1\r\nHost: a.example\r\n\r\n", 400, httphead.BadMethod},
	{"method of bytes", "G\xc3\x89T / HTTP/1.1\r\nHost: a.example\r\n\r\n", 400, httphead.BadMethod},
	{"method with colon", "GET: / HTTP/1.1\r\nHost: a.example\r\n\r\n", 400, httphead.BadMethod},
	{"no version", "GET /\r\n\r\n", 400, httphead.BadTarget},
	{"version in lower case", "GET / http/1.1\r\nHost: a.example\r\n\r\n", 400, httphead.BadStartLine},
	{"version with zeros", "GET / HTTP/01.1\r\nHost: a.example\r\n\r\n", 505, httphead.BadVersion},
	{"version 1.10", "GET / HTTP/1.10\r\nHost: a.example\r\n\r\n", 400, httphead.BadStartLine},
	{"version 1.2", "GET / HTTP/1.2\r\nHost: a.example\r\n\r\n", 505, httphead.BadVersion},
	{"version 0.9", "GET / HTTP/0.9\r\n\r\n", 505, httphead.BadVersion},
	{"version 2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, httphead.BadVersion},
	{"connect", "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", 405, httphead.NoTunnels},
	{"connect to a path", "CONNECT / HTTP/1.1\r\nHost: a.example\r\n\r\n", 405, httphead.NoTunnels},
	{"TLS", "\x16\x03\x01\x02\x00\x01", 400, httphead.BadMethod},
	{"a response", "HTTP/1.1 200 OK\r\n\r\n", 400, httphead.BadMethod},

	// The rest.
	{"expectation", post("Expect: 200-ok"), 417, httphead.BadExpectation},
	{"expectation and more", post("Expect: 100-continue, x"), 417, httphead.BadExpectation},
	{"connection of no tokens", post("Connection: a b"), 400, httphead.BadConnection},
	{"connection of many", post("Connection: a" + strings.Repeat(",a", 16)), 400, httphead.BadConnection},
	{"many fields", post(strings.Repeat("X: y\r\n", 100) + "X: y"), 431, httphead.TooLarge},
	{"long field", post("X: " + strings.Repeat("y", 16384)), 431, httphead.TooLarge},
	{"long target", targeted("/" + strings.Repeat("y", 16384)), 414, httphead.TooLong},
}

func post(fields ...string) string {
	return "POST / HTTP/1.1\r\nHost: a.example\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n0\r\n\r\n"
}

func hosted(host string) string { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n" }

func targeted(target string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: a.example\r\n\r\n"
}

// chunked are bodies in the chunked coding, followed by REST where they end.
var chunked = []struct {
	name string
	raw  string
	ok   bool
}{
	{"one chunk", "5\r\nhello\r\n0\r\n\r\nREST", true},
	{"no chunk", "0\r\n\r\nREST", true},
	{"many chunks", "1\r\na\r\nA\r\n0123456789\r\nb\r\n01234567890\r\n0\r\n\r\nREST", true},
	{"line ends in data", "4\r\n\r\n\r\n\r\n0\r\n\r\nREST", true},
	{"zeros in front", "0005\r\nhello\r\n000\r\n\r\nREST", true},
	{"extension", "5;a=b\r\nhello\r\n0;c\r\n\r\nREST", true},
	{"quoted extension", "5;a=\"b;c\\\"\"\r\nhello\r\n0\r\n\r\nREST", true},
	{"trailer", "5\r\nhello\r\n0\r\nX-Sum: abc\r\nY:\r\n\r\nREST", true},
	{"trailer of a long name", "0\r\nA-Name-Longer-Than-Any-That-Is-Known: x\r\n\r\nREST", true},
	{"as many extensions as data", strings.Repeat("400;"+strings.Repeat("a", 1000)+"\r\n"+strings.Repeat("b", 1024)+"\r\n", 20) + "0\r\n\r\nREST", true},

	{"no size", "\r\nhello\r\n0\r\n\r\n", false},
	{"size of letters", "g\r\nhello\r\n0\r\n\r\n", false},
	{"size with prefix", "0x5\r\nhello\r\n0\r\n\r\n", false},
	{"size with sign", "+5\r\nhello\r\n0\r\n\r\n", false},
	{"size below zero", "-5\r\nhello\r\n0\r\n\r\n", false},
	{"size with underscore", "1_0\r\nhello\r\n0\r\n\r\n", false},
	{"space before the size", " 5\r\nhello\r\n0\r\n\r\n", false},
	{"space behind the size", "5 \r\nhello\r\n0\r\n\r\n", false},
	{"space before an extension", "5 ;a\r\nhello\r\n0\r\n\r\n", false},
	{"size of 64 bits", "8000000000000000\r\n", false},
	{"size of 65 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n", false},
	{"size of many zeros", "00000000000000005\r\nhello\r\n0\r\n\r\n", false},
	{"line feed behind the size", "5\nhello\r\n0\r\n\r\n", false},
	{"carriage return behind the size", "5\rhello\r\n0\r\n\r\n", false},
	{"line feed behind data", "5\r\nhello\n0\r\n\r\n", false},
	{"carriage return behind data", "5\r\nhello\r0\r\n\r\n", false},
	{"nothing behind data", "5\r\nhello0\r\n\r\n", false},
	{"data too long", "5\r\nhello!\r\n0\r\n\r\n", false},
	{"data too short", "5\r\nhell\r\n0\r\n\r\n", false},
	{"line feed in an extension", "5;a\nhello\r\n0\r\n\r\n", false},
	{"carriage return in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n", false},
	{"NUL in an extension", "5;\x00\r\nhello\r\n0\r\n\r\n", false},
	{"line end in a quoted extension", "5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n", false},
	{"long extension", "5;" + strings.Repeat("a", 2000) + "\r\nhello\r\n0\r\n\r\n", false},
	{"more extensions than data", strings.Repeat("1;"+strings.Repeat("a", 500)+"\r\nb\r\n", 20) + "0\r\n\r\n", false},
	{"line feed at the end", "0\r\n\n", false},
	{"line feed before the end", "0\n\r\n", false},
	{"carriage returns at the end", "0\r\n\r\r\n", false},
	{"body behind the end", "0\r\nX\r\n\r\n", false},
	{"folded trailer", "0\r\nX: y\r\n z\r\n\r\n", false},
	{"trailer without a name", "0\r\n: y\r\n\r\n", false},
	{"trailer with space before the colon", "0\r\nX : y\r\n\r\n", false},
	{"line feed in a trailer", "0\r\nX: y\nZ: a\r\n\r\n", false},
	{"carriage return in a trailer", "0\r\nX: y\rZ: a\r\n\r\n", false},
	{"NUL in a trailer", "0\r\nX: \x00\r\n\r\n", false},
	{"trailer of framing", "0\r\nContent-Length: 5\r\n\r\n", false},
	{"trailer of coding", "0\r\ntransfer-encoding: chunked\r\n\r\n", false},
	{"trailer of routing", "0\r\nHost: b.example\r\n\r\n", false},
	{"trailer of routing, folded name", "0\r\nTransfer_Encoding: chunked\r\n\r\n", false},
	{"trailer about the client", "0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n", false},
	{"trailer about the client, longer", "0\r\nX-Forwarded-Something-Else: 192.0.2.1\r\n\r\n", false},
	{"trailer of the longest name known", "0\r\nProxy-Authorization: x\r\n\r\n", false},
	{"long trailers", "0\r\n" + strings.Repeat("X: yyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", 300) + "\r\n", false},
}

// relayed are responses as they may come, with what is understood of them.
var relayed = []struct {
	name                    string
	raw                     string
	x                       httphead.Exchange
	body                    string // length, chunked, close or none
	keepBackend, keepClient bool
}{
	{"length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", httphead.Exchange{}, "length", true, true},
	{"length zero", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", httphead.Exchange{}, "none", true, true},
	{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", httphead.Exchange{}, "chunked", true, true},
	{"close", "HTTP/1.1 200 OK\r\n\r\nok", httphead.Exchange{}, "close", false, false},
	{"no reason", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", httphead.Exchange{}, "length", true, true},
	{"no space before no reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", httphead.Exchange{}, "length", true, true},
	{"reason of UTF-8", "HTTP/1.1 404 Nicht gef\u00fcnden\r\nContent-Length: 0\r\n\r\n", httphead.Exchange{}, "none", true, true},
	{"backend closes", "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok", httphead.Exchange{}, "length", false, true},
	{"client closes", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", httphead.Exchange{CloseClient: true}, "length", true, false},
	{"backend was asked to close", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", httphead.Exchange{CloseBackend: true}, "length", false, true},
	{"old backend", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", httphead.Exchange{}, "length", false, true},
	{"old client", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", httphead.Exchange{HTTP10: true}, "length", false, false},
	{"head", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", httphead.Exchange{Head: true}, "none", true, true},
	{"head of chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", httphead.Exchange{Head: true}, "none", true, true},
	{"head of neither", "HTTP/1.1 200 OK\r\n\r\n", httphead.Exchange{Head: true}, "none", true, true},
	{"204", "HTTP/1.1 204 No Content\r\n\r\n", httphead.Exchange{}, "none", true, true},
	{"204 with length", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", httphead.Exchange{}, "none", false, true},
	{"204 chunked", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", httphead.Exchange{}, "none", false, true},
	{"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\nETag: \"x\"\r\n\r\n", httphead.Exchange{}, "none", true, true},
	{"100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", httphead.Exchange{}, "none", false, false},
	{"103", "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n", httphead.Exchange{}, "none", false, false},
	{"100 for an old client", "HTTP/1.1 100 Continue\r\n\r\n", httphead.Exchange{HTTP10: true}, "none", false, false},
	{"websocket", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n", httphead.Exchange{Upgrade: true}, "none", false, false},
	{"websocket refused", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", httphead.Exchange{Upgrade: true}, "none", true, true},
	{"listed", "HTTP/1.1 200 OK\r\nConnection: X-A, keep-alive\r\nKeep-Alive: timeout=5\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n", httphead.Exchange{}, "none", true, true},
}

// unrelayed are responses that a client could take for something else.
var unrelayed = []struct {
	name string
	raw  string
	x    httphead.Exchange
	why  httphead.Reason
}{
	{"length and coding", answer("Content-Length: 4", "Transfer-Encoding: chunked"), httphead.Exchange{}, httphead.LengthAndCoding},
	{"length and coding of HEAD", answer("Content-Length: 4", "Transfer-Encoding: chunked"), httphead.Exchange{Head: true}, httphead.LengthAndCoding},
	{"two lengths", answer("Content-Length: 4", "Content-Length: 5"), httphead.Exchange{}, httphead.TwoLengths},
	{"two equal lengths", answer("Content-Length: 4", "Content-Length: 4"), httphead.Exchange{}, httphead.TwoLengths},
	{"length in a list", answer("Content-Length: 4, 4"), httphead.Exchange{}, httphead.BadLength},
	{"length below zero", answer("Content-Length: -1"), httphead.Exchange{}, httphead.BadLength},
	{"other coding", answer("Transfer-Encoding: gzip, chunked"), httphead.Exchange{}, httphead.BadCoding},
	{"two codings", answer("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), httphead.Exchange{}, httphead.TwoCodings},
	{"coding of HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", httphead.Exchange{}, httphead.OldCoding},
	{"coding for HTTP/1.0", answer("Transfer-Encoding: chunked"), httphead.Exchange{HTTP10: true}, httphead.OldCoding},
	{"line feeds", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", httphead.Exchange{}, httphead.BareLF},
	{"carriage return in a value", answer("Location: /x\rSet-Cookie: a=b"), httphead.Exchange{}, httphead.BareCR},
	{"line feed in a value", answer("Location: /x\nSet-Cookie: a=b"), httphead.Exchange{}, httphead.BareLF},
	{"NUL in a value", answer("X: \x00"), httphead.Exchange{}, httphead.BadValue},
	{"folded", answer("X: y", " z"), httphead.Exchange{}, httphead.Folded},
	{"space before the colon", answer("Content-Length : 4"), httphead.Exchange{}, httphead.BadName},
	{"carriage return in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", httphead.Exchange{}, httphead.BareCR},
	{"NUL in the reason", "HTTP/1.1 200 O\x00K\r\n\r\n", httphead.Exchange{}, httphead.BadValue},
	{"no HTTP", "ICY 200 OK\r\n\r\n", httphead.Exchange{}, httphead.BadStartLine},
	{"HTTP/0.9", "<html>", httphead.Exchange{}, httphead.BadStartLine},
	{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", httphead.Exchange{}, httphead.BadVersion},
	{"TLS alert", "\x15\x03\x01\x00\x02\x02\x46", httphead.Exchange{}, httphead.BadStartLine},
	{"empty line in front", "\r\nHTTP/1.1 200 OK\r\n\r\n", httphead.Exchange{}, httphead.BadStartLine},
	{"status of two digits", "HTTP/1.1 99 X\r\n\r\n", httphead.Exchange{}, httphead.BadStartLine},
	{"status of four digits", "HTTP/1.1 2000 X\r\n\r\n", httphead.Exchange{}, httphead.BadStartLine},
	{"status 000", "HTTP/1.1 000 X\r\n\r\n", httphead.Exchange{}, httphead.BadStatus},
	{"status 600", "HTTP/1.1 600 X\r\n\r\n", httphead.Exchange{}, httphead.BadStatus},
	{"100 with length", "HTTP/1.1 100 Continue\r\nContent-Length: 4\r\n\r\n", httphead.Exchange{}, httphead.BadStatus},
	{"100 with coding", "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", httphead.Exchange{}, httphead.BadStatus},
	{"101 unasked", "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", httphead.Exchange{}, httphead.UnaskedSwitch},
	{"101 to another", "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", httphead.Exchange{Upgrade: true}, httphead.UnaskedSwitch},
	{"101 to nothing", "HTTP/1.1 101 X\r\n\r\n", httphead.Exchange{Upgrade: true}, httphead.UnaskedSwitch},
	{"long field", answer("X: " + strings.Repeat("y", 16384)), httphead.Exchange{}, httphead.TooLarge},
	{"long reason", "HTTP/1.1 200 " + strings.Repeat("y", 16384), httphead.Exchange{}, httphead.TooLong},
}

func answer(fields ...string) string {
	return "HTTP/1.1 200 OK\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n"
}
