package probe

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// Advice is what to tell the owner of a site.
type Advice struct {
	// OK: setting and server fit.
	OK bool
	// Text says what is wrong and what visitors see.
	Text string
	// Remedies are the ways out, any one of which is enough.
	Remedies []string
	// Logs are the lines by which the owner can check it.
	Logs []LogLine
}

// Advise compares what was found with the setting of the site at the proxy.
func (r *Report) Advise(setting proxyheader.Version) Advice {
	switch {
	case r.Verdict == Unclear, r.Verdict == Unreachable:
		return Advice{Text: r.Summary()}
	case r.Verdict.Accepts(setting):
		return Advice{OK: true, Text: fmt.Sprintf("%s The proxy's setting, %v, fits.", r.Summary(), setting)}
	case r.Verdict == ExpectsNone:
		return Advice{
			Text:     fmt.Sprintf("%s The proxy sends one of version %d all the same. %s", r.Summary(), setting, visitors(r.Protocol)),
			Remedies: append([]string{"Set the PROXY protocol of this site to off at the proxy."}, expectHeader(r.Protocol, "")...),
			Logs:     LogLines(r.Protocol, false, setting),
		}
	case setting == proxyheader.Off:
		return Advice{
			Text:     fmt.Sprintf("%s The proxy sends none. The server closes each connection that comes through the proxy.", r.Summary()),
			Remedies: append([]string{fmt.Sprintf("Set the PROXY protocol of this site to %v at the proxy.", wanted(r.Verdict))}, expectNone("")...),
			Logs:     LogLines(r.Protocol, true, proxyheader.Off),
		}
	}
	return Advice{
		Text:     fmt.Sprintf("%s The proxy sends version %d. The server closes each connection that comes through the proxy.", r.Summary(), setting),
		Remedies: []string{fmt.Sprintf("Set the PROXY protocol of this site to %v at the proxy.", wanted(r.Verdict))},
		Logs:     LogLines(r.Protocol, true, setting),
	}
}

// wanted is the setting for a server that expects a header: version 1 where it
// has the choice, as every server knows it.
func wanted(v Verdict) proxyheader.Version {
	if v == ExpectsV2 {
		return proxyheader.V2
	}
	return proxyheader.V1
}

// visitors says what a header leads to where none is expected.
func visitors(proto Protocol) string {
	if proto == TLS {
		return "The server takes it for the beginning of a TLS handshake: browsers show ERR_SSL_PROTOCOL_ERROR or SSL_ERROR_RX_RECORD_TOO_LONG, curl \"wrong version number\"."
	}
	return "The server takes it for the beginning of a request and answers 400."
}

// Names of programs, as in [Diagnosis] and [LogLine].
const (
	nginx   = "nginx"
	apache  = "Apache"
	haproxy = "HAProxy"
)

// expectHeader are the ways to have a server expect a header, for one program or
// for all.
func expectHeader(proto Protocol, program string) []string {
	listen, bind := "listen [::]:80 proxy_protocol;", "bind :::80 accept-proxy"
	if proto == TLS {
		listen, bind = "listen [::]:443 ssl proxy_protocol;", "bind :::443 accept-proxy"
	}
	return of(program, map[string]string{
		nginx:   "Or have nginx expect the header: \"" + listen + "\", with \"set_real_ip_from\" for the proxy's addresses and \"real_ip_header proxy_protocol;\". All who connect to that port must then send one.",
		apache:  "Or have Apache expect the header: \"a2enmod remoteip\" and \"RemoteIPProxyProtocol On\" in the virtual host; \"RemoteIPProxyProtocolExceptions\" names those who come without.",
		haproxy: "Or have HAProxy expect the header: \"" + bind + "\", or \"tcp-request connection expect-proxy layer4 if { src ... }\" for the proxy's addresses alone.",
	})
}

// expectNone are the ways to have a server expect no header.
func expectNone(program string) []string {
	return of(program, map[string]string{
		nginx:   "Or have nginx expect none: take proxy_protocol out of each \"listen\" of this port.",
		apache:  "Or have Apache expect none: \"RemoteIPProxyProtocol Off\" in the virtual host.",
		haproxy: "Or have HAProxy expect none: take accept-proxy out of the \"bind\" line.",
	})
}

// of picks the text for the program, or all of them in the order of how common
// they are.
func of(program string, texts map[string]string) []string {
	if text, ok := texts[program]; ok {
		return []string{text}
	}
	return []string{texts[nginx], texts[apache], texts[haproxy]}
}
