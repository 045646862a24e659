package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/access"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// Problem is what went wrong (RFC 9457). Its type is about:blank: the status says it.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Field is the field of the body, or the parameter, that is wrong.
	Field string `json:"field,omitempty"`
	// Number is in the panel's log too.
	Number string `json:"number,omitempty"`
}

const problemType = "application/problem+json"

func writeProblem(w http.ResponseWriter, p Problem) {
	p.Title = http.StatusText(p.Status)
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte("{}") // strings and numbers marshal
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // the reader has gone
}

// wrong is an error about a request.
type wrong struct {
	status int
	field  string
	detail string
}

func (w *wrong) Error() string { return w.detail }

// badField is an error about a field.
func badField(field, format string, args ...any) error {
	return &wrong{http.StatusBadRequest, field, fmt.Sprintf(format, args...)}
}

// statuses are those of errors whose text is for people.
func statuses() []struct {
	err    error
	status int
} {
	return []struct {
		err    error
		status int
	}{
		{account.ErrExpired, http.StatusUnauthorized},
		{account.ErrSlow, http.StatusTooManyRequests},
		{access.ErrReadOnly, http.StatusForbidden},
		{account.ErrForbidden, http.StatusForbidden},
		{model.ErrUnknown, http.StatusNotFound},
		{account.ErrUnknown, http.StatusNotFound},
		{model.ErrRefused, http.StatusConflict},
		{account.ErrInvalid, http.StatusUnprocessableEntity},
		{context.DeadlineExceeded, http.StatusGatewayTimeout},
	}
}

// fail answers with a problem.
func (c *call) fail(err error) {
	if w, ok := errors.AsType[*wrong](err); ok {
		writeProblem(c.w, Problem{Status: w.status, Field: w.field, Detail: w.detail})
		return
	}
	for _, known := range statuses() {
		if errors.Is(err, known.err) {
			c.headers(known.status, err)
			writeProblem(c.w, Problem{Status: known.status, Detail: detail(known.status, err)})
			return
		}
	}
	if errors.Is(err, context.Canceled) && c.r.Context().Err() != nil {
		writeProblem(c.w, Problem{Status: http.StatusUnauthorized, Detail: "the token ended meanwhile"})
		return // or nobody waits for an answer
	}
	number := rand.Text()[:10]
	c.s.log.Error("a request of the API failed", "number", number, "who", c.who.Name, "method", c.r.Method, "path", c.r.URL.Path, "error", err)
	writeProblem(c.w, Problem{Status: http.StatusInternalServerError, Number: number, Detail: "the panel's log has the cause under this number"})
}

// detail is what is told.
func detail(status int, err error) string {
	switch status {
	case http.StatusUnauthorized:
		return "send Authorization: Bearer and a token of your account that is good"
	case http.StatusGatewayTimeout:
		return "this takes long: look at what it is about before you try again"
	}
	return err.Error()
}

func (c *call) headers(status int, err error) {
	switch status {
	case http.StatusUnauthorized:
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="panel"`)
	case http.StatusTooManyRequests:
		if wait, ok := errors.AsType[*account.Wait](err); ok {
			c.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.For.Seconds()))))
		}
	}
}
