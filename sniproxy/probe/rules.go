package probe

import (
	"regexp"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// rule knows one kind of line.
type rule struct {
	match   *regexp.Regexp
	program string
	fault   Fault
	arrived proxyheader.Version
	detail  string // follows the text of the fault
	remedy  string // follows the remedies of the fault
}

const (
	tooLong = "It is longer than the server takes: nginx has room for 1024 bytes, Apache for 232."
	shorter = "Leave the authority and the unique ID out of the headers of this site."
	pieces  = "It may have come in pieces: a proxy must send it in one write."
	useV1   = "Set the PROXY protocol of this site to v1 at the proxy."
	anyTLS  = "HAProxy says the same of every handshake that fails, so it may have another cause."
)

// rules are tried in their order; the more special come first.
var rules = []rule{
	// nginx, the error log, "while reading PROXY protocol". The bytes stand in
	// it as they came, or escaped by who copied them.
	{match: line(`broken header: "PROXY (TCP[46]|UNKNOWN)`), program: nginx, fault: Damaged, arrived: proxyheader.V1, detail: pieces},
	{match: line(`broken header: "(\r|\\x0D|\\r|\^M|#015|$)`), program: nginx, fault: Damaged, arrived: proxyheader.V2,
		detail: "nginx knows version 2 from 1.13.11 on.", remedy: useV1},
	{match: line(`broken header: "P(R|RO|ROX|ROXY)?"`), program: nginx, fault: Damaged, arrived: proxyheader.V1, detail: pieces},
	{match: line(`broken header: "(\x16|\\x16|\\u0016|\^V|#026)`), program: nginx, fault: Missing, detail: "A TLS handshake came instead."},
	{match: line(`broken header: "(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|PRI) `), program: nginx, fault: Missing, detail: "An HTTP request came instead."},
	{match: line(`broken header: "" while`), program: nginx, fault: Gone},
	{match: line(`broken header: "`), program: nginx, fault: Missing},
	{match: line(`header is too large while reading PROXY protocol`), program: nginx, fault: Damaged, arrived: proxyheader.V2, detail: tooLong, remedy: shorter},
	{match: line(`unknown PROXY protocol version: \d+`), program: nginx, fault: Damaged, arrived: proxyheader.V2, detail: "Its version is not 2."},
	{match: line(`(client closed connection|client timed out.*) while reading PROXY protocol`), program: nginx, fault: Gone},

	// HAProxy.
	{match: line(`Received something which does not look like a PROXY protocol header`), program: haproxy, fault: Missing},
	{match: line(`Received an (invalid|unhandled protocol in the) PROXY protocol header`), program: haproxy, fault: Damaged,
		detail: "Its addresses are of two families or none, an extension is too long, or its checksum is wrong."},
	{match: line(`Truncated PROXY protocol header received`), program: haproxy, fault: Damaged, detail: pieces},
	{match: line(`(Connection closed|Connection error|Timeout) while waiting for PROXY protocol header`), program: haproxy, fault: Gone},

	// Apache, mod_remoteip, the error log.
	{match: line(`AH10186|AH10185`), program: apache, fault: Damaged, arrived: proxyheader.V2, detail: tooLong, remedy: shorter},
	{match: line(`AH03496`), program: apache, fault: Missing},
	{match: line(`AH10634`), program: apache, fault: Gone},
	{match: line(`AH(0349[79]|0350[012])`), program: apache, fault: Damaged, arrived: proxyheader.V1, detail: "The error log says which part of the line is wrong."},
	{match: line(`AH(03507|10183|1059[78])`), program: apache, fault: Damaged, arrived: proxyheader.V2, detail: "Apache takes version 2 for TCP over IPv4 and IPv6 only."},
	{match: line(`AH03513`), program: apache, fault: Damaged, arrived: proxyheader.V1, detail: "Apache does not take UNKNOWN."},

	// Access logs: the header in place of the request. Apache cuts it off.
	{match: line(`"PROXY TCP[46] [0-9a-fA-F.:]+" (400|408)`), program: apache, fault: Unexpected, arrived: proxyheader.V1},
	{match: line(`"PROXY (TCP[46] [^"]*|UNKNOWN[^"]*)" 400 \d+ "`), program: nginx, fault: Unexpected, arrived: proxyheader.V1},
	{match: line(`client sent invalid (request|method).*request: "PROXY (TCP[46]|UNKNOWN)`), program: nginx, fault: Unexpected, arrived: proxyheader.V1},
	{match: line(`client sent invalid (request|method).*request: "(\x00|\\x00|\\0|\^@|#000)"`), program: nginx, fault: Unexpected, arrived: proxyheader.V2},
	{match: line(`"(\\x0D\\x0A\\x0D\\x0A)?\\x00[^"]*" 400`), program: nginx, fault: Unexpected, arrived: proxyheader.V2},
	{match: line(`\] "" 400 \d+`), program: apache, fault: Unexpected, arrived: proxyheader.V2,
		detail: "Such a line stands for any bytes that are no request; a header of version 2 is the common cause behind a proxy."},
	{match: line(`PROXY (TCP[46] [0-9a-fA-F.:]+|UNKNOWN)`), fault: Unexpected, arrived: proxyheader.V1},

	// HAProxy's own lines for what is no request and no hello say no more.
	{match: line(`\bPR-- .*"<BADREQ>"`), program: haproxy, fault: Unexpected,
		detail: "Such a line stands for any bytes that are no request; a PROXY header is the common cause behind a proxy."},
	{match: line(`/\d+: SSL handshake failure`), program: haproxy, fault: NotTLS, detail: anyTLS},

	// TLS, at the server and at the client.
	{match: line(`AH02008|AH01996`), program: apache, fault: NotTLS},
	{match: line(`(?i)SSL Library Error.*(wrong version number|http request)`), program: apache, fault: NotTLS},
	{match: line(`SSL_do_handshake\(\) failed.*(wrong version number|http request)`), program: nginx, fault: NotTLS},
	{match: line(`(?i)wrong version number`), fault: NotTLS},
	{match: line(`ERR_SSL_PROTOCOL_ERROR|SSL_ERROR_RX_RECORD_TOO_LONG|first record does not look like a TLS handshake`), fault: NotTLS},
}

func line(expression string) *regexp.Regexp { return regexp.MustCompile(expression) }
