package acme

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	lego "github.com/go-acme/lego/v4/acme"
)

// order is an order on its way.
type order struct {
	lego.Order
	url      string // "" if the authority gave none
	names    []string
	replaced bool
	last     *reply
}

// Obtain obtains a certificate: it orders it, has all names proved at the same
// time that are not proved yet, sends the request with the key, and fetches the
// chain. It returns when all that the solver presented is cleaned up, also when
// ctx ends before.
//
// What the authority refuses is an [*Error] in the error. With a RetryAfter, the
// same account should not ask for the same names before; other requests may go
// on.
func (c *Client) Obtain(ctx context.Context, r Request, solver Solver) (*Certificate, error) {
	names, err := CanonicalNames(r.Names)
	if err != nil {
		return nil, err
	}
	s, as, err := c.signedIn(ctx)
	if err != nil {
		return nil, err
	}
	key, err := r.certificateKey(as.key)
	if err != nil {
		return nil, err
	}
	cert, err := c.obtain(ctx, s, as, &r, names, key, solver)
	if err != nil {
		return nil, fmt.Errorf("acme: certificate of %q: %w", names, err)
	}
	c.log().InfoContext(ctx, "acme certificate issued", "names", names, "until", cert.Leaf.NotAfter, "url", cert.URL)
	return cert, nil
}

func (c *Client) obtain(ctx context.Context, s *state, as *signer, r *Request, names []string, key crypto.Signer, solver Solver) (*Certificate, error) {
	o, err := c.newOrder(ctx, s, as, r, names)
	if err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	if o.Status == lego.StatusPending {
		if err := c.authorizeAll(ctx, s, as, o, solver); err != nil {
			return nil, err
		}
		o.Status = lego.StatusReady // which finalize finds out
	}
	if o.Status == lego.StatusReady {
		if err := c.finalize(ctx, s, as, o, key); err != nil {
			return nil, err
		}
	}
	if err := c.await(ctx, s, as, o, lego.StatusProcessing, lego.StatusReady); err != nil {
		return nil, err
	}
	cert, err := c.download(ctx, s, as, o, r.PreferredChain, key)
	if err != nil {
		return nil, fmt.Errorf("fetch the chain: %w", err)
	}
	return cert, nil
}

// newOrder orders, RFC 8555 section 7.4. If the certificate to replace has been
// replaced already, it orders without, RFC 9773 section 5.
func (c *Client) newOrder(ctx context.Context, s *state, as *signer, r *Request, names []string) (*order, error) {
	d, err := c.directory(ctx, s)
	if err != nil {
		return nil, err
	}
	req := lego.Order{}
	for _, n := range names {
		req.Identifiers = append(req.Identifiers, lego.Identifier{Type: "dns", Value: n})
	}
	if req.Profile, err = d.profile(r.Profile); err != nil {
		return nil, err
	}
	if r.Replaces != nil && d.RenewalInfo != "" {
		if req.Replaces, err = CertID(r.Replaces); err != nil {
			return nil, err
		}
	}
	o := &order{names: names}
	o.last, err = c.postJSON(ctx, s, as, d.NewOrderURL, req, &o.Order)
	var p *Error
	if req.Replaces != "" && errors.As(err, &p) && p.Type == AlreadyReplaced {
		c.log().InfoContext(ctx, "acme certificate was replaced already, ordered without", "id", req.Replaces)
		req.Replaces = ""
		o.last, err = c.postJSON(ctx, s, as, d.NewOrderURL, req, &o.Order)
	}
	if err != nil {
		return nil, err
	}
	o.url, o.replaced = o.last.header.Get("Location"), req.Replaces != ""
	return o, o.check()
}

// profile is the one to send: none to an authority that has none.
func (d *directory) profile(want string) (string, error) {
	if want == "" || len(d.Meta.Profiles) == 0 {
		return "", nil
	}
	if _, ok := d.Meta.Profiles[want]; !ok {
		var have []string
		for name := range d.Meta.Profiles {
			have = append(have, name)
		}
		slices.Sort(have)
		return "", fmt.Errorf("the authority has no profile %q, but %q", want, have)
	}
	return want, nil
}

// check refuses an order for other names than ours. Their sequence is free.
func (o *order) check() error {
	var got []string
	for _, id := range o.Identifiers {
		if id.Type != "dns" {
			return fmt.Errorf("the authority put a %q into the order: %q", id.Type, clip(id.Value, maxName))
		}
		got = append(got, strings.ToLower(id.Value))
	}
	want := slices.Sorted(slices.Values(o.names))
	slices.Sort(got)
	if !slices.Equal(want, slices.Compact(got)) {
		return fmt.Errorf("the authority changed the names of the order to %q", got[:min(len(got), 10)])
	}
	return nil
}

// finalize sends the request for the certificate, RFC 8555 section 7.4.
func (c *Client) finalize(ctx context.Context, s *state, as *signer, o *order, key crypto.Signer) error {
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: o.names}, key)
	if err != nil {
		return fmt.Errorf("make the certificate request: %w", err)
	}
	err = c.sendRequest(ctx, s, as, o, csr)
	var p *Error
	if errors.As(err, &p) && p.Type == OrderNotReady {
		o.Status, o.last = lego.StatusPending, nil // it has not seen yet that all is proved
		if err := c.await(ctx, s, as, o, lego.StatusPending); err != nil {
			return err
		}
		if o.Status != lego.StatusReady {
			return nil
		}
		err = c.sendRequest(ctx, s, as, o, csr)
	}
	if err == nil {
		return nil
	}
	// The answer of a request that was repeated may be that it is done already.
	if ctx.Err() != nil || o.url == "" || c.refresh(ctx, s, as, o) != nil {
		return fmt.Errorf("finalize: %w", err)
	}
	switch o.Status {
	case lego.StatusProcessing, lego.StatusValid:
		return nil
	case lego.StatusInvalid:
		return errors.Join(fmt.Errorf("finalize: %w", err), o.failure())
	}
	return fmt.Errorf("finalize: %w", err)
}

func (c *Client) sendRequest(ctx context.Context, s *state, as *signer, o *order, csr []byte) error {
	var fresh lego.Order
	r, err := c.postJSON(ctx, s, as, o.Finalize, lego.CSRMessage{Csr: b64(csr)}, &fresh)
	if err == nil {
		o.take(fresh, r)
	}
	return err
}

func (c *Client) refresh(ctx context.Context, s *state, as *signer, o *order) error {
	var fresh lego.Order
	r, err := c.postJSON(ctx, s, as, o.url, nil, &fresh)
	if err != nil {
		return err
	}
	o.take(fresh, r)
	return nil
}

// take takes what the authority says of the order now.
func (o *order) take(fresh lego.Order, r *reply) {
	if fresh.Finalize == "" {
		fresh.Finalize = o.Finalize
	}
	o.Order, o.last = fresh, r
}

// await polls the order until it is in none of the states. The URL of the order
// is that of its making: the answer to finalize need not repeat it.
func (c *Client) await(ctx context.Context, s *state, as *signer, o *order, states ...string) error {
	if slices.Contains(states, o.Status) {
		if o.url == "" {
			return errors.New("the authority gave no URL of the order")
		}
		err := c.poll(ctx, o.last, func(ctx context.Context) (*reply, bool, error) {
			err := c.refresh(ctx, s, as, o)
			return o.last, !slices.Contains(states, o.Status), err
		})
		if err != nil {
			return fmt.Errorf("wait for order %s, which is %q: %w", o.url, o.Status, err)
		}
	}
	switch o.Status {
	case lego.StatusReady, lego.StatusProcessing, lego.StatusValid:
		return nil
	}
	return o.failure()
}

// failure is why the order is none that can be gone on with.
func (o *order) failure() error {
	if p := problemOf(o.Error, ""); p != nil {
		return fmt.Errorf("order %s is %q: %w", o.url, o.Status, p)
	}
	return fmt.Errorf("order %s is %q", o.url, o.Status)
}
