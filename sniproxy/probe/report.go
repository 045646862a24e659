package probe

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// Verdict is what a backend expects.
type Verdict uint8

// The verdicts.
const (
	// Unclear: none of the three forms was answered.
	Unclear Verdict = iota
	// ExpectsNone: no header.
	ExpectsNone
	// ExpectsV1: a header of version 1, and nothing else.
	ExpectsV1
	// ExpectsV2: a header of version 2, and nothing else.
	ExpectsV2
	// ExpectsAny: a header, of either version.
	ExpectsAny
	// Optional: it answers with and without a header. Whoever can connect may
	// then claim any address.
	Optional
	// Unreachable: it cannot be connected to.
	Unreachable
)

var verdictNames = [...]string{"unclear", "none", "v1", "v2", "any", "optional", "unreachable"}

// String returns "none", "v1", "v2", "any", "optional", "unreachable" or
// "unclear".
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}

// MarshalText returns what String does.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Accepts reports whether a proxy with the setting gets through.
func (v Verdict) Accepts(setting proxyheader.Version) bool {
	switch v {
	case ExpectsNone:
		return setting == proxyheader.Off
	case ExpectsV1:
		return setting == proxyheader.V1
	case ExpectsV2:
		return setting == proxyheader.V2
	case ExpectsAny:
		return setting == proxyheader.V1 || setting == proxyheader.V2
	}
	return v == Optional
}

// Report is what came of a probe.
type Report struct {
	Addr     netip.AddrPort
	Protocol Protocol
	Name     string
	Verdict  Verdict
	// Attempts are those made: one when there was no connection, else three,
	// for no header, version 1 and version 2.
	Attempts []Attempt
}

// judge draws the verdict. An answer counts more than an alert; without all
// three forms there is none.
func judge(attempts []Attempt) Verdict {
	for i, a := range attempts {
		switch {
		case a.Outcome != Unconnected:
		case i == 0:
			return Unreachable
		default:
			return Unclear
		}
	}
	for _, wanted := range []Outcome{Answered, Alerted} {
		var got [3]bool // by version
		any := false
		for _, a := range attempts {
			if a.Outcome == wanted {
				got[a.Sent], any = true, true
			}
		}
		if any {
			return pattern(got)
		}
	}
	return Unclear
}

// pattern is the verdict for the forms, at least one, that were answered.
func pattern(got [3]bool) Verdict {
	none, v1, v2 := got[proxyheader.Off], got[proxyheader.V1], got[proxyheader.V2]
	switch {
	case none && (v1 || v2):
		return Optional
	case none:
		return ExpectsNone
	case v1 && v2:
		return ExpectsAny
	case v1:
		return ExpectsV1
	}
	return ExpectsV2
}

// Summary says in one sentence or two what was found.
func (r *Report) Summary() string {
	who := fmt.Sprintf("The %s server at %v", r.Protocol, r.Addr)
	switch r.Verdict {
	case ExpectsNone:
		return who + " expects no PROXY header."
	case ExpectsV1:
		return who + " expects a PROXY header of version 1, and does not take version 2."
	case ExpectsV2:
		return who + " expects a PROXY header of version 2, and does not take version 1."
	case ExpectsAny:
		return who + " expects a PROXY header, of version 1 or 2."
	case Optional:
		return who + " answers with and without a PROXY header. Anybody who can connect to it may claim to be any client: have it require the header from the proxy, and take none from others."
	case Unreachable:
		return who + " cannot be reached: " + r.unconnected() + "."
	}
	return who + " gave no answer that tells what it expects" + r.hint() + "."
}

// unconnected is why there was no connection.
func (r *Report) unconnected() string {
	for _, a := range r.Attempts {
		if a.Outcome == Unconnected && a.Err != nil {
			return a.Err.Error()
		}
	}
	return "no connection"
}

// hint says more about an unclear probe.
func (r *Report) hint() string {
	silent, http, tls := 0, 0, 0
	for _, a := range r.Attempts {
		switch {
		case a.Outcome == Silent:
			silent++
		case httpStatus(a.First) > 0:
			http++
		case len(a.First) > 0 && (a.First[0] == recordAlert || a.First[0] == recordHandshake):
			tls++
		}
	}
	switch {
	case silent == len(r.Attempts):
		return ": it takes connections but says nothing"
	case r.Protocol == TLS && http > 0:
		return ": it answers in plain HTTP, so this port seems not to speak TLS"
	case r.Protocol == HTTP && tls > 0:
		return ": it answers in TLS, so this port seems not to speak plain HTTP"
	case r.Protocol == HTTP && http == len(r.Attempts):
		return fmt.Sprintf(": it says 400 to each form; does it know the name %q?", r.Name)
	}
	var all []string
	for _, a := range r.Attempts {
		all = append(all, a.String())
	}
	return ": " + strings.Join(all, ", ")
}
