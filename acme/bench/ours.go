package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// newOurs is our client and solver with their defaults. As with lego, recursive
// servers are asked for the record.
func newOurs(ctx context.Context, w *world) (obtain, error) {
	key, err := acme.NewKey(acme.EC256)
	if err != nil {
		return nil, err
	}
	edits, err := newEditor(w)
	if err != nil {
		return nil, err
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the default transport is another")
	}
	transport = transport.Clone() // as a client without HTTP does
	transport.MaxIdleConnsPerHost = 64
	transport.TLSClientConfig = &tls.Config{RootCAs: w.roots()}
	client := &acme.Client{Directory: w.Directory, Key: key, AcceptTerms: true, HTTP: &http.Client{Transport: transport}}
	solver := &dns01.Solver{Provider: provider{edits}, DNS: &dns01.DNS{Resolvers: []netip.AddrPort{w.DNS}, RecursiveOnly: true}}
	if _, err := client.Register(ctx); err != nil {
		return nil, err
	}
	return func(ctx context.Context, names []string) error {
		_, err := client.Obtain(ctx, acme.Request{Names: names}, solver)
		return err
	}, nil
}

func (w *world) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(w.Root))
	return pool
}

// provider is an editor as a provider.
type provider struct{ edits *editor }

// AddTXT adds records.
func (p provider) AddTXT(_ context.Context, records ...dns01.TXT) error {
	return p.each("+", records)
}

// DeleteTXT deletes records.
func (p provider) DeleteTXT(_ context.Context, records ...dns01.TXT) error {
	return p.each("-", records)
}

func (p provider) each(op string, records []dns01.TXT) error {
	for _, r := range records {
		if err := p.edits.edit(op, r.Name, r.Value); err != nil {
			return err
		}
	}
	return nil
}
