package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/mythic-beasts/hostkit/internal/pebbletest"
)

// service is a DNS service that notes what it is asked.
type service struct {
	said []string
	err  error
}

func (s *service) AddTXT(_ context.Context, records ...dns01.TXT) error {
	return s.note("add", records)
}

func (s *service) DeleteTXT(_ context.Context, records ...dns01.TXT) error {
	return s.note("delete", records)
}

func (s *service) note(what string, records []dns01.TXT) error {
	var names []string
	for _, r := range records {
		names = append(names, r.Name)
	}
	s.said = append(s.said, what+" "+strings.Join(names, " "))
	return s.err
}

// checking is one with a check and zones of its own.
type checking struct{ service }

func (*checking) Visible(context.Context, dns01.TXT) (bool, error) { return true, nil }

func (*checking) ZoneOf(context.Context, string) (string, error) { return "zone.of.its.own.", nil }

// unseen is a verifier that sees nothing.
type unseen struct{}

func (unseen) Visible(context.Context, dns01.TXT) (bool, error) { return false, nil }

// Each record goes to the service with the longest of the domains above it, whole labels
// compared, and an error of one does not keep it from the others.
func TestProviders(t *testing.T) {
	broken := errors.New("out of order")
	outer, inner := &service{err: broken}, &checking{}
	p := &providers{byDomain: map[string]dns01.Provider{"example.com": outer, "in.example.com": inner}, seen: unseen{}}
	records := []dns01.TXT{
		{Name: "_acme-challenge.example.com."}, {Name: "_acme-challenge.In.Example.Com."}, {Name: "a.b.in.example.com."},
		{Name: "notin.example.com."}, {Name: "notexample.com."},
	}
	err := p.AddTXT(t.Context(), records...)
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, `no DNS service has "notexample.com" in its domains`)
	require.Equal(t, []string{"add _acme-challenge.example.com. notin.example.com."}, outer.said)
	require.Equal(t, []string{"add _acme-challenge.In.Example.Com. a.b.in.example.com."}, inner.said)
	outer.err = nil
	require.NoError(t, p.DeleteTXT(t.Context(), records[:2]...))
	require.Equal(t, "delete _acme-challenge.example.com.", outer.said[1])

	for name, want := range map[string]bool{"in.example.com.": true, "example.com.": false} {
		ok, err := p.Visible(t.Context(), dns01.TXT{Name: name})
		require.NoError(t, err)
		require.Equal(t, want, ok, name)
	}
	_, err = p.Visible(t.Context(), dns01.TXT{Name: "example.net."})
	require.ErrorIs(t, err, fs.ErrNotExist)
	zone, err := p.ZoneOf(t.Context(), "x.in.example.com.")
	require.NoError(t, err)
	require.Equal(t, "zone.of.its.own.", zone)
	_, err = p.ZoneOf(t.Context(), "example.net.")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// Settings become what they say.
func TestSolverOfSettings(t *testing.T) {
	d := DNSSettings{
		Providers:   map[string]dnsConfig{"a": {Kind: kindRFC2136, Server: "ns"}},
		Delegation:  delegationConfig{Follow: []string{"f.example"}, Map: map[string]string{"a.example": "b.example"}},
		Propagation: propagationConfig{Mode: modeRecursive, Quorum: 2, Port: 5353},
	}
	s, err := d.solver(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, 2, s.Verifier.(*dns01.Recursive).Quorum)
	require.True(t, s.DNS.RecursiveOnly)
	require.EqualValues(t, 5353, s.DNS.Port)
	require.Equal(t, []string{"f.example"}, s.FollowCNAME)
	require.Equal(t, "b.example", s.Delegation["a.example"])
	d.Propagation.Mode = modeAPI
	s, err = d.solver(nil)
	require.NoError(t, err)
	require.IsType(t, &providers{}, s.Verifier)
	d.Providers["a"] = dnsConfig{Kind: "nonsense"}
	_, err = d.solver(nil)
	require.ErrorContains(t, err, `dns.a: no kind "nonsense"`)
}

// What a process left in its journal is deleted by the next, and what another that runs
// has in its own is not.
func TestJournals(t *testing.T) {
	world := acmetest.NewDNS(t, acmetest.DNSOptions{})
	dir := t.TempDir()
	record := func(name string) dns01.TXT {
		return dns01.TXT{Zone: "example.com.", Name: name, Value: strings.Repeat("v", 43)}
	}
	other, err := openJournal(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }() // its lock must last
	dead, err := openJournal(dir)
	require.NoError(t, err)
	for name, j := range map[string]*dns01.FileJournal{"live.example.com.": other, "dead.example.com.": dead} {
		require.NoError(t, j.Add(t.Context(), record(name)))
		require.NoError(t, world.AddTXT(t.Context(), record(name)))
	}
	require.NoError(t, dead.Close())
	third, err := openJournal(dir) // the one that the dead process had
	require.NoError(t, err)
	list, err := third.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, third.Close())

	mythic := acmetest.NewMythic(t, world, acmetest.MythicOptions{})
	for _, name := range []string{"live", "dead"} {
		mythic.AddRecord("example.com", acmetest.MythicRecord{Host: name, TTL: 60, Type: "TXT", Data: strings.Repeat("v", 43)})
	}
	ca := (&rig{t: t, dir: t.TempDir()}).trust("api.pem", mythic.Client(), mythic.API())
	settings := &DNSSettings{Providers: map[string]dnsConfig{"fake": {
		Kind: kindMythic, KeyID: acmetest.MythicKeyID, Secret: daemon.NewSecret(acmetest.MythicSecret),
		API: mythic.API(), Login: mythic.Login(), CA: ca,
	}}, Propagation: propagationConfig{Mode: modeAPI}}
	s := &solver{dir: dir, log: slog.New(slog.DiscardHandler)}
	require.NoError(t, s.set(settings))
	defer func() { require.NoError(t, s.close()) }()
	require.NoError(t, s.recover(t.Context(), settings))
	require.Len(t, mythic.Records("example.com"), 1)
	require.Equal(t, "live", mythic.Records("example.com")[0].Host)

	// Other settings: orders on their way keep what they began with.
	before := s.current()
	presented, err := s.Present(t.Context(), acme.Challenge{Type: acme.DNS01, Identifier: "example.com", TXT: strings.Repeat("a", 43)})
	require.NoError(t, err)
	require.NoError(t, s.set(settings))
	require.NotSame(t, before, s.current())
	require.NoError(t, s.recover(t.Context(), settings))
	require.Len(t, mythic.Records("example.com"), 2, "it is in use")
	require.NoError(t, presented.CleanUp(t.Context()))
	require.Len(t, mythic.Records("example.com"), 1)
}

// A name goes by the older API, and another is delegated by the map to a zone that has
// the newer one.
func TestDelegationAndV1(t *testing.T) {
	r := newRig(t)
	r.mode = `mode = "recursive"`
	r.dns.Add("_acme-challenge.www.example.org. 60 IN CNAME www-example-org.example.com.")
	r.config = fmt.Sprintf(`
[dns.old]
kind = "mythic-v1"
domains = ["example.org"]
passwords = { "example.org" = { file = %q } }
api = %q
ca = %q
[delegation]
map = { "www.example.org" = "www-example-org.example.com" }
`, r.write("password", acmetest.MythicPassword), r.mythic.V1(), r.path("api.pem"))
	r.trust("api.pem", r.mythic.Client(), r.mythic.API())
	r.certificate(`"example.org", "www.example.org"`, "")
	r.start()
	require.ElementsMatch(t, []string{"example.org", "www.example.org"}, r.awaitLeaf("example.org").DNSNames)
	v1 := slices.ContainsFunc(r.mythic.Requests(), func(q acmetest.MythicRequest) bool {
		return q.Method == http.MethodPost && !strings.Contains(q.Path, "/v2") && !strings.Contains(q.Path, "login")
	})
	v2 := slices.ContainsFunc(r.mythic.Requests(), func(q acmetest.MythicRequest) bool {
		return q.Method == http.MethodPost && strings.Contains(q.Path, "/zones/example.com/")
	})
	require.True(t, v1 && v2, "%v", r.mythic.Requests())
	r.await("no records", func() bool { return len(r.txt()) == 0 })
	r.end(syscall.SIGTERM)
}

// BIND takes the records by dynamic updates, and is asked itself whether it has them.
func TestRealUpdates(t *testing.T) {
	const secret = "c29tZSBzaGFyZWQgc2VjcmV0IG9mIDMyIGJ5dGVzLi4="
	named := dnspeer.NamedAuthority(t, dnspeer.Authority{
		Zones:     map[string]string{"example.com.": "@ 60 SOA ns1 h 1 7200 3600 604800 60\n@ 60 NS ns1\nns1 60 A 127.0.0.1\n"},
		Blocks:    []string{fmt.Sprintf("key acme.key. { algorithm hmac-sha256; secret %q; };", secret)},
		ZoneLines: map[string][]string{"example.com.": {"allow-update { key acme.key.; };"}},
	})
	r := newWorld(t)
	r.pebble = pebbletest.New(t, pebbletest.Options{DNS: named.Addr})
	r.ca = r.pebble
	r.resolver = named.Addr
	r.mode = fmt.Sprintf("port = %d", named.Addr.Port())
	r.config = fmt.Sprintf(`
[dns.bind]
kind = "rfc2136"
domains = ["example.com"]
server = %q
[dns.bind.tsig]
name = "acme.key"
secret = { file = %q }
`, named.Addr, r.write("tsig", secret+"\n"))
	r.certificate(`"example.com", "*.example.com", "www.example.com"`, "")
	r.start()
	require.Len(t, r.awaitLeaf("example.com").DNSNames, 3)
	require.Empty(t, slices.DeleteFunc(r.mythic.Requests(), func(q acmetest.MythicRequest) bool { return q.Method == http.MethodGet }), "the other service is not asked")
	require.NotContains(t, r.said(), secret)
}
