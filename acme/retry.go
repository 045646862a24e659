package acme

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxBadNonces = 20
	maxFaults    = 6 // answers of 5xx to one request
	maxLost      = 2
	firstPause   = 20 * time.Millisecond
	longestPause = 5 * time.Second
)

// post sends a signed request. A nil payload is POST-as-GET. A nonce that the
// authority refuses is replaced; a 5xx is tried again, a few times.
func (c *Client) post(ctx context.Context, s *state, as *signer, url string, payload []byte) (*reply, error) {
	var fresh string // from the last reply
	var t tries
	for {
		r, err := c.postOnce(ctx, s, as, url, fresh, payload)
		if err == nil || ctx.Err() != nil {
			return r, err
		}
		pause, again := t.again(err, c.Poll.maxRetryAfter())
		if !again {
			return r, err
		}
		fresh = ""
		if r != nil {
			fresh = r.header.Get("Replay-Nonce")
		}
		if cause := sleep(ctx, jitter(pause)); cause != nil {
			return nil, errors.Join(cause, err)
		}
	}
}

// tries counts why one request is sent again.
type tries struct{ nonces, faults, lost int }

// again says whether to send it again, and after which pause. What was lost on
// the way is safe to repeat: no request of this protocol does harm twice.
func (t *tries) again(err error, longest time.Duration) (time.Duration, bool) {
	var p *Error
	var lost *transportError
	switch {
	case errors.As(err, &p) && p.Type == BadNonce:
		t.nonces++
		if t.nonces <= 2 {
			return 0, true
		}
		return backoff(firstPause, t.nonces-2), t.nonces <= maxBadNonces
	case errors.As(err, &p) && p.Status >= 500:
		t.faults++
		return max(backoff(5*firstPause, t.faults), p.RetryAfter), t.faults <= maxFaults && p.RetryAfter <= longest
	case errors.As(err, &lost) && !errors.Is(err, errRedirect):
		t.lost++
		return backoff(5*firstPause, t.lost), t.lost <= maxLost
	}
	return 0, false
}

func (c *Client) postOnce(ctx context.Context, s *state, as *signer, url, nonce string, payload []byte) (*reply, error) {
	if err := s.requests.lock(ctx); err != nil {
		return nil, err
	}
	defer s.requests.unlock()
	nonce, err := c.nonce(ctx, s, nonce)
	if err != nil {
		return nil, err
	}
	body, err := as.sign(url, nonce, payload)
	if err != nil {
		return nil, err
	}
	r, err := c.do(ctx, s, http.MethodPost, url, body)
	// The nonce of a refusal is for the next try.
	if err == nil {
		s.nonces.put(r.header.Get("Replay-Nonce"), c.now())
	}
	return r, err
}

// nonce is the one given, one of the pool, or a new one.
func (c *Client) nonce(ctx context.Context, s *state, fresh string) (string, error) {
	if fresh != "" {
		return fresh, nil
	}
	if n := s.nonces.take(c.now()); n != "" {
		return n, nil
	}
	d, err := c.directory(ctx, s)
	if err != nil {
		return "", err
	}
	r, err := c.do(ctx, s, http.MethodHead, d.NewNonceURL, nil)
	if err != nil {
		return "", fmt.Errorf("get a nonce: %w", err)
	}
	n := r.header.Get("Replay-Nonce")
	if n == "" || len(n) > maxNonceLength {
		return "", fmt.Errorf("get a nonce: %s answered without one", d.NewNonceURL)
	}
	return n, nil
}

// backoff doubles with every try.
func backoff(first time.Duration, try int) time.Duration {
	return min(first<<min(try-1, 16), longestPause)
}

// jitter lengthens a wait by up to a fifth.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d + rand.N(d/5+1) //nolint:gosec // a wait, not a key
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 && ctx.Err() == nil {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

const longestRetryAfter = 366 * 24 * time.Hour

// retryAfter reads the header of RFC 9110 section 10.2.3: seconds or a date. What
// is neither, or past, is 0.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(v, 10, 64); err == nil {
		return time.Duration(min(n, uint64(longestRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), longestRetryAfter)
}
