package acme

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
)

// keyChange is the inner payload of RFC 8555 section 7.3.5.
type keyChange struct {
	Account string          `json:"account"`
	OldKey  json.RawMessage `json:"oldKey"`
}

// RolloverKey changes the account's key to next. Store next before, and make the
// next Client with it: Client.Key stays what it was, this Client signs with next
// from then on. Orders on their way have challenges of the old key and fail.
//
// If the answer is lost, the error does not say which key counts: Register of a
// Client with next finds the account if it was changed.
func (c *Client) RolloverKey(ctx context.Context, next crypto.Signer) error {
	if next == nil {
		return errors.New("acme: change the account's key: the next one is nil")
	}
	s, _, err := c.signedIn(ctx)
	if err != nil {
		return err
	}
	if err := s.accountGate.lock(ctx); err != nil {
		return fmt.Errorf("acme: change the account's key: %w", err)
	}
	defer s.accountGate.unlock()
	as := s.account()
	if err := c.rollover(ctx, s, as, next); err != nil {
		return fmt.Errorf("acme: change the key of account %s: %w", as.kid, err)
	}
	c.log().InfoContext(ctx, "acme account has a new key", "url", as.kid)
	return nil
}

func (c *Client) rollover(ctx context.Context, s *state, as *signer, next crypto.Signer) error {
	if samePublic(as.key.Public(), next.Public()) {
		return errors.New("the next key is the present one")
	}
	inner, err := newSigner(next)
	if err != nil {
		return fmt.Errorf("the next key: %w", err)
	}
	d, err := c.directory(ctx, s)
	if err != nil {
		return err
	}
	if d.KeyChangeURL == "" {
		return errors.New("the authority has no way to do it")
	}
	change, err := json.Marshal(keyChange{Account: as.kid, OldKey: json.RawMessage(as.jwk)})
	if err != nil {
		return err
	}
	signed, err := inner.sign(d.KeyChangeURL, "", change)
	if err != nil {
		return err
	}
	if _, err := c.post(ctx, s, as, d.KeyChangeURL, signed); err != nil {
		return err
	}
	s.setAccount(inner.withAccount(as.kid))
	return nil
}
