package acmetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// ProviderTest is what [TestProvider] needs besides the provider.
type ProviderTest struct {
	// Zone is one that the provider may change; the suite uses names below
	// _acme-challenge in it, and leaves none behind.
	Zone string
	// Lookup returns the TXT values that the service has at a name, in any order.
	Lookup func(t testing.TB, name string) []string
}

// TestProvider proves what a [dns01.Provider] promises: exact values, several at a
// name, in one call and in many at once, and that both methods are idempotent.
func TestProvider(t *testing.T, provider dns01.Provider, with ProviderTest) {
	t.Helper()
	zone := strings.ToLower(strings.TrimSuffix(with.Zone, ".")) + "."
	s := suite{provider: provider, lookup: with.Lookup, zone: zone}
	t.Run("add and delete", s.addAndDelete)
	t.Run("several values at a name", s.several)
	t.Run("twice", s.twice)
	t.Run("many records in a call", s.many)
	t.Run("awkward values", s.awkward)
	t.Run("a zone to be found", s.noZone)
	t.Run("many calls at once", s.concurrent)
	t.Run("nothing", func(t *testing.T) {
		if err := provider.AddTXT(t.Context()); err != nil {
			t.Errorf("to add nothing: %v", err)
		}
		if err := provider.DeleteTXT(t.Context()); err != nil {
			t.Errorf("to delete nothing: %v", err)
		}
	})
}

type suite struct {
	provider dns01.Provider
	lookup   func(testing.TB, string) []string
	zone     string
}

func (s suite) record(host, value string) dns01.TXT {
	return dns01.TXT{Zone: s.zone, Name: "_acme-challenge." + host + s.zone, Value: value}
}

func (s suite) add(t testing.TB, records ...dns01.TXT) {
	t.Helper()
	if err := s.provider.AddTXT(t.Context(), records...); err != nil {
		t.Fatalf("add %v: %v", records, err)
	}
}

func (s suite) remove(t testing.TB, records ...dns01.TXT) {
	t.Helper()
	if err := s.provider.DeleteTXT(t.Context(), records...); err != nil {
		t.Fatalf("delete %v: %v", records, err)
	}
}

func (s suite) has(t testing.TB, name string, want ...string) {
	t.Helper()
	got := slices.Sorted(slices.Values(s.lookup(t, name)))
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s has the values %q, not %q", name, got, want)
	}
}

func (s suite) addAndDelete(t *testing.T) {
	for _, host := range []string{"", "www.", "a.b.c."} {
		r := s.record(host, "first-"+host)
		s.add(t, r)
		s.has(t, r.Name, r.Value)
		s.remove(t, r)
		s.has(t, r.Name)
	}
}

// As for a name and its wildcard, and for two orders of one name.
func (s suite) several(t *testing.T) {
	one, two, three := s.record("several.", "one"), s.record("several.", "two"), s.record("several.", "three")
	s.add(t, one, two)
	s.add(t, three)
	s.has(t, one.Name, "one", "two", "three")
	s.remove(t, two)
	s.has(t, one.Name, "one", "three")
	s.remove(t, one, three)
	s.has(t, one.Name)
}

func (s suite) twice(t *testing.T) {
	r, other := s.record("twice.", "value"), s.record("twice.", "other")
	s.add(t, r)
	s.add(t, r)
	s.add(t, r, other)
	s.has(t, r.Name, "value", "other")
	s.remove(t, r)
	s.remove(t, r)
	s.remove(t, r, s.record("never.", "added"))
	s.has(t, r.Name, "other")
	s.remove(t, other, r)
	s.has(t, r.Name)
}

func (s suite) many(t *testing.T) {
	var records []dns01.TXT
	for i := range 40 {
		records = append(records, s.record(fmt.Sprintf("h%d.many.", i/2), fmt.Sprintf("value-%d", i)))
	}
	s.add(t, records...)
	for i := 0; i < len(records); i += 2 {
		s.has(t, records[i].Name, records[i].Value, records[i+1].Value)
	}
	s.remove(t, records...)
	for i := 0; i < len(records); i += 2 {
		s.has(t, records[i].Name)
	}
}

// What base64url may give, and what records of dns-persist-01 have.
func (s suite) awkward(t *testing.T) {
	values := []string{
		"-begins-with-a-dash_and_under__", "Case", "case",
		"ca.example; accounturi=https://ca.example/acct/1?a=b&c=d; policy=wildcard",
		strings.Repeat("long", 75),
	}
	for _, value := range values {
		s.add(t, s.record("awkward.", value))
	}
	name := s.record("awkward.", "").Name
	s.has(t, name, slices.Clone(values)...)
	for i, value := range values {
		s.remove(t, s.record("awkward.", value))
		s.has(t, name, slices.Clone(values[i+1:])...)
	}
}

func (s suite) noZone(t *testing.T) {
	r := s.record("nozone.", "value")
	r.Zone = ""
	s.add(t, r)
	s.has(t, r.Name, "value")
	s.remove(t, r)
	s.has(t, r.Name)
}

func (s suite) concurrent(t *testing.T) {
	const orders = 20
	name := s.record("busy.", "").Name
	var all sync.WaitGroup
	for i := range orders {
		all.Go(func() {
			mine := s.record("busy.", fmt.Sprintf("order-%d", i))
			if err := s.provider.AddTXT(t.Context(), mine); err != nil {
				t.Errorf("add %v: %v", mine, err)
			}
			if i%2 == 0 {
				return
			}
			if err := s.provider.DeleteTXT(t.Context(), mine); err != nil {
				t.Errorf("delete %v: %v", mine, err)
			}
		})
	}
	all.Wait()
	var stay []string
	var left []dns01.TXT
	for i := 0; i < orders; i += 2 {
		r := s.record("busy.", fmt.Sprintf("order-%d", i))
		stay, left = append(stay, r.Value), append(left, r)
	}
	s.has(t, name, stay...)
	s.remove(t, left...)
	s.has(t, name)
}
