package dns01_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

const account = "https://ca.test/acct/1"

// persistChallenge is one of an authority with two names.
func persistChallenge(wildcard bool) acme.Challenge {
	return acme.Challenge{
		Type: acme.DNSPersist01, Identifier: "example.com", Wildcard: wildcard,
		AccountURL: account, IssuerDomains: []string{"ca.test", "also.test"},
	}
}

// now is in the lifetime of the records of these tests.
func now() time.Time { return time.Unix(1_800_000_000, 0) }

// Which records are good, and what the error says of those that are not.
func TestPersist(t *testing.T) {
	later, soon := now().Add(2*time.Hour), now().Add(time.Minute)
	for what, tt := range map[string]struct {
		value    string
		wildcard bool
		says     string
	}{
		"plain":              {dns01.PersistValue("ca.test", account, false, time.Time{}), false, ""},
		"the other name":     {dns01.PersistValue("also.test", account, false, later), false, ""},
		"wildcard":           {dns01.PersistValue("ca.test", account, true, later), true, ""},
		"wildcard for one":   {dns01.PersistValue("ca.test", account, true, later), false, ""},
		"loosely written":    {"CA.test. ;\taccountURI = " + account + " ; POLICY=Wildcard; note=x", true, ""},
		"none":               {"", false, `add _validation-persist.example.com. TXT "ca.test; accounturi=` + account + `"`},
		"none for wildcards": {"", true, "policy=wildcard"},
		"no wildcard":        {dns01.PersistValue("ca.test", account, false, time.Time{}), true, "it has no policy=wildcard"},
		"an unknown policy":  {dns01.PersistValue("ca.test", account, false, time.Time{}) + "; policy=all", true, "it has no policy=wildcard"},
		"another account":    {dns01.PersistValue("ca.test", account+"1", true, time.Time{}), false, "it is for another account"},
		"another authority":  {dns01.PersistValue("evil.test", account, true, time.Time{}), false, "add _validation-persist"},
		"ended":              {dns01.PersistValue("ca.test", account, true, now().Add(-time.Second)), false, "it ends at 2027-01-15T07:59:59Z"},
		"ends soon":          {dns01.PersistValue("ca.test", account, true, soon), false, "it ends at"},
		"no account":         {"ca.test; policy=wildcard", false, "add _validation-persist"},
		"another's text":     {"v=spf1 -all", false, "add _validation-persist"},
	} {
		t.Run(what, func(t *testing.T) {
			d := acmetest.NewDNS(t, acmetest.DNSOptions{})
			p := &dns01.Persist{DNS: resolve(d), Now: now}
			d.SetTXT("example.com", "_validation-persist.example.com", []string{"something else", tt.value})
			standing, err := p.Present(t.Context(), persistChallenge(tt.wildcard))
			if tt.says != "" {
				require.ErrorIs(t, err, dns01.ErrNoPersistRecord)
				require.ErrorContains(t, err, tt.says)
				return
			}
			require.NoError(t, err)
			require.NoError(t, standing.Ready(t.Context()))
			require.NoError(t, standing.CleanUp(t.Context()))
			require.Empty(t, d.Writes(), "nothing is written")
			require.Contains(t, d.TXT("_validation-persist.example.com"), tt.value)
		})
	}
}

// All servers must have it, as with records that are added for a challenge.
func TestPersistAtEveryServer(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	d.Server(1).Hold()
	value := dns01.PersistValue("ca.test", account, false, time.Time{})
	d.SetTXT("example.com", "_validation-persist.example.com", []string{value})
	_, err := (&dns01.Persist{DNS: resolve(d)}).Present(t.Context(), persistChallenge(false))
	require.ErrorIs(t, err, dns01.ErrNotVisible)
	require.ErrorContains(t, err, "ns2.servers.test. (192.0.2.2): the record is not there yet")
	d.Server(1).Release()
	_, err = (&dns01.Persist{DNS: resolve(d)}).Present(t.Context(), persistChallenge(false))
	require.NoError(t, err)
}

// Aliases are followed wherever they lead: nothing is written there. So are resolvers
// alone asked where nothing else can be reached.
func TestPersistElsewhere(t *testing.T) {
	for _, recursive := range []bool{false, true} {
		d := acmetest.NewDNS(t, acmetest.DNSOptions{Zones: []string{"example.com", "other.test"}})
		d.Add("_validation-persist.example.com. CNAME example.other.test.")
		value := dns01.PersistValue("ca.test", account, true, time.Time{})
		d.SetTXT("other.test", "example.other.test", []string{value})
		names := resolve(d)
		names.RecursiveOnly = recursive
		p := &dns01.Persist{DNS: names}
		_, err := p.Present(t.Context(), persistChallenge(true))
		require.NoError(t, err)
		for _, q := range d.Queries() {
			require.True(t, !recursive || q.Server == "resolver")
		}
		d.SetTXT("other.test", "example.other.test", nil)
		_, err = p.Present(t.Context(), persistChallenge(true))
		require.ErrorContains(t, err, "add _validation-persist.example.com. TXT", "not where the alias leads")
	}
}

func TestPersistRefuses(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	bare := persistChallenge(false)
	bare.IssuerDomains = nil
	nobody := persistChallenge(false)
	nobody.AccountURL = ""
	odd := persistChallenge(false)
	odd.Identifier = "a/b.example.com"
	for says, ch := range map[string]acme.Challenge{
		"has no domain of the authority": bare, "or no account": nobody, "has bytes": odd,
		`of type "dns-01"`: challenge("example.com", "v"),
	} {
		_, err := (&dns01.Persist{DNS: resolve(d)}).Present(t.Context(), ch)
		require.ErrorContains(t, err, says)
	}
	nowhere := &dns01.Persist{DNS: &dns01.DNS{Resolvers: []netip.AddrPort{d.Addr()}, Dial: d.Dial}}
	ch := persistChallenge(false)
	ch.Identifier = "example.invalid"
	_, err := nowhere.Present(t.Context(), ch)
	require.ErrorContains(t, err, "no zone has it")
}

func TestParsePersist(t *testing.T) {
	r, err := dns01.ParsePersist("ca.test; accounturi=" + account + "; policy=wildcard; persistUntil=1721952000")
	require.NoError(t, err)
	require.Equal(t, dns01.PersistRecord{Issuer: "ca.test", AccountURL: account, Wildcard: true, Until: time.Unix(1721952000, 0)}, r)
	for _, bad := range []string{
		"", ";", "ca test; accounturi=x", "ca.test", "ca.test;", "ca.test; accounturi", "ca.test; accounturi=",
		"ca.test; accounturi=a; accountURI=b", "ca.test; =x; accounturi=a", "ca.test; accounturi=a b",
		"ca.test; accounturi=a; persistUntil=soon", "ca.test; accounturi=a; persistUntil=", "ca.test; accounturi=\x1b",
		"ca.test; accounturi=" + string(make([]byte, 5000)),
	} {
		_, err := dns01.ParsePersist(bad)
		require.Error(t, err, bad)
	}
}

// Records are strangers' text: what is read of one can be written and read again.
func FuzzParsePersist(f *testing.F) {
	f.Add("ca.test; accounturi=https://ca.test/1; policy=wildcard; persistUntil=1721952000")
	f.Add(" a ;\taccounturi\t=\tb ;x=")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := dns01.ParsePersist(text)
		if err != nil {
			return
		}
		again, err := dns01.ParsePersist(r.Value())
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}
