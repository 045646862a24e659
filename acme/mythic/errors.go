package mythic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What an [Error] may be.
var (
	// ErrUnauthorized: the key, or the password, is not good.
	ErrUnauthorized = errors.New("the credentials were refused")
	// ErrDenied: the key is good, and may not do this.
	ErrDenied = errors.New("the key has no permission for this")
	// ErrRateLimited: too many requests; Error.RetryAfter says when to come again.
	ErrRateLimited = errors.New("too many requests")
	// ErrNotYet: not all name servers have the record.
	ErrNotYet = errors.New("not all name servers have the record yet")
)

// Error is an answer of the API that is no success.
type Error struct {
	// Op is what was asked for, on what.
	Op string
	// Status is that of HTTP. In the API v1 a command may fail with 200.
	Status int
	// Messages are the API's, shortened and without secrets. They are a server's bytes.
	Messages []string
	// RetryAfter is how long the server wants to be left alone; zero if it does not say.
	RetryAfter time.Duration

	kind   error
	advice string
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mythic: %s: the server answered %d", e.Op, e.Status)
	for i, m := range e.Messages {
		fmt.Fprintf(&b, "%s %q", []string{":", ","}[min(i, 1)], m)
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; it wants to be asked again in %v", e.RetryAfter)
	}
	if e.advice != "" {
		fmt.Fprintf(&b, "; %s", e.advice)
	}
	return b.String()
}

// Is knows the errors of this package.
func (e *Error) Is(target error) bool { return e.kind != nil && target == e.kind }

const (
	maxMessages = 8
	maxMessage  = 300
)

// newError is an answer as an error.
func newError(op string, r reply) *Error {
	e := &Error{Op: op, Status: r.status, RetryAfter: r.retryAfter}
	messages := r.messages()
	for _, m := range messages[:min(len(messages), maxMessages)] {
		e.Messages = append(e.Messages, short(redact(m, r.secrets...)))
	}
	switch r.status {
	case http.StatusUnauthorized:
		e.kind = ErrUnauthorized
	case http.StatusForbidden:
		e.kind, e.advice = ErrDenied, "see the key's permissions in the control panel"
	case http.StatusTooManyRequests:
		e.kind = ErrRateLimited
	case http.StatusNotFound:
		e.advice = "see that the zone is right, and the API's address"
	}
	if r.status >= 300 && r.status < 400 {
		e.advice = "redirects are not followed; see that the API's address is right"
	}
	return e
}

func short(m string) string {
	if len(m) <= maxMessage {
		return m
	}
	return strings.ToValidUTF8(m[:maxMessage], "\ufffd") + "…"
}

// messages are what an answer says of an error: those of its JSON, or else its text.
func (r reply) messages() []string {
	var said struct {
		Error       json.RawMessage `json:"error"`
		Description json.RawMessage `json:"error_description"`
		Errors      json.RawMessage `json:"errors"`
	}
	body := bytes.TrimSpace(r.body)
	switch {
	case len(body) == 0:
		return nil
	case body[0] == '<':
		return []string{"an HTML page"}
	case json.Unmarshal(body, &said) != nil:
		return []string{string(body)}
	}
	all := append(texts(said.Errors), texts(said.Error)...)
	return append(all, texts(said.Description)...)
}

// texts reads a string or a list of them.
func texts(raw json.RawMessage) []string {
	var one string
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return many
	}
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	return nil
}
