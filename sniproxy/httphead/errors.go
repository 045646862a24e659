package httphead

import (
	"net/http"
	"strconv"
)

// Error is why a message is refused. It holds nothing that a stranger sent.
type Error struct {
	// Status is what to answer the client: 400, 405, 414, 417, 421, 431, 501,
	// 505 or 508 for a request, 502 for a response.
	Status int
	// Why is one of a fixed set, fit for a metric's label.
	Why Reason
}

func (e *Error) Error() string {
	return "httphead: " + e.Why.String() + " (" + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status) + ")"
}

// Reason says in which way a message is bad.
type Reason uint8

// Reasons.
const (
	BadStartLine Reason = iota + 1
)

func (r Reason) String() string { return "malformed first line" }
