package acme

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	lego "github.com/go-acme/lego/v4/acme"
)

// Types of problems, RFC 8555 section 6.7, that a caller may treat differently.
const (
	problemPrefix       = "urn:ietf:params:acme:error:"
	AccountDoesNotExist = problemPrefix + "accountDoesNotExist"
	AlreadyReplaced     = problemPrefix + "alreadyReplaced"
	AlreadyRevoked      = problemPrefix + "alreadyRevoked"
	BadNonce            = problemPrefix + "badNonce"
	CAA                 = problemPrefix + "caa"
	Connection          = problemPrefix + "connection"
	DNS                 = problemPrefix + "dns"
	IncorrectResponse   = problemPrefix + "incorrectResponse"
	InvalidProfile      = problemPrefix + "invalidProfile"
	OrderNotReady       = problemPrefix + "orderNotReady"
	RateLimited         = problemPrefix + "rateLimited"
	RejectedIdentifier  = problemPrefix + "rejectedIdentifier"
	ServerInternal      = problemPrefix + "serverInternal"
	Unauthorized        = problemPrefix + "unauthorized"
)

// Error is what an authority refused or found wrong: a problem document (RFC
// 7807), or an HTTP status without one. Its texts are the authority's; Error
// quotes them.
type Error struct {
	// Status is the HTTP status, 0 for a problem inside an order or challenge.
	Status int
	// Type is the URN of the problem, "" if there was no document.
	Type string
	// Detail is the authority's explanation.
	Detail string
	// Instance is a URL with more about it, or "".
	Instance string
	// Identifier is the name the problem is about, in subproblems and
	// authorizations.
	Identifier string
	// Subproblems say which of several names had which problem.
	Subproblems []Error
	// RetryAfter is how long the authority wants to be left alone, 0 if it does
	// not say. With 429 and 503 it must be honoured for the account and set of
	// names; others may go on.
	RetryAfter time.Duration
}

// Error quotes what the authority said.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("the authority says")
	if e.Status != 0 {
		fmt.Fprintf(&b, " %d", e.Status)
	}
	if e.Identifier != "" {
		fmt.Fprintf(&b, " of %q", e.Identifier)
	}
	if e.Type != "" {
		fmt.Fprintf(&b, " %q", strings.TrimPrefix(e.Type, problemPrefix))
	}
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %q", e.Detail)
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, " (try again in %v)", e.RetryAfter)
	}
	for i := range e.Subproblems {
		fmt.Fprintf(&b, "; %v", &e.Subproblems[i])
	}
	return b.String()
}

// Temporary says that the same request may succeed later without a change.
func (e *Error) Temporary() bool {
	return e.Status == 429 || e.Status >= 500 || e.Type == RateLimited || e.Type == ServerInternal || e.Type == BadNonce
}

const maxDetail = 1024

// problem reads the document of a refusal.
func (c *Client) problem(r *reply) *Error {
	e := &Error{Status: r.status, RetryAfter: retryAfter(r.header, c.now())}
	var doc lego.ProblemDetails
	if err := json.Unmarshal(r.body, &doc); err != nil {
		e.Detail = clip(string(r.body), 200)
		return e
	}
	e.fill(&doc)
	return e
}

// problemOf is a problem inside an object, or nil.
func problemOf(doc *lego.ProblemDetails, identifier string) *Error {
	if doc == nil {
		return nil
	}
	e := &Error{Identifier: identifier}
	e.fill(doc)
	return e
}

func (e *Error) fill(doc *lego.ProblemDetails) {
	e.Type, e.Detail, e.Instance = clip(doc.Type, maxDetail), clip(doc.Detail, maxDetail), clip(doc.Instance, maxDetail)
	for _, sub := range doc.SubProblems[:min(len(doc.SubProblems), 100)] {
		e.Subproblems = append(e.Subproblems, Error{
			Type: clip(sub.Type, maxDetail), Detail: clip(sub.Detail, maxDetail), Identifier: clip(sub.Identifier.Value, maxDetail),
		})
	}
}

func clip(s string, most int) string {
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
