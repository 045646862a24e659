package acmetest_test

import (
	"net/url"
	"testing"

	"github.com/go-acme/lego/v4/challenge/dns01"
	"github.com/go-acme/lego/v4/providers/dns/mythicbeasts"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
)

// Another implementation of the API's client takes the fake for the real one. It logs
// in before every request.
func TestMythicWithLego(t *testing.T) {
	dns := acmetest.NewDNS(t, acmetest.DNSOptions{})
	m := acmetest.NewMythic(t, dns, acmetest.MythicOptions{})
	api, err := url.Parse(m.API())
	require.NoError(t, err)
	login, err := url.Parse(m.Login())
	require.NoError(t, err)
	config, err := mythicbeasts.NewDefaultConfig()
	require.NoError(t, err)
	config.UserName, config.Password = acmetest.MythicKeyID, acmetest.MythicSecret
	config.APIEndpoint, config.AuthAPIEndpoint, config.HTTPClient = api, login, m.Client()
	provider, err := mythicbeasts.NewDNSProviderConfig(config)
	require.NoError(t, err)
	require.NoError(t, dns01.AddRecursiveNameservers([]string{dns.Addr().String()})(nil))

	const domain, token = "www.example.com", "token"
	require.NoError(t, provider.Present(domain, token, "key1"))
	require.NoError(t, provider.Present(domain, token, "key2"))
	one, two := dns01.GetChallengeInfo(domain, "key1"), dns01.GetChallengeInfo(domain, "key2")
	require.ElementsMatch(t, []string{one.Value, two.Value}, dns.TXT(one.FQDN))
	require.ErrorContains(t, provider.Present(domain, token, "key1"), "400", "to this client a duplicate is an error")

	require.NoError(t, provider.CleanUp(domain, token, "key1"))
	require.Equal(t, []string{two.Value}, dns.TXT(one.FQDN))
	require.ErrorContains(t, provider.CleanUp(domain, token, "key1"), "did not remove", "and so is a record that is gone")
	require.NoError(t, provider.CleanUp(domain, token, "key2"))
	require.Empty(t, m.Records("example.com"))
	require.Equal(t, 6, m.Logins())
}
