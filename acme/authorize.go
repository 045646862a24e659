package acme

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	lego "github.com/go-acme/lego/v4/acme"
)

// maxAuthorizations is more than an order with the names of any authority has.
const maxAuthorizations = 1000

// authorization is the object of RFC 8555 section 7.1.4, with the fields of
// challenges that came later.
type authorization struct {
	lego.Authorization
	Challenges challenges `json:"challenges"`
	last       *reply
}

// challenges leaves out what can not be read: a type that nobody here knows may
// have any shape.
type challenges []challenge

func (c *challenges) UnmarshalJSON(text []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*c = nil
	for _, one := range raw {
		var ch challenge
		if json.Unmarshal(one, &ch) == nil {
			*c = append(*c, ch)
		}
	}
	return nil
}

type challenge struct {
	lego.Challenge
	IssuerDomains []string `json:"issuer-domain-names"`
}

// authorizeAll proves all names at once. The first that fails ends the others:
// the order is lost with it.
func (c *Client) authorizeAll(ctx context.Context, s *state, as *signer, o *order, solver Solver) error {
	if n := len(o.Authorizations); n == 0 || n > maxAuthorizations {
		return fmt.Errorf("order %s is pending with %d authorizations", o.url, n)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errs := make([]error, len(o.Authorizations))
	one := func(i int) {
		if err := c.authorize(ctx, s, as, o, o.Authorizations[i], solver); err != nil {
			errs[i] = err
			cancel(errSibling)
		}
	}
	var all sync.WaitGroup
	for i := range o.Authorizations[1:] {
		all.Go(func() { one(i + 1) })
	}
	one(0)
	all.Wait()
	return joinCauses(errs)
}

var errSibling = errors.New("another name of the order failed")

// joinCauses leaves out what only failed because another name did.
func joinCauses(errs []error) error {
	causes := slices.DeleteFunc(slices.Clone(errs), func(err error) bool {
		return err == nil || errors.Is(err, errSibling)
	})
	if len(causes) == 0 {
		return errors.Join(errs...)
	}
	return errors.Join(causes...)
}

// authorize proves one name, unless that is done.
func (c *Client) authorize(ctx context.Context, s *state, as *signer, o *order, url string, solver Solver) error {
	a := new(authorization)
	if err := c.fetchAuthorization(ctx, s, as, url, a); err != nil {
		return fmt.Errorf("authorization %s: %w", url, causeOf(ctx, err))
	}
	name, err := a.checkName(o)
	if err != nil {
		return err
	}
	switch a.Status {
	case lego.StatusValid:
		return nil
	case lego.StatusPending:
	default:
		return fmt.Errorf("prove %q: %w", name, a.failure())
	}
	if err := c.prove(ctx, s, as, url, a, solver); err != nil {
		return fmt.Errorf("prove %q: %w", name, causeOf(ctx, err))
	}
	return nil
}

// causeOf is err, with the reason if it is the context that ended.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return errors.Join(cause, err)
	}
	return err
}

func (c *Client) fetchAuthorization(ctx context.Context, s *state, as *signer, url string, a *authorization) error {
	var fresh authorization
	r, err := c.postJSON(ctx, s, as, url, nil, &fresh)
	if err == nil {
		*a, a.last = fresh, r
	}
	return err
}

// checkName is the name to prove. An authority must not have us prove names that
// we did not ask for.
func (a *authorization) checkName(o *order) (string, error) {
	a.Identifier.Value = strings.ToLower(a.Identifier.Value)
	name := a.Identifier.Value
	if base, ok := strings.CutPrefix(name, "*."); ok {
		a.Identifier.Value, a.Wildcard = base, true
	} else if a.Wildcard {
		name = "*." + name
	}
	if a.Identifier.Type != "dns" || !slices.Contains(o.names, name) {
		return "", fmt.Errorf("the authority asks to prove %q, which was not ordered", clip(name, maxName))
	}
	return name, nil
}

// failure is why the authorization is none that can be gone on with.
func (a *authorization) failure() error {
	for _, ch := range a.Challenges {
		if p := problemOf(ch.Error, a.Identifier.Value); p != nil {
			return fmt.Errorf("%s is %q: %w", ch.Type, ch.Status, p)
		}
	}
	return fmt.Errorf("the authorization is %q", a.Status)
}

// prove presents an answer, has it looked at and removes it.
func (c *Client) prove(ctx context.Context, s *state, as *signer, url string, a *authorization, solver Solver) (err error) {
	ch, err := a.choose(as, solver)
	if err != nil {
		return err
	}
	presented, err := solver.Present(ctx, *ch)
	if err != nil {
		return fmt.Errorf("present %s: %w", ch.Type, err)
	}
	if presented == nil {
		return errors.New("the solver presented nothing")
	}
	defer func() {
		if failed := c.cleanUp(ctx, presented); failed != nil {
			c.log().WarnContext(ctx, "acme challenge was not cleaned up", "name", ch.Identifier, "type", ch.Type, "err", failed)
			if err != nil {
				err = errors.Join(err, fmt.Errorf("clean up: %w", failed))
			}
		}
	}()
	if err := presented.Ready(ctx); err != nil {
		return fmt.Errorf("wait for the answer to %s: %w", ch.Type, err)
	}
	return c.validate(ctx, s, as, url, ch.URL, a)
}

// cleanUp gives the clean-up a context of its own: the order's may have ended.
func (c *Client) cleanUp(ctx context.Context, p Presented) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(c.CleanUpTimeout, 2*time.Minute))
	defer cancel()
	return p.CleanUp(ctx)
}

// validate tells the authority to look, and waits for what it found.
func (c *Client) validate(ctx context.Context, s *state, as *signer, url, challengeURL string, a *authorization) error {
	state, r, err := c.answer(ctx, s, as, challengeURL)
	if err != nil {
		// The answer to a repeated request may be that it was heard before.
		if ctx.Err() != nil || c.fetchAuthorization(ctx, s, as, url, a) != nil || a.Status != lego.StatusValid {
			return fmt.Errorf("ask to validate: %w", err)
		}
		return nil
	}
	if state == lego.StatusValid || state == lego.StatusInvalid { // some look before they answer
		if err := c.fetchAuthorization(ctx, s, as, url, a); err != nil {
			return fmt.Errorf("see what the validation found: %w", err)
		}
	}
	if a.Status == lego.StatusPending {
		if err := c.awaitValidation(ctx, s, as, url, challengeURL, a, r); err != nil {
			return fmt.Errorf("wait for the validation: %w", err)
		}
	}
	if a.Status != lego.StatusValid {
		return a.failure()
	}
	return nil
}

// answer says that the challenge can be looked at. It returns its state.
func (c *Client) answer(ctx context.Context, s *state, as *signer, challengeURL string) (string, *reply, error) {
	var ch challenge
	r, err := c.postJSON(ctx, s, as, challengeURL, struct{}{}, &ch)
	return ch.Status, r, err
}

// maxAnswers is how often a challenge is answered that the authority found no good
// answer to, and did not give up either.
const maxAnswers = 5

// awaitValidation polls the authorization until it is decided. A challenge that waits
// for another answer, with what was wrong about the last one, is answered again: RFC
// 8555 section 8.2.
func (c *Client) awaitValidation(ctx context.Context, s *state, as *signer, url, challengeURL string, a *authorization, r *reply) error {
	answers := 1
	return c.poll(ctx, r, func(ctx context.Context) (*reply, bool, error) {
		err := c.fetchAuthorization(ctx, s, as, url, a)
		if err != nil || a.Status != lego.StatusPending || !a.wantsAnswer(challengeURL) {
			return a.last, err == nil && a.Status != lego.StatusPending, err
		}
		if answers++; answers > maxAnswers {
			return nil, false, a.failure()
		}
		_, r, err := c.answer(ctx, s, as, challengeURL)
		return r, false, err
	})
}

// wantsAnswer says that the authority looks at the challenge no more and yet has not
// decided.
func (a *authorization) wantsAnswer(challengeURL string) bool {
	return slices.ContainsFunc(a.Challenges, func(ch challenge) bool {
		return ch.URL == challengeURL && ch.Status == lego.StatusPending && ch.Error != nil
	})
}

// choose is the first challenge of the types that the solver answers. Those of
// types that nobody here knows are passed over, whatever they look like.
func (a *authorization) choose(as *signer, solver Solver) (*Challenge, error) {
	types := []string{DNS01}
	if t, ok := solver.(TypedSolver); ok {
		types = t.Types()
	}
	var offered []string
	for _, ch := range a.Challenges {
		offered = append(offered, clip(ch.Type, maxLabel))
	}
	for _, t := range types {
		i := slices.IndexFunc(a.Challenges, func(ch challenge) bool {
			return ch.Type == t && (ch.Status == lego.StatusPending || ch.Status == lego.StatusProcessing)
		})
		if i >= 0 {
			return a.challenge(as, &a.Challenges[i])
		}
	}
	return nil, fmt.Errorf("the authority offers %q, the solver answers %q", offered[:min(len(offered), 10)], types)
}

func (a *authorization) challenge(as *signer, from *challenge) (*Challenge, error) {
	ch := &Challenge{
		Type: from.Type, Identifier: a.Identifier.Value, Wildcard: a.Wildcard, URL: from.URL,
		AccountURL: as.kid, IssuerDomains: from.IssuerDomains,
	}
	if from.Type == DNSPersist01 {
		return ch, nil
	}
	// The token gets into file names and records.
	if from.Token == "" || len(from.Token) > maxToken || strings.IndexFunc(from.Token, notToken) >= 0 {
		return nil, fmt.Errorf("the token of %s is %q: not base64url", from.Type, clip(from.Token, maxToken))
	}
	ch.Token, ch.KeyAuth = from.Token, as.keyAuth(from.Token)
	sum := sha256.Sum256([]byte(ch.KeyAuth))
	ch.TXT = b64(sum[:])
	return ch, nil
}

const maxToken = 255

func notToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}
