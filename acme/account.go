package acme

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	lego "github.com/go-acme/lego/v4/acme"
)

// Register finds the account of Key, or opens one with Contacts and EAB. The
// authority's terms apply: see AcceptTerms. [Client.Obtain] does the same by
// itself where AccountURL is "".
func (c *Client) Register(ctx context.Context) (*Account, error) {
	s, err := c.use()
	if err != nil {
		return nil, err
	}
	if err := s.accountGate.lock(ctx); err != nil {
		return nil, fmt.Errorf("acme: account: %w", err)
	}
	defer s.accountGate.unlock()
	a, err := c.register(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("acme: account at %s: %w", c.Directory, err)
	}
	return a, nil
}

// UpdateContacts replaces the account's contacts by Contacts; none removes them.
func (c *Client) UpdateContacts(ctx context.Context) (*Account, error) {
	contacts := c.Contacts
	if contacts == nil {
		contacts = []string{}
	}
	return c.update(ctx, "update the contacts of", map[string]any{"contact": contacts})
}

// DeactivateAccount closes the account for ever, RFC 8555 section 7.3.6. The
// key can not open another one at most authorities.
func (c *Client) DeactivateAccount(ctx context.Context) error {
	_, err := c.update(ctx, "deactivate", lego.Account{Status: lego.StatusDeactivated})
	return err
}

func (c *Client) update(ctx context.Context, what string, change any) (*Account, error) {
	s, as, err := c.signedIn(ctx)
	if err != nil {
		return nil, err
	}
	var a lego.Account
	if _, err := c.postJSON(ctx, s, as, as.kid, change, &a); err != nil {
		return nil, fmt.Errorf("acme: %s account %s: %w", what, as.kid, err)
	}
	return &Account{URL: as.kid, Status: a.Status, Contacts: a.Contact}, nil
}

// signedIn is the state with a signer that names the account.
func (c *Client) signedIn(ctx context.Context) (*state, *signer, error) {
	s, err := c.use()
	if err != nil {
		return nil, nil, err
	}
	if as := s.account(); as.kid != "" {
		return s, as, nil
	}
	if err := s.accountGate.lock(ctx); err != nil {
		return nil, nil, fmt.Errorf("acme: account: %w", err)
	}
	defer s.accountGate.unlock()
	if as := s.account(); as.kid != "" {
		return s, as, nil
	}
	if _, err := c.register(ctx, s); err != nil {
		return nil, nil, fmt.Errorf("acme: account at %s: %w", c.Directory, err)
	}
	return s, s.account(), nil
}

// register asks for an existing account first: a binding may be good for one
// account only. The caller holds the gate.
func (c *Client) register(ctx context.Context, s *state) (*Account, error) {
	a, err := c.newAccount(ctx, s, lego.Account{OnlyReturnExisting: true})
	var p *Error
	if errors.As(err, &p) && p.Type == AccountDoesNotExist {
		return c.open(ctx, s)
	}
	return a, err
}

func (c *Client) open(ctx context.Context, s *state) (*Account, error) {
	d, err := c.directory(ctx, s)
	if err != nil {
		return nil, err
	}
	req := lego.Account{Contact: c.Contacts, TermsOfServiceAgreed: c.AcceptTerms}
	switch {
	case c.EAB != nil:
		if req.ExternalAccountBinding, err = s.account().bind(d.NewAccountURL, c.EAB); err != nil {
			return nil, err
		}
	case d.Meta.ExternalAccountRequired:
		return nil, errors.New("the authority opens accounts for its customers only: set EAB")
	}
	if d.Meta.TermsOfService != "" && !c.AcceptTerms {
		return nil, fmt.Errorf("the authority has terms of service, %q: set AcceptTerms if you agree", d.Meta.TermsOfService)
	}
	a, err := c.newAccount(ctx, s, req)
	if err != nil {
		return nil, err
	}
	c.log().InfoContext(ctx, "acme account opened", "url", a.URL)
	a.Created = true
	return a, nil
}

// newAccount posts to the resource of that name and keeps the account's URL.
func (c *Client) newAccount(ctx context.Context, s *state, req lego.Account) (*Account, error) {
	d, err := c.directory(ctx, s)
	if err != nil {
		return nil, err
	}
	as := s.account().withAccount("")
	var a lego.Account
	r, err := c.postJSON(ctx, s, as, d.NewAccountURL, req, &a)
	if err != nil {
		return nil, err
	}
	url := r.header.Get("Location")
	if err := c.checkURL(s, url); err != nil {
		return nil, fmt.Errorf("the URL of the account: %w", err)
	}
	if a.Status != "" && a.Status != lego.StatusValid {
		return nil, fmt.Errorf("account %s is %q: use another key", url, a.Status)
	}
	s.setAccount(as.withAccount(url))
	return &Account{URL: url, Status: a.Status, Contacts: a.Contact}, nil
}

// postJSON posts an object, or as GET if it is nil, and reads one into out unless
// that is nil.
func (c *Client) postJSON(ctx context.Context, s *state, as *signer, url string, in, out any) (*reply, error) {
	var payload []byte
	if in != nil {
		var err error
		if payload, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	r, err := c.post(ctx, s, as, url, payload)
	if err != nil || out == nil {
		return r, err
	}
	if err := json.Unmarshal(r.body, out); err != nil {
		return nil, fmt.Errorf("the answer of %s: %w", url, err)
	}
	return r, nil
}
