package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"syscall"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// Outcome is how a backend took one form of the question.
type Outcome uint8

// The outcomes.
const (
	// Unconnected: there was no connection.
	Unconnected Outcome = iota
	// Answered: the backend understood, by an HTTP status or a ServerHello.
	Answered
	// Alerted: a TLS alert that only a backend sends that has read the hello,
	// such as unrecognized_name. It counts when no form was answered.
	Alerted
	// Rejected: 400, or another answer to what was not understood.
	Rejected
	// Closed: the connection was closed without a byte.
	Closed
	// Reset: the connection was reset without a byte.
	Reset
	// Silent: nothing came in time.
	Silent
)

var outcomeNames = [...]string{"not connected", "answered", "answered by an alert", "rejected", "closed", "reset", "silent"}

// String returns the outcome in words.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// Attempt is one connection of a probe.
type Attempt struct {
	// Sent is the header before the question.
	Sent    proxyheader.Version
	Outcome Outcome
	// First are the first bytes of the answer, 64 at most. They are the
	// backend's: quote them.
	First []byte
	// Err is what ended the attempt, for a person to read; nil when it ended
	// well.
	Err error
}

// String is one line about the attempt.
func (a Attempt) String() string {
	sent := "without header"
	if a.Sent != proxyheader.Off {
		sent = "with header " + a.Sent.String()
	}
	s := sent + ": " + a.Outcome.String()
	if line, _, _ := bytes.Cut(a.First, []byte("\r\n")); len(line) > 0 && a.Outcome != Answered {
		return s + " (" + strconv.QuoteToASCII(string(line)) + ")"
	}
	if a.Outcome == Unconnected && a.Err != nil {
		return s + " (" + a.Err.Error() + ")"
	}
	return s
}

// classify judges one attempt by the beginning of the answer.
func classify(proto Protocol, sent proxyheader.Version, first []byte, err, ended error) (Outcome, error) {
	switch {
	case len(first) > 0 && proto == TLS:
		return classifyTLS(first), err
	case len(first) > 0:
		return classifyHTTP(sent, first), err
	case ended != nil:
		return Silent, fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Reset, err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return Closed, io.EOF
	}
	return Closed, err
}

// classifyHTTP goes by the status. A server that takes a header for a request
// says 400, or that it does not know the method or version; in answer to a bare
// request the latter are answers.
func classifyHTTP(sent proxyheader.Version, first []byte) Outcome {
	status := httpStatus(first)
	switch {
	case status < 100, status == 400:
		return Rejected
	case sent != proxyheader.Off && slices.Contains([]int{405, 408, 414, 431, 501, 505}, status):
		return Rejected
	}
	return Answered
}

// httpStatus is the status that an HTTP/1 answer begins with, 0 if it is none.
func httpStatus(first []byte) int {
	if len(first) < 12 || !bytes.HasPrefix(first, []byte("HTTP/1.")) {
		return 0
	}
	status, err := strconv.Atoi(string(first[9:12]))
	if err != nil {
		return 0
	}
	return status
}

// Records of TLS (RFC 8446, section 5.1).
const (
	recordAlert     = 21
	recordHandshake = 22
)

// understanding are the alerts (RFC 8446, section 6) that a server sends about
// what a hello says. The others may be the answer to bytes that are no hello.
var understanding = []byte{
	40,  // handshake_failure
	49,  // access_denied
	71,  // insufficient_security
	80,  // internal_error
	86,  // inappropriate_fallback
	109, // missing_extension
	110, // unsupported_extension
	112, // unrecognized_name
	116, // certificate_required
	120, // no_application_protocol
}

func classifyTLS(first []byte) Outcome {
	switch {
	case first[0] == recordHandshake:
		return Answered
	case first[0] == recordAlert && len(first) >= 7 && slices.Contains(understanding, first[6]):
		return Alerted
	}
	return Rejected
}
