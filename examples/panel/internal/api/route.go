package api

import (
	"net/http"
	"reflect"
)

// route is one operation: what the mux and the OpenAPI document are made of.
type route struct {
	method, path string
	// id and summary are for the document.
	id, summary string
	// write is whether it changes something. open is whether it needs no token.
	write, open bool
	// status of success. Zero means 200, or 204 where there is no answer.
	status int
	// maybe is whether there may be no answer, which is 204.
	maybe bool
	// stream is whether it answers with events, and raw whether it writes its answer.
	stream, raw bool

	query, body, answer reflect.Type
	do                  func(*call) (any, error)
}

// nothing is where a route has no query, body or answer.
type nothing struct{}

// handle completes a route by its function: Q has the parameters, B the body, A the answer.
func handle[Q, B, A any](r route, fn func(*call, Q, B) (A, error)) route {
	r.query, r.body, r.answer = reflect.TypeFor[Q](), reflect.TypeFor[B](), reflect.TypeFor[A]()
	r.do = func(c *call) (any, error) {
		var q Q
		var b B
		if err := readQuery(c.r, &q); err != nil {
			return nil, err
		}
		if r.hasBody() {
			if err := readBody(c.w, c.r, &b); err != nil {
				return nil, err
			}
		}
		a, err := fn(c, q, b)
		if err == errNothing { //nolint:errorlint // it is never wrapped
			return nil, nil
		}
		return a, err
	}
	return r
}

func (r route) hasBody() bool   { return r.body != reflect.TypeFor[nothing]() }
func (r route) hasAnswer() bool { return r.answer != reflect.TypeFor[nothing]() }

func (r route) success() int {
	switch {
	case r.status != 0:
		return r.status
	case !r.hasAnswer() && !r.stream:
		return http.StatusNoContent
	}
	return http.StatusOK
}
