package probe

import (
	"fmt"
	"strings"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// Fault is what is wrong between a proxy and a server.
type Fault uint8

// The faults.
const (
	// Unexpected: a header came to a listener that expects none.
	Unexpected Fault = iota + 1
	// Missing: no header came to a listener that expects one.
	Missing
	// Damaged: a header came that the listener does not take.
	Damaged
	// NotTLS: something other than TLS came, or came back, where TLS was
	// expected. A header that nobody expects is the common cause.
	NotTLS
	// Gone: the peer went before its header was there. Checks that only connect
	// do so; it harms nothing.
	Gone
)

var faultNames = [...]string{"none", "unexpected header", "missing header", "damaged header", "not TLS", "gone before the header"}

// String returns the fault in words.
func (f Fault) String() string {
	if int(f) < len(faultNames) {
		return faultNames[f]
	}
	return fmt.Sprintf("Fault(%d)", uint8(f))
}

// Diagnosis is what a line of a log says.
type Diagnosis struct {
	Fault Fault
	// Program wrote the line: "nginx", "Apache", "HAProxy", or "" where the line
	// does not tell.
	Program string
	// Arrived is the version of the header that came, Off if none did or the
	// line does not tell.
	Arrived proxyheader.Version
	// Text says what is wrong.
	Text string
	// Remedies are the ways out, any one of which is enough.
	Remedies []string
}

// maxLine bounds what is read of a line, in bytes.
const maxLine = 4096

// Explain reads one line of a server's log, or the error message of a client,
// and says what is wrong. It returns false for a line that says nothing about
// the PROXY protocol. Several lines may be given: the first that says something
// counts. Nothing of the line is in the answer.
func Explain(line string) (Diagnosis, bool) {
	for l := range strings.Lines(line) {
		l = strings.TrimRight(l[:min(len(l), maxLine)], "\r\n")
		for _, r := range rules {
			if r.match.MatchString(l) {
				return r.diagnosis(), true
			}
		}
	}
	return Diagnosis{}, false
}

// diagnosis puts the rule in words.
func (r rule) diagnosis() Diagnosis {
	d := Diagnosis{Fault: r.fault, Program: r.program, Arrived: r.arrived}
	server := "The server"
	if r.program != "" {
		server = r.program
	}
	switch r.fault {
	case Unexpected:
		d.Text = server + " got a PROXY header" + version(r.arrived) + " on a port where it expects none, and took it for a request."
		d.Remedies = append([]string{proxyOff}, expectHeader(HTTP, r.program)...)
	case Missing:
		d.Text = server + " expects a PROXY header on this port, and got a connection without one."
		d.Remedies = append([]string{"Turn the PROXY protocol on for this site at the proxy. If the line is about visitors who come directly and not through the proxy, give the proxy a port of its own."}, expectNone(r.program)...)
	case Damaged:
		d.Text = server + " got a PROXY header" + version(r.arrived) + " that it does not take."
	case NotTLS:
		d.Text = "Something other than TLS came where TLS was expected. With a proxy in between, a PROXY header to a server that expects none is the common cause."
		d.Remedies = append([]string{proxyOff}, expectHeader(TLS, r.program)...)
	case Gone:
		d.Text = "Somebody connected to " + strings.Replace(server, "The", "the", 1) + " and went without a PROXY header. Checks that only connect do so; it harms nothing."
	}
	if r.detail != "" {
		d.Text += " " + r.detail
	}
	if r.remedy != "" {
		d.Remedies = append(d.Remedies, r.remedy)
	}
	return d
}

func version(v proxyheader.Version) string {
	if v == proxyheader.Off {
		return ""
	}
	return fmt.Sprintf(" of version %d", v)
}

const proxyOff = "Turn the PROXY protocol off for this site at the proxy."
