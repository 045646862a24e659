package sshd

import (
	"io"
	"net/netip"
	"time"
)

// What the tests of parts use.
var (
	Split    = split
	SourceOf = sourceOf
)

// NewSafeWriter is newSafeWriter.
func NewSafeWriter(w io.Writer, crlf bool) io.Writer { return newSafeWriter(w, crlf) }

// A Limiter is a limiter with limits.
type Limiter struct {
	limiter
	Max limits
}

// NewLimiter returns one.
func NewLimiter(conns, logins, perSource, failures int, every time.Duration) *Limiter {
	return &Limiter{Max: limits{conns, logins, perSource, failures, every}}
}

// Fail is a connection that fails to log in. It returns false if it was not
// admitted.
func (l *Limiter) Fail(from netip.Prefix, now time.Time) bool {
	if l.admit(from, now, l.Max) != "" {
		return false
	}
	l.leave(from, false, true, now, l.Max)
	return true
}

// Sources is how many are remembered.
func (l *Limiter) Sources() int { return len(l.sources) }
