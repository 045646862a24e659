package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/access"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// errInput is wrapped by errors about what somebody typed. Its text is for them.
var errInput = errors.New("not understood")

// input is an error about what somebody typed.
type input string

func (e input) Error() string { return string(e) }

func (e input) Is(target error) bool { return target == errInput }

// errTooFast is of who presses buttons faster than anybody does by hand.
var errTooFast = fmt.Errorf("%w: wait a moment before you press another button", account.ErrSlow)

// explain says what went wrong in words, and with which status.
func (p *visit) explain(err error) (status int, words string) {
	for _, known := range []struct {
		err    error
		status int
	}{
		{errInput, http.StatusUnprocessableEntity},
		{account.ErrInvalid, http.StatusUnprocessableEntity},
		{account.ErrLogin, http.StatusUnauthorized},
		{account.ErrExpired, http.StatusUnauthorized},
		{account.ErrClone, http.StatusUnauthorized},
		{account.ErrSlow, http.StatusTooManyRequests},
		{account.ErrBusy, http.StatusServiceUnavailable},
		{model.ErrRefused, http.StatusConflict},
	} {
		if errors.Is(err, known.err) {
			return known.status, sentence(err)
		}
	}
	number := rand.Text()[:8]
	p.site.log.Warn("a button failed", "number", number, "who", p.viewer.Name, "path", p.r.URL.Path, "err", err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "It took too long, and may be under way still. Look at its state before you try again. Number " + number + " in the panel's log."
	case p.viewer.Operator:
		return http.StatusBadGateway, "It could not be done: " + sentence(err) + " Number " + number + " in the panel's log."
	}
	return http.StatusBadGateway, "It could not be done. Try again, or tell support the number " + number + "."
}

// sentence is an error for people: without the names of packages in front.
func sentence(err error) string {
	words := err.Error()
	for {
		name, rest, ok := strings.Cut(words, ": ")
		if !ok || strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && r != '/' }) {
			break
		}
		words = rest
	}
	for _, known := range []error{model.ErrRefused, account.ErrInvalid} {
		words = strings.TrimSuffix(words, ": "+known.Error())
		words = strings.TrimPrefix(words, known.Error()+": ")
	}
	words = printable(words)
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:] + strings.TrimPrefix(".", words[len(words)-1:])
}

// failure is a page that says why there is no other.
type failure struct{ Words string }

// fail answers with a page that says what went wrong.
func (p *visit) fail(err error) {
	v := view{Template: "error"}
	var status int
	switch {
	case errors.Is(err, model.ErrUnknown):
		status, v.Title = http.StatusNotFound, "There is no such page"
		v.Data = failure{"Nothing of yours has this address. It may have been removed, or it was mistyped."}
	case forbidden(err):
		status, v.Title = http.StatusForbidden, "This is not for you"
		v.Data = failure{"You may look, and not do this."}
	default:
		var words string
		status, words = p.explain(err)
		v.Title, v.Data = "It was not done", failure{words}
	}
	p.render(status, v, "")
}

// forbidden reports whether an action was refused for who asked for it.
func forbidden(err error) bool {
	return errors.Is(err, access.ErrReadOnly) || errors.Is(err, account.ErrForbidden)
}
