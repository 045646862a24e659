package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"

	"github.com/go-acme/lego/v4/certcrypto"
	"github.com/go-acme/lego/v4/certificate"
	legodns01 "github.com/go-acme/lego/v4/challenge/dns01"
	"github.com/go-acme/lego/v4/lego"
	legolog "github.com/go-acme/lego/v4/log"
	"github.com/go-acme/lego/v4/registration"
)

// newLego is lego's client with its defaults, but for two: keys are ECDSA, as ours are,
// and recursive servers are asked for the record instead of those at port 53.
func newLego(_ context.Context, w *world) (obtain, error) {
	legolog.Logger = log.New(io.Discard, "", 0)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	edits, err := newEditor(w)
	if err != nil {
		return nil, err
	}
	user := &legoUser{key: key}
	config := lego.NewConfig(user)
	config.CADirURL, config.Certificate.KeyType = w.Directory, certcrypto.EC256
	transport, ok := config.HTTPClient.Transport.(*http.Transport)
	if !ok {
		return nil, errors.New("lego's transport is another")
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: w.roots()}
	client, err := lego.NewClient(config)
	if err != nil {
		return nil, err
	}
	if user.account, err = client.Registration.Register(registration.RegisterOptions{TermsOfServiceAgreed: true}); err != nil {
		return nil, err
	}
	err = client.Challenge.SetDNS01Provider(legoProvider{edits},
		legodns01.AddRecursiveNameservers([]string{w.DNS.String()}),
		legodns01.DisableAuthoritativeNssPropagationRequirement(), legodns01.RecursiveNSsPropagationRequirement())
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, names []string) error {
		_, err := client.Certificate.Obtain(certificate.ObtainRequest{Domains: names, Bundle: true})
		return err
	}, nil
}

type legoUser struct {
	key     crypto.PrivateKey
	account *registration.Resource
}

// GetEmail is none.
func (u *legoUser) GetEmail() string { return "" }

// GetRegistration is the account.
func (u *legoUser) GetRegistration() *registration.Resource { return u.account }

// GetPrivateKey is the account's key.
func (u *legoUser) GetPrivateKey() crypto.PrivateKey { return u.key }

// legoProvider is an editor as a provider of lego.
type legoProvider struct{ edits *editor }

// Present adds a record.
func (p legoProvider) Present(domain, _, keyAuth string) error {
	info := legodns01.GetChallengeInfo(domain, keyAuth)
	return p.edits.edit("+", info.EffectiveFQDN, info.Value)
}

// CleanUp deletes a record.
func (p legoProvider) CleanUp(domain, _, keyAuth string) error {
	info := legodns01.GetChallengeInfo(domain, keyAuth)
	return p.edits.edit("-", info.EffectiveFQDN, info.Value)
}
