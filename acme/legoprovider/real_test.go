package legoprovider_test

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/go-acme/lego/v4/certificate"
	legodns01 "github.com/go-acme/lego/v4/challenge/dns01"
	"github.com/go-acme/lego/v4/lego"
	"github.com/go-acme/lego/v4/registration"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/legoprovider"
	"github.com/mythic-beasts/hostkit/acme/mythic"
	"github.com/mythic-beasts/hostkit/internal/pebbletest"
)

// user is an account as lego wants it.
type user struct {
	key     crypto.Signer
	account *registration.Resource
}

func (u *user) GetEmail() string                        { return "a@example.com" }
func (u *user) GetRegistration() *registration.Resource { return u.account }
func (u *user) GetPrivateKey() crypto.PrivateKey        { return u.key }

// A program that uses lego's library gets its certificate by our solver, with the zone's
// apex and its wildcard, which have the same record, from a real authority.
func TestLegoLibrary(t *testing.T) {
	dns := acmetest.NewDNS(t, acmetest.DNSOptions{})
	authority := pebbletest.New(t, pebbletest.Options{DNS: dns.Addr()})
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	u := &user{key: key}
	config := lego.NewConfig(u)
	config.CADirURL, config.HTTPClient = authority.URL(), authority.HTTPClient()
	client, err := lego.NewClient(config)
	require.NoError(t, err)
	u.account, err = client.Registration.Register(registration.RegisterOptions{TermsOfServiceAgreed: true})
	require.NoError(t, err)

	api := acmetest.NewMythic(t, dns, acmetest.MythicOptions{})
	solver := quick(dns)
	solver.Provider = &mythic.V2{
		KeyID: acmetest.MythicKeyID, Secret: acmetest.MythicSecret, API: api.API(), Login: api.Login(), HTTP: api.Client(),
	}
	p := legoprovider.Wrap(solver)
	require.NoError(t, client.Challenge.SetDNS01Provider(p,
		legodns01.AddRecursiveNameservers([]string{dns.Addr().String()}), legodns01.WrapPreCheck(p.PreCheck)))

	got, err := client.Certificate.Obtain(certificate.ObtainRequest{Domains: []string{"example.com", "*.example.com"}, Bundle: true})
	require.NoError(t, err)
	block, rest := pem.Decode(got.Certificate)
	leaf, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"example.com", "*.example.com"}, leaf.DNSNames)
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(authority.Root(0))
	others.AppendCertsFromPEM(rest)
	_, err = leaf.Verify(x509.VerifyOptions{DNSName: "www.example.com", Roots: roots, Intermediates: others})
	require.NoError(t, err)
	require.Empty(t, dns.TXT(apex), "both records are gone")
	require.Empty(t, api.Records("example.com"))
	require.Equal(t, 1, api.Logins(), "one login for all of it")
}
