package acme

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"
)

const (
	maxBody        = 1 << 20
	maxRedirects   = 3
	maxRequests    = 64
	requestTimeout = time.Minute
)

var errRedirect = errors.New("redirected, which is refused")

// transportError is a request that brought no answer.
type transportError struct{ err error }

func (e *transportError) Error() string { return e.err.Error() }
func (e *transportError) Unwrap() error { return e.err }

// reply is an answer, read to its end.
type reply struct {
	url    string
	status int
	header http.Header
	body   []byte
}

// httpClient is a copy of the caller's client that goes nowhere else.
func (c *Client) httpClient() *http.Client {
	var h http.Client
	if c.HTTP != nil {
		h = *c.HTTP
	} else {
		t, ok := http.DefaultTransport.(*http.Transport)
		if ok {
			t = t.Clone()
			t.MaxIdleConnsPerHost = maxRequests // by HTTP/1.1
			h.Transport = t
		}
	}
	h.Jar = nil
	h.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		first := via[0]
		switch {
		case first.Method != http.MethodGet && first.Method != http.MethodHead:
			return fmt.Errorf("%w: a signed request", errRedirect)
		case req.URL.Scheme != "https" || req.URL.Host != first.URL.Host:
			return fmt.Errorf("%w: to %q", errRedirect, req.URL.Redacted())
		case len(via) > maxRedirects:
			return fmt.Errorf("%w: too often", errRedirect)
		}
		return nil
	}
	return &h
}

// checkURL refuses what the authority must not send us to.
func (c *Client) checkURL(s *state, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("%q is not an https URL", raw)
	}
	if c.SameHost && u.Host != s.host {
		return fmt.Errorf("%q is not at %q, the host of the directory", raw, s.host)
	}
	return nil
}

// do makes one request. An answer of 400 or more is an *Error.
func (c *Client) do(ctx context.Context, s *state, method, target string, body []byte) (*reply, error) {
	if err := c.checkURL(s, target); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.RequestTimeout, requestTimeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.userAgent())
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/jose+json")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, &transportError{err}
	}
	defer func() { _ = resp.Body.Close() }()
	r := &reply{url: target, status: resp.StatusCode, header: resp.Header}
	if r.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1)); err != nil {
		return nil, &transportError{fmt.Errorf("read the answer of %s: %w", target, err)}
	}
	c.log().DebugContext(ctx, "acme request", "method", method, "url", target, "status", r.status)
	switch {
	case r.status >= http.StatusBadRequest:
		return r, c.problem(r)
	case len(r.body) > maxBody:
		return nil, fmt.Errorf("the answer of %s is longer than %d octets", target, maxBody)
	case r.status >= http.StatusMultipleChoices:
		return nil, fmt.Errorf("the answer of %s has the status %d", target, r.status)
	}
	return r, nil
}

// userAgent is what RFC 8555 section 6.1 asks for.
func (c *Client) userAgent() string {
	return strings.TrimSpace(c.UserAgent + " hostkit-acme (" + runtime.GOOS + "; " + runtime.GOARCH + ")")
}
