package acme

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	lego "github.com/go-acme/lego/v4/acme"
)

// ErrNoRenewalInfo says that the authority does not do ARI.
var ErrNoRenewalInfo = errors.New("the authority offers no renewal information")

// RenewalInfo is when an authority would like a certificate to be renewed, RFC
// 9773 section 4.2.
type RenewalInfo struct {
	// CertID names the certificate that the window is for. Keep it with the
	// window.
	CertID string
	// Start and End bound the window. End is after Start. Choose one moment in it
	// at random, once.
	Start, End time.Time
	// ExplanationURL is a page that says why, "" or something to show to the
	// operator. It is the authority's text: quote it.
	ExplanationURL string
	// RetryAfter is how long to keep this answer: between a minute and a day, 6
	// hours if the authority does not say.
	RetryAfter time.Duration
}

const (
	leastRetryAfter   = time.Minute
	mostRetryAfter    = 24 * time.Hour
	defaultRetryAfter = 6 * time.Hour
)

// CertID is the name that RFC 9773 section 4.1 gives a certificate.
func CertID(cert *x509.Certificate) (string, error) {
	if len(cert.AuthorityKeyId) == 0 || cert.SerialNumber == nil || cert.SerialNumber.Sign() <= 0 {
		return "", errors.New("acme: a certificate without authority key identifier or serial number has no ARI name")
	}
	serial := cert.SerialNumber.Bytes()
	if serial[0]&0x80 != 0 { // as in DER
		serial = append([]byte{0}, serial...)
	}
	return b64(cert.AuthorityKeyId) + "." + b64(serial), nil
}

// RenewalInfo asks when to renew the certificate (ARI). It needs no account.
// An authority without ARI is [ErrNoRenewalInfo]. Whatever is no good answer is
// an error, and says nothing about renewal: a status other than 200, no JSON, a
// window that ends before it starts, that was over before the certificate began
// or that starts when the certificate has expired. There is no second try: ask
// again later.
func (c *Client) RenewalInfo(ctx context.Context, leaf *x509.Certificate) (RenewalInfo, error) {
	info, err := c.renewalInfo(ctx, leaf)
	if err != nil {
		return RenewalInfo{}, fmt.Errorf("acme: renewal information of %q: %w", leaf.DNSNames, err)
	}
	return info, nil
}

func (c *Client) renewalInfo(ctx context.Context, leaf *x509.Certificate) (RenewalInfo, error) {
	id, err := CertID(leaf)
	if err != nil {
		return RenewalInfo{}, err
	}
	s, err := c.use()
	if err != nil {
		return RenewalInfo{}, err
	}
	d, err := c.directory(ctx, s)
	if err != nil {
		return RenewalInfo{}, err
	}
	if d.Directory.RenewalInfo == "" {
		return RenewalInfo{}, ErrNoRenewalInfo
	}
	if err := s.requests.lock(ctx); err != nil {
		return RenewalInfo{}, err
	}
	defer s.requests.unlock()
	r, err := c.do(ctx, s, http.MethodGet, strings.TrimSuffix(d.Directory.RenewalInfo, "/")+"/"+id, nil)
	if err != nil {
		return RenewalInfo{}, err
	}
	if r.status != http.StatusOK {
		return RenewalInfo{}, fmt.Errorf("the answer of %s has the status %d", r.url, r.status)
	}
	info := RenewalInfo{CertID: id, RetryAfter: defaultRetryAfter}
	if d := retryAfter(r.header, c.now()); d > 0 {
		info.RetryAfter = min(max(d, leastRetryAfter), mostRetryAfter)
	}
	return info, info.read(r.body, leaf)
}

// read takes an answer apart, RFC 9773 section 4.2.
func (i *RenewalInfo) read(body []byte, leaf *x509.Certificate) error {
	var doc lego.RenewalInfoResponse
	if err := json.Unmarshal(body, &doc); err != nil {
		return fmt.Errorf("not renewal information: %w", err)
	}
	start, end := doc.SuggestedWindow.Start, doc.SuggestedWindow.End
	switch {
	case start.IsZero() || end.IsZero():
		return errors.New("no window in it")
	case !end.After(start):
		return fmt.Errorf("the window ends at %v, before it starts at %v", end, start)
	case !end.After(leaf.NotBefore):
		return fmt.Errorf("the window ends at %v, before the certificate began at %v", end, leaf.NotBefore)
	case !start.Before(leaf.NotAfter):
		return fmt.Errorf("the window starts at %v, after the certificate expires at %v", start, leaf.NotAfter)
	}
	i.Start, i.End, i.ExplanationURL = start, end, clip(doc.ExplanationURL, maxDetail)
	return nil
}
