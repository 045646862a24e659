package mythic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	maxBody    = 1 << 20          // of an answer
	maxHeader  = 64 << 10         // of an answer
	maxConns   = 50               // to one server at a time
	idleTime   = 4 * time.Second  // less than the 5 s after which the servers close
	maxWait    = 30 * time.Second // that a server may ask for with Retry-After
	retries    = 3                // after answers that say "later"
	firstWait  = 250 * time.Millisecond
	oneRequest = 30 * time.Second
)

// call is a request. It may be sent more than once.
type call struct {
	op          string // what it is for, in errors
	method      string
	url         string
	contentType string
	body        []byte
	// authorize adds the credentials; nil adds none. It is asked before every attempt.
	authorize func(context.Context, *http.Request) error
}

// reply is an answer that has been read.
type reply struct {
	status     int
	retryAfter time.Duration
	body       []byte
	secrets    []string // that were sent, and that the server may repeat
}

// exchange sends requests and reads their answers, for one client.
type exchange struct {
	client  *http.Client
	timeout time.Duration
	log     *slog.Logger

	mu    sync.Mutex
	quiet time.Time // guarded by mu; until when the server wants no requests
}

func newExchange(user *http.Client, network string, timeout time.Duration, log *slog.Logger) (*exchange, error) {
	if network != "" && network != "tcp4" && network != "tcp6" {
		return nil, fmt.Errorf(`mythic: network %q: it must be "tcp4", "tcp6" or empty`, network)
	}
	if timeout <= 0 {
		timeout = oneRequest
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	transport := http.DefaultTransport
	if user != nil && user.Transport != nil {
		transport = user.Transport
	}
	if own, ok := transport.(*http.Transport); ok {
		transport = ownTransport(own, network)
	}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client := &http.Client{Transport: transport, CheckRedirect: noRedirect}
	return &exchange{client: client, timeout: timeout, log: log}, nil
}

// ownTransport is a copy of the user's, with limits, that connects by one family.
func ownTransport(t *http.Transport, network string) *http.Transport {
	t = t.Clone()
	f := &family{base: t.DialContext, fixed: network}
	if f.base == nil {
		f.base = (&net.Dialer{}).DialContext
	}
	t.DialContext = f.dial
	t.MaxConnsPerHost, t.MaxIdleConnsPerHost = maxConns, maxConns
	t.IdleConnTimeout = idleTime
	t.MaxResponseHeaderBytes = maxHeader
	return t
}

// do sends a request until there is an answer that is not "later": again at once if the
// connection broke, which idle ones do, and after a while if the server is busy.
func (x *exchange) do(ctx context.Context, c call) (reply, error) {
	broken := false
	for attempt := 0; ; attempt++ {
		if err := x.pause(ctx, c.op); err != nil {
			return reply{}, err
		}
		r, final, err := x.once(ctx, c)
		switch {
		case ctx.Err() != nil:
			return r, fmt.Errorf("mythic: %s: %w", c.op, context.Cause(ctx))
		case err != nil && (final || broken):
			return r, err
		case err != nil:
			broken = true
			x.log.Warn("a DNS API request is repeated", "request", c.op, "error", err)
			continue
		case !later(r.status):
			return r, nil
		}
		wait := r.retryAfter
		if wait == 0 {
			wait = backoff(attempt)
		}
		if r.status == http.StatusTooManyRequests {
			x.hush(wait)
		}
		if attempt >= retries || wait > maxWait {
			return r, nil
		}
		x.log.Warn("a DNS API request is repeated", "request", c.op, "status", r.status, "in", wait)
		if err := sleep(ctx, wait); err != nil {
			return r, fmt.Errorf("mythic: %s: waiting after status %d: %w", c.op, r.status, err)
		}
	}
}

// once is one attempt. An error is final if another attempt would not help.
func (x *exchange) once(ctx context.Context, c call) (r reply, final bool, err error) {
	limited, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, c.method, c.url, bytes.NewReader(c.body))
	if err != nil {
		return r, true, fmt.Errorf("mythic: %s: %w", c.op, err)
	}
	req.Header.Set("User-Agent", "hostkit acme/mythic")
	req.Header.Set("Accept", "application/json, text/plain")
	if c.contentType != "" {
		req.Header.Set("Content-Type", c.contentType)
	}
	if c.authorize != nil {
		if err := c.authorize(ctx, req); err != nil {
			return r, true, err
		}
	}
	resp, err := x.client.Do(req)
	if err != nil {
		return r, false, fmt.Errorf("mythic: %s: %w", c.op, err)
	}
	defer func() { _ = resp.Body.Close() }()
	r.status, r.retryAfter = resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"), time.Now())
	r.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return r, false, fmt.Errorf("mythic: %s: reading the answer: %w", c.op, err)
	}
	if len(r.body) > maxBody {
		return r, true, fmt.Errorf("mythic: %s: the answer has more than %d bytes", c.op, maxBody)
	}
	return r, false, nil
}

// later reports whether a status asks for another try.
func later(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// backoff grows from 250 ms, with as much chance again.
func backoff(attempt int) time.Duration {
	wait := firstWait << attempt
	return wait/2 + rand.N(wait) //nolint:gosec // not a secret
}

// retryAfter reads the header (RFC 9110 section 10.2.3): seconds, or a date. Zero
// means that it says nothing.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// hush keeps all requests of the client back for a while.
func (x *exchange) hush(wait time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if until := time.Now().Add(wait); until.After(x.quiet) {
		x.quiet = until
	}
}

// pause waits while the server wants no requests, if that is not for long.
func (x *exchange) pause(ctx context.Context, op string) error {
	x.mu.Lock()
	wait := time.Until(x.quiet)
	x.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	if wait > maxWait {
		return newError(op, reply{status: http.StatusTooManyRequests, retryAfter: wait})
	}
	if err := sleep(ctx, wait); err != nil {
		return fmt.Errorf("mythic: %s: waiting as the server asked: %w", op, err)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// address parses the address of an API. Credentials are sent there, so it must be
// HTTPS; and they do not belong into it, since it is in errors.
func address(configured, standard string) (*url.URL, error) {
	if configured == "" {
		configured = standard
	}
	u, err := url.Parse(configured)
	switch {
	case err != nil:
		return nil, errors.New("mythic: the address of an API is no URL")
	case u.User != nil:
		return nil, fmt.Errorf("mythic: address %s: it must have no user or password", u.Redacted())
	case u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("mythic: address %s: it must begin with https://", u)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("mythic: address %s: it must have no query", u)
	}
	return u, nil
}
