package mythic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	standardLife = 300 * time.Second // of a token whose answer does not say
	longestLife  = time.Hour
	mostMargin   = 30 * time.Second
)

// logIn exchanges the key for a token. It is used no longer than some time before its
// end, which a request may take.
func (c *V2) logIn(ctx context.Context) (Secret, time.Duration, error) {
	op := fmt.Sprintf("log in with key %q", c.KeyID)
	r, err := c.exchange.do(ctx, call{
		op:          op,
		method:      http.MethodPost,
		url:         c.login.String(),
		contentType: "application/x-www-form-urlencoded",
		body:        []byte("grant_type=client_credentials"),
		authorize: func(_ context.Context, r *http.Request) error {
			r.SetBasicAuth(c.KeyID, string(c.Secret))
			return nil
		},
	})
	if err != nil {
		return "", 0, err
	}
	r.secrets = c.secrets()
	if r.status != http.StatusOK {
		return "", 0, c.loginError(op, r)
	}
	token, life, err := parseToken(r.body)
	if err != nil {
		return "", 0, fmt.Errorf("mythic: %s: %w", op, err)
	}
	return Secret(token), life - min(mostMargin, life/10), nil
}

// loginError is the refusal of a log-in. OAuth's "invalid_client" (RFC 6749 section
// 5.2) comes with 400 or 401.
func (c *V2) loginError(op string, r reply) error {
	e := newError(op, r)
	if r.status == http.StatusUnauthorized || bytes.Contains(r.body, []byte(`"invalid_client"`)) {
		e.kind = ErrUnauthorized
		e.advice = "see that ID and secret are those of an API key for the DNS API v2; passwords of v1 are not good here"
	}
	return e
}

// parseToken reads the answer to a log-in (RFC 6749 section 5.1).
func parseToken(body []byte) (token string, life time.Duration, err error) {
	var said struct {
		Token string  `json:"access_token"`
		Type  string  `json:"token_type"`
		Life  float64 `json:"expires_in"` // seconds
	}
	// The parser's error would repeat bytes that may be of a token.
	if json.Unmarshal(body, &said) != nil {
		return "", 0, errors.New("the answer is no JSON of a token; see that the address is that of the login server")
	}
	unfit := func(r rune) bool { return r <= ' ' || r > '~' }
	switch {
	case !strings.EqualFold(said.Type, "bearer"):
		return "", 0, fmt.Errorf("the token is of type %.20q, and not a bearer's", said.Type)
	case said.Token == "" || strings.ContainsFunc(said.Token, unfit):
		return "", 0, errors.New("the answer has no token that fits into a header")
	case said.Life <= 0:
		return said.Token, standardLife, nil
	}
	return said.Token, time.Duration(min(said.Life, longestLife.Seconds()) * float64(time.Second)), nil
}
