package acme

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
)

type state struct{}

var errSoon = errors.New("acme: not built yet")

// Register finds the account of the key, or opens one.
func (c *Client) Register(ctx context.Context) (*Account, error) { return nil, errSoon }

// Obtain obtains a certificate.
func (c *Client) Obtain(ctx context.Context, r Request, s Solver) (*Certificate, error) {
	return nil, errSoon
}

// Revoke revokes a certificate. Reason is one of RFC 5280 section 5.3.1.
func (c *Client) Revoke(ctx context.Context, cert *x509.Certificate, reason int) error {
	return errSoon
}

// RolloverKey changes the account's key to next, RFC 8555 section 7.3.5.
func (c *Client) RolloverKey(ctx context.Context, next crypto.Signer) error { return errSoon }

// RenewalInfo asks when to renew the certificate.
func (c *Client) RenewalInfo(ctx context.Context, leaf *x509.Certificate) (RenewalInfo, error) {
	return RenewalInfo{}, errSoon
}
