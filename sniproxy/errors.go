package sniproxy

import (
	"errors"
	"fmt"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
)

// What a [Router] may answer instead of a [Decision]. Any other error counts as
// [ErrDenied].
var (
	ErrUnknownName = errors.New("sniproxy: no site has this name")
	ErrNoName      = errors.New("sniproxy: the client named no site")
	ErrDenied      = errors.New("sniproxy: not allowed")
	ErrLimited     = errors.New("sniproxy: too many connections")
)

// ErrServerClosed is what the Serve methods return after [Server.Shutdown] or
// [Server.Close].
var ErrServerClosed = errors.New("sniproxy: server closed")

// A Result is what became of a connection or request: one of the values of the
// label "result" of a metric.
type Result uint8

// The results.
const (
	Routed         Result = iota // a backend took it
	NoName                       // no SNI or Host, and no site for that
	UnknownName                  // no site has the name
	Malformed                    // not a ClientHello that all would read alike, or a bad HTTP head
	TooLarge                     // a ClientHello or HTTP head above the limit
	HelloTimeout                 // the hello was not whole in time
	NotTLS                       // the first byte is of another protocol
	BadProxyHeader               // a trusted front sent no PROXY header, or a wrong one
	Denied                       // the router or the guard says no
	Limited                      // too many connections
	BackendRefused               // no backend took the connection
	BackendTimeout               // no backend answered in time
	Aborted                      // the client left before it was routed
	results                      // how many there are
)

var resultNames = [results]string{
	"routed", "no_sni", "unknown_name", "malformed", "too_large", "hello_timeout", "not_tls",
	"bad_proxy_header", "denied", "limit", "backend_refused", "backend_timeout", "aborted",
}

// String is the name of the result in metrics and logs, such as "unknown_name".
func (r Result) String() string {
	if r >= results {
		return fmt.Sprintf("result(%d)", uint8(r))
	}
	return resultNames[r]
}

// A RefusedError says why a connection or request was not relayed.
type RefusedError struct {
	Result Result
	Alert  uint8 // the TLS alert that the client was sent, 0 = none
	Status int   // the HTTP status that the client was sent, 0 = none
	Err    error // the cause, may be nil
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Err == nil {
		return "sniproxy: refused: " + e.Result.String()
	}
	return fmt.Sprintf("sniproxy: refused: %v: %v", e.Result, e.Err)
}

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// refuse is the refusal that suits the result.
func refuse(r Result, err error) *RefusedError {
	e := &RefusedError{Result: r, Err: err}
	switch r {
	case NoName, UnknownName:
		e.Alert, e.Status = clienthello.AlertUnrecognizedName, 421
	case Malformed:
		e.Alert, e.Status = clienthello.AlertDecodeError, 400
	case TooLarge:
		e.Alert, e.Status = clienthello.AlertDecodeError, 431
	case HelloTimeout:
		e.Status = 408
	case Denied:
		e.Alert, e.Status = clienthello.AlertAccessDenied, 403
	case Limited:
		e.Alert, e.Status = clienthello.AlertInternalError, 503
	case BackendRefused:
		e.Alert, e.Status = clienthello.AlertInternalError, 502
	case BackendTimeout:
		e.Alert, e.Status = clienthello.AlertInternalError, 504
	}
	return e
}

// routeRefusal is what a router's error means to the client.
func routeRefusal(err error) *RefusedError {
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, ErrUnknownName):
		return refuse(UnknownName, err)
	case errors.Is(err, ErrNoName):
		return refuse(NoName, err)
	case errors.Is(err, ErrLimited):
		return refuse(Limited, err)
	}
	return refuse(Denied, err)
}
