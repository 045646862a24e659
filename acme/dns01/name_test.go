package dns01_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

func TestRecordName(t *testing.T) {
	const account = "https://example.com/acme/acct/ExampleAccount" // of the draft
	for what, test := range map[string]struct {
		ch   acme.Challenge
		want string
	}{
		"dns-01":         {acme.Challenge{Type: acme.DNS01, Identifier: "Example.COM."}, "_acme-challenge.example.com."},
		"a wildcard":     {acme.Challenge{Type: acme.DNS01, Identifier: "*.example.com"}, "_acme-challenge.example.com."},
		"dns-account-01": {acme.Challenge{Type: acme.DNSAccount01, Identifier: "example.com", AccountURL: account}, "_ujmmovf2vn55tgye._acme-challenge.example.com."},
		"dns-persist-01": {acme.Challenge{Type: acme.DNSPersist01, Identifier: "example.com"}, "_validation-persist.example.com."},
	} {
		t.Run(what, func(t *testing.T) {
			name, err := dns01.RecordName(test.ch)
			require.NoError(t, err)
			require.Equal(t, test.want, name)
		})
	}
	_, err := dns01.RecordName(acme.Challenge{Type: acme.DNSAccount01, Identifier: "example.com"})
	require.ErrorContains(t, err, "no AccountURL")
}

func TestPersistValue(t *testing.T) {
	require.Equal(t, "ca.test; accounturi=https://ca.test/1", dns01.PersistValue("ca.test", "https://ca.test/1", false, time.Time{}))
	require.Equal(t, "ca.test; accounturi=https://ca.test/1; policy=wildcard; persistUntil=1721952000",
		dns01.PersistValue("ca.test", "https://ca.test/1", true, time.Unix(1721952000, 0)))
}

func TestAccountChallenge(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	s := quick(d)
	require.Equal(t, []string{acme.DNS01}, s.Types())
	s.Challenges = []string{acme.DNSAccount01, acme.DNS01}
	require.Equal(t, s.Challenges, s.Types())
	p := present(t, s, acme.Challenge{Type: acme.DNSAccount01, Identifier: "example.com", AccountURL: "https://ca.test/1", TXT: "v"})
	require.NoError(t, p.Ready(t.Context()))
	require.Empty(t, d.TXT("_acme-challenge.example.com."))
	require.NoError(t, p.CleanUp(t.Context()))
}
