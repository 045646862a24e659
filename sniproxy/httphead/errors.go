package httphead

import (
	"net/http"
	"strconv"
)

// Error is why a message is refused. It holds nothing that a stranger sent.
type Error struct {
	// Status is what to answer the client: for a request 400, 405, 414, 417,
	// 421, 431, 501, 505 or 508, for a response 502, and 500 for options of the
	// proxy's own that cannot be.
	Status int
	// Why is one of a fixed set, fit for a metric's label.
	Why Reason
}

func (e *Error) Error() string {
	return "httphead: " + e.Why.String() + " (" + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status) + ")"
}

// requestError is nil for 0.
func requestError(why Reason) error {
	if why == 0 {
		return nil
	}
	return &Error{Status: why.status(), Why: why}
}

// responseError is nil for 0.
func responseError(why Reason) error {
	if why == 0 {
		return nil
	}
	return &Error{Status: http.StatusBadGateway, Why: why}
}

// Reason says in which way a message is bad.
type Reason uint8

// Reasons.
const (
	BadStartLine    Reason = iota + 1 // the request line or status line is none
	BadMethod                         // the method is no token
	NoTunnels                         // CONNECT
	BadTarget                         // the request-target is none
	Misdirected                       // the target's scheme is https
	BadVersion                        // neither HTTP/1.0 nor HTTP/1.1
	BareLF                            // a line feed without carriage return
	BareCR                            // a carriage return without line feed
	Folded                            // a field that goes on in the next line
	BadName                           // a field's name is no token, or space follows it
	BadValue                          // a control byte in a field's value
	TooLarge                          // the head has too many bytes or fields
	TooLong                           // so has the first line alone
	NoHost                            // HTTP/1.1 without Host
	TwoHosts                          // more than one Host
	BadHost                           // the host is neither a name nor an address
	BadLength                         // Content-Length is no number
	TwoLengths                        // more than one Content-Length
	BadCoding                         // Transfer-Encoding is not chunked alone
	OldCoding                         // Transfer-Encoding in HTTP/1.0
	TwoCodings                        // more than one Transfer-Encoding
	LengthAndCoding                   // both Content-Length and Transfer-Encoding
	BadExpectation                    // Expect is not 100-continue
	BadConnection                     // Connection is no list of a few tokens
	BadChunk                          // a chunk's size, extension or end
	BadTrailer                        // a trailer field that may not be there
	Loop                              // the request was here twice before
	BadStatus                         // a status that cannot be relayed
	UnaskedSwitch                     // 101 without having been asked, or to something else
	BadOption                         // an option of the proxy's own
)

var reasons = [...]string{
	BadStartLine:    "malformed first line",
	BadMethod:       "malformed method",
	NoTunnels:       "CONNECT is not served",
	BadTarget:       "malformed request target",
	Misdirected:     "https target over plain HTTP",
	BadVersion:      "protocol version not served",
	BareLF:          "line feed without carriage return",
	BareCR:          "carriage return without line feed",
	Folded:          "folded field",
	BadName:         "malformed field name",
	BadValue:        "control byte in a field value",
	TooLarge:        "head too large",
	TooLong:         "first line too long",
	NoHost:          "no Host",
	TwoHosts:        "more than one Host",
	BadHost:         "malformed host",
	BadLength:       "malformed Content-Length",
	TwoLengths:      "more than one Content-Length",
	BadCoding:       "transfer coding other than chunked",
	OldCoding:       "Transfer-Encoding in HTTP/1.0",
	TwoCodings:      "more than one Transfer-Encoding",
	LengthAndCoding: "both Content-Length and Transfer-Encoding",
	BadExpectation:  "unknown expectation",
	BadConnection:   "malformed Connection",
	BadChunk:        "malformed chunk",
	BadTrailer:      "malformed or forbidden trailer field",
	Loop:            "request loop",
	BadStatus:       "status that cannot be relayed",
	UnaskedSwitch:   "switch of protocols that was not asked for",
	BadOption:       "malformed option of the proxy",
}

func (r Reason) String() string {
	if int(r) < len(reasons) && reasons[r] != "" {
		return reasons[r]
	}
	return "reason " + strconv.Itoa(int(r))
}

// status is what to answer a request that is bad for this reason.
func (r Reason) status() int {
	switch r {
	case NoTunnels:
		return http.StatusMethodNotAllowed
	case TooLong:
		return http.StatusRequestURITooLong
	case BadExpectation:
		return http.StatusExpectationFailed
	case Misdirected:
		return http.StatusMisdirectedRequest
	case TooLarge:
		return http.StatusRequestHeaderFieldsTooLarge
	case BadOption:
		return http.StatusInternalServerError
	case BadCoding:
		return http.StatusNotImplemented
	case BadVersion:
		return http.StatusHTTPVersionNotSupported
	case Loop:
		return http.StatusLoopDetected
	}
	return http.StatusBadRequest
}
