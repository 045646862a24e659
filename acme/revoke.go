package acme

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	lego "github.com/go-acme/lego/v4/acme"
)

// Reasons for a revocation that authorities take from a customer, RFC 5280
// section 5.3.1.
const (
	Unspecified          = 0
	KeyCompromise        = 1
	AffiliationChanged   = 3
	Superseded           = 4
	CessationOfOperation = 5
)

// Revoke revokes a certificate of the account, RFC 8555 section 7.6. One that is
// revoked already is no error.
func (c *Client) Revoke(ctx context.Context, cert *x509.Certificate, reason int) error {
	s, as, err := c.signedIn(ctx)
	if err != nil {
		return err
	}
	return c.revoke(ctx, s, as, cert, reason)
}

// RevokeWithKey revokes a certificate by its own key, where the account is lost
// or another's.
func (c *Client) RevokeWithKey(ctx context.Context, cert *x509.Certificate, key crypto.Signer, reason int) error {
	s, err := c.use()
	if err != nil {
		return err
	}
	as, err := newSigner(key)
	if err != nil {
		return fmt.Errorf("acme: key of the certificate: %w", err)
	}
	if !samePublic(key.Public(), cert.PublicKey) {
		return fmt.Errorf("acme: revoke the certificate of %q: the key is not its own", cert.DNSNames)
	}
	return c.revoke(ctx, s, as, cert, reason)
}

func (c *Client) revoke(ctx context.Context, s *state, as *signer, cert *x509.Certificate, reason int) error {
	if err := c.tryRevoke(ctx, s, as, cert, reason); err != nil {
		return fmt.Errorf("acme: revoke the certificate of %q: %w", cert.DNSNames, err)
	}
	return nil
}

func (c *Client) tryRevoke(ctx context.Context, s *state, as *signer, cert *x509.Certificate, reason int) error {
	if !slices.Contains([]int{Unspecified, KeyCompromise, AffiliationChanged, Superseded, CessationOfOperation}, reason) {
		return fmt.Errorf("no reason %d: use 0, 1, 3, 4 or 5", reason)
	}
	d, err := c.directory(ctx, s)
	if err != nil {
		return err
	}
	if d.RevokeCertURL == "" {
		return errors.New("the authority has no way to do it")
	}
	code := uint(reason)
	_, err = c.postJSON(ctx, s, as, d.RevokeCertURL, lego.RevokeCertMessage{Certificate: b64(cert.Raw), Reason: &code}, nil)
	var p *Error
	if errors.As(err, &p) && p.Type == AlreadyRevoked {
		return nil
	}
	return err
}
