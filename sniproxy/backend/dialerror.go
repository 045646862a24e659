package backend

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"time"
)

// ErrOvertaken is reported for an attempt to connect that had not succeeded when one
// that started later did. Who is overtaken again and again is slow or gone.
var ErrOvertaken = errors.New("backend: another address answered sooner")

// errTimeout says that an attempt was under way when the time was over.
var errTimeout = os.ErrDeadlineExceeded

// Attempt is one try to connect.
type Attempt struct {
	Addr netip.AddrPort
	Err  error
	Took time.Duration
}

// DialError says why none of the candidates could be connected to.
type DialError struct {
	// Attempts holds those that were made, in the order in which they ended.
	Attempts []Attempt
}

func (e *DialError) Error() string {
	var b strings.Builder
	b.WriteString("backend: no server answers: ")
	for i, a := range e.Attempts {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(a.Addr.String() + ": " + a.Err.Error())
	}
	return b.String()
}

// Unwrap returns the errors of all attempts.
func (e *DialError) Unwrap() []error {
	errs := make([]error, len(e.Attempts))
	for i, a := range e.Attempts {
		errs[i] = a.Err
	}
	return errs
}

// Timeout reports whether some attempt ran out of time, and none was answered by a
// refusal.
func (e *DialError) Timeout() bool {
	timeout := false
	for _, a := range e.Attempts {
		if !isTimeout(a.Err) {
			return false
		}
		timeout = true
	}
	return timeout
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}
