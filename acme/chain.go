package acme

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	lego "github.com/go-acme/lego/v4/acme"
)

const (
	maxChain      = 20
	maxAlternates = 10
)

// download fetches the chain of a valid order, RFC 8555 section 7.4.2, and takes
// none that does not fit the key and the names.
func (c *Client) download(ctx context.Context, s *state, as *signer, o *order, preferred string, key crypto.Signer) (*Certificate, error) {
	if o.Status != lego.StatusValid || o.Certificate == "" {
		return nil, fmt.Errorf("order %s is %q and has the certificate %q", o.url, o.Status, o.Certificate)
	}
	r, chain, err := c.fetchChain(ctx, s, as, o.Certificate)
	if err != nil {
		return nil, err
	}
	if preferred != "" && !issuedBy(chain, preferred) {
		chain = c.alternate(ctx, s, as, r, chain, preferred)
	}
	if err := checkChain(chain, o.names, key); err != nil {
		return nil, fmt.Errorf("chain %s: %w", r.url, err)
	}
	cert := &Certificate{
		Names: o.names, Key: key, Chain: chain, Leaf: chain[0], URL: o.Certificate, Replaced: o.replaced,
	}
	for _, link := range chain {
		cert.ChainPEM = append(cert.ChainPEM, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: link.Raw})...)
	}
	// A key that stays in its HSM has no PEM.
	if text, err := MarshalKey(key); err == nil {
		cert.KeyPEM = text
	}
	return cert, nil
}

// alternate is the first of the other chains that is issued by the preferred
// issuer, or the default one.
func (c *Client) alternate(ctx context.Context, s *state, as *signer, r *reply, chain []*x509.Certificate, preferred string) []*x509.Certificate {
	for _, u := range alternates(r) {
		_, other, err := c.fetchChain(ctx, s, as, u)
		if err != nil {
			c.log().WarnContext(ctx, "acme alternate chain is not to be had", "url", u, "err", err)
			continue
		}
		if issuedBy(other, preferred) && other[0].Equal(chain[0]) {
			return other
		}
	}
	c.log().WarnContext(ctx, "acme authority offers no chain of the preferred issuer", "issuer", preferred)
	return chain
}

func issuedBy(chain []*x509.Certificate, issuer string) bool {
	return chain[len(chain)-1].Issuer.CommonName == issuer
}

func (c *Client) fetchChain(ctx context.Context, s *state, as *signer, url string) (*reply, []*x509.Certificate, error) {
	r, err := c.post(ctx, s, as, url, nil)
	if err != nil {
		return nil, nil, err
	}
	chain, err := parseChain(r.body)
	if err != nil {
		return nil, nil, fmt.Errorf("chain %s: %w", url, err)
	}
	return r, chain, nil
}

// parseChain reads certificates in PEM and nothing else, RFC 8555 section 9.1.
func parseChain(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("a PEM block %q in the chain", clip(block.Type, 40))
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(chain)+1, err)
		}
		if chain = append(chain, cert); len(chain) > maxChain {
			return nil, fmt.Errorf("more than %d certificates", maxChain)
		}
		text = rest
	}
	if len(chain) == 0 {
		return nil, errors.New("no certificate in it")
	}
	if len(bytes.TrimSpace(text)) > 0 {
		return nil, errors.New("something after the last certificate")
	}
	return chain, nil
}

func checkChain(chain []*x509.Certificate, names []string, key crypto.Signer) error {
	leaf := chain[0]
	if !samePublic(key.Public(), leaf.PublicKey) {
		return errors.New("the certificate is for another key")
	}
	for _, n := range names {
		if !slices.ContainsFunc(leaf.DNSNames, func(have string) bool { return strings.EqualFold(have, n) }) {
			return fmt.Errorf("the certificate does not have the name %q", n)
		}
	}
	for i, cert := range chain[:len(chain)-1] {
		if err := cert.CheckSignatureFrom(chain[i+1]); err != nil {
			return fmt.Errorf("certificate %d is not signed by the next: %w", i+1, err)
		}
	}
	return nil
}

var linkExpr = regexp.MustCompile(`<([^<>]*)>((?:\s*;\s*[^\s=;,]+\s*=\s*(?:"[^"]*"|[^\s";,]+))*)`)

// alternates are the URLs of links with the relation "alternate", RFC 8288.
func alternates(r *reply) []string {
	base, err := url.Parse(r.url)
	if err != nil {
		return nil
	}
	var urls []string
	for _, m := range linkExpr.FindAllStringSubmatch(joined(r.header), maxAlternates*10) {
		if !relation(m[2], "alternate") {
			continue
		}
		if u, err := base.Parse(m[1]); err == nil && !slices.Contains(urls, u.String()) {
			urls = append(urls, u.String())
		}
	}
	return urls[:min(len(urls), maxAlternates)]
}

func joined(h http.Header) string { return strings.Join(h.Values("Link"), ",") }

// relation looks for the relation in the parameters of a link.
func relation(params, want string) bool {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(name), "rel") {
			return slices.Contains(strings.Fields(strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`))), want)
		}
	}
	return false
}
