package mythic_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/mythic"
)

func TestAddAndDelete(t *testing.T) {
	dns := acmetest.NewDNS(t, acmetest.DNSOptions{})
	m := acmetest.NewMythic(t, dns, acmetest.MythicOptions{})
	c := v2(m)
	a, b := txt("_acme-challenge.example.com.", "-a_value"), txt("_acme-challenge.example.com.", "b")
	w := dns01.TXT{Zone: "example.com.", Name: "_acme-challenge.WWW.example.com", Value: "w", TTL: time.Hour}

	require.NoError(t, c.AddTXT(t.Context(), a, b, w, a))
	require.Equal(t, []string{"_acme-challenge -a_value", "_acme-challenge b", "_acme-challenge.www w"}, values(m, "example.com"))
	require.Equal(t, []int{120, 3600}, []int{m.Records("example.com")[0].TTL, m.Records("example.com")[2].TTL})
	require.Equal(t, []string{"GET /zones", "POST /zones/example.com/records"}, requests(m), "one request adds all")
	require.Equal(t, []string{"-a_value", "b"}, dns.TXT(a.Name))

	require.NoError(t, c.AddTXT(t.Context(), a), "is there already")
	require.NoError(t, c.AddTXT(t.Context()))
	visible, err := c.Visible(t.Context(), b)
	require.NoError(t, err)
	require.True(t, visible)

	require.NoError(t, c.DeleteTXT(t.Context(), a))
	require.Equal(t, []string{"b"}, dns.TXT(a.Name), "nothing but the value")
	require.NoError(t, c.DeleteTXT(t.Context(), a), "is gone already")
	require.NoError(t, c.DeleteTXT(t.Context(), b, w))
	require.Empty(t, m.Records("example.com"))
	require.Equal(t, "DELETE /zones/example.com/records/_acme-challenge/TXT?data=-a_value", requests(m)[4])
}

// The zone itself can have a record, and a name many labels.
func TestHosts(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{Zones: []string{"Example.com."}})
	c := v2(m)
	require.NoError(t, c.AddTXT(t.Context(), txt("example.com", "at the zone"), txt("_acme-challenge.a.b.c.d.example.com.", "x")))
	require.Equal(t, []string{"@ at the zone", "_acme-challenge.a.b.c.d x"}, values(m, "example.com"))
	require.NoError(t, c.DeleteTXT(t.Context(), txt("example.com", "at the zone")))
	require.Equal(t, []string{"_acme-challenge.a.b.c.d x"}, values(m, "example.com"))
}

// Some of a request are there: the others are added, whether or not the API's words
// are understood.
func TestSomeDuplicates(t *testing.T) {
	for _, words := range []string{"", `{"errors":["Duplicate record"]}`} {
		m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
		c := v2(m)
		var records []dns01.TXT
		for i := range 6 {
			records = append(records, txt(fmt.Sprintf("_acme-challenge.%d.example.com.", i/2), fmt.Sprint(i)))
		}
		require.NoError(t, c.AddTXT(t.Context(), records[1], records[4]))
		if words != "" {
			m.Fail(acmetest.MythicFault{Method: http.MethodPost, Path: "/dns", Status: http.StatusBadRequest, Body: words})
		}
		require.NoError(t, c.AddTXT(t.Context(), records...))
		require.Len(t, m.Records("example.com"), 6, words)
	}
}

// A refusal for another reason is one, whatever stands beside it.
func TestDuplicateAndWorse(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	for _, body := range []string{
		`{"errors":["Duplicate record '_acme-challenge 120 TXT \"v\"'","Zone is locked"]}`,
		`{"errors":[]}`, `{"errors":null}`, `no JSON`, ``,
	} {
		m.Fail(acmetest.MythicFault{Method: http.MethodPost, Path: "/dns", Status: http.StatusBadRequest, Body: body})
		err := v2(m).AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v"))
		var refused *mythic.Error
		require.ErrorAs(t, err, &refused, body)
		require.Equal(t, http.StatusBadRequest, refused.Status)
		require.Contains(t, err.Error(), "add TXT _acme-challenge to zone example.com")
	}
}

// A key may be for the TXT records of some hosts only: what is not about one of them is
// refused, and asked for host by host.
func TestKeyWithFewRights(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{Keys: []acmetest.MythicKey{{
		ID: acmetest.MythicKeyID, Secret: acmetest.MythicSecret, Hosts: []string{"_acme-challenge", "_acme-challenge.*"}, Types: []string{"TXT"},
	}}})
	c := v2(m)
	records := []dns01.TXT{txt("_acme-challenge.example.com.", "1"), txt("_acme-challenge.example.com.", "2"), txt("_acme-challenge.www.example.com.", "3")}
	require.NoError(t, c.AddTXT(t.Context(), records...))
	require.Len(t, m.Records("example.com"), 3)
	require.NoError(t, c.DeleteTXT(t.Context(), records...))
	require.Empty(t, m.Records("example.com"))

	err := c.AddTXT(t.Context(), txt("www.example.com.", "not a challenge"))
	require.ErrorIs(t, err, mythic.ErrDenied)
	require.ErrorContains(t, err, `"Access denied"`)
	require.ErrorIs(t, c.DeleteTXT(t.Context(), txt("www.example.com.", "not a challenge")), mythic.ErrDenied)
}

// Two orders that have a name in common each delete their own value.
func TestOrdersShareAName(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	c := v2(m)
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		wg.Go(func() {
			record := txt("_acme-challenge.example.com.", fmt.Sprintf("value-%d", i))
			if errs[i] = c.AddTXT(t.Context(), record); errs[i] == nil && i%2 == 0 {
				errs[i] = c.DeleteTXT(t.Context(), record)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, m.Records("example.com"), 10)
	for _, v := range values(m, "example.com") {
		require.Contains(t, "13579", v[len(v)-1:])
	}
}

func TestVisibleAfterDelay(t *testing.T) {
	opts := acmetest.MythicOptions{Delay: time.Hour}
	dns := acmetest.NewDNS(t, acmetest.DNSOptions{})
	m := acmetest.NewMythic(t, dns, opts)
	c := v2(m)
	record := txt("_acme-challenge.example.com.", "v")
	require.NoError(t, c.AddTXT(t.Context(), record))

	visible, err := c.Visible(t.Context(), record)
	require.False(t, visible)
	require.ErrorIs(t, err, mythic.ErrNotYet)
	require.ErrorContains(t, err, "Received 0 record(s), expected 1 from ns1.mythic-beasts.com.")
	require.Empty(t, dns.TXT(record.Name))

	m.Settle()
	visible, err = c.Visible(t.Context(), record)
	require.NoError(t, err)
	require.True(t, visible)
	require.Equal(t, []string{"v"}, dns.TXT(record.Name))

	visible, err = c.Visible(t.Context(), txt(record.Name, "another value"))
	require.False(t, visible)
	require.ErrorIs(t, err, mythic.ErrNotYet, "the servers agree about another value")
}

func TestZoneOf(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{Zones: []string{"example.com", "sub.example.com", "example.org", "com"}})
	c := v2(m)
	for name, want := range map[string]string{
		"_acme-challenge.example.com.":           "example.com.",
		"_ACME-challenge.Sub.Example.COM":        "sub.example.com.",
		"a.b.sub.example.com.":                   "sub.example.com.",
		"_acme-challenge.notexample.com.":        "com.",
		"_acme-challenge.notsub.example.com.":    "example.com.",
		"example.org":                            "example.org.",
		"_acme-challenge.xn--bcher-kva.com.":     "com.",
		strings.Repeat("a23456789.", 24) + "com": "com.",
	} {
		zone, err := c.ZoneOf(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, zone, name)
	}
	_, err := c.ZoneOf(t.Context(), "_acme-challenge.notexample.org.")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Equal(t, []string{"GET /zones"}, requests(m), "the list is asked for once")
	require.ErrorIs(t, c.AddTXT(t.Context(), txt("_acme-challenge.notexample.org.", "v")), fs.ErrNotExist)
}

// The list is kept for a while, and a zone that it lacks is looked for again.
func TestNewZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := acmetest.NewMythic(t, nil, inMemory(t))
		c := v2(m)
		_, err := c.ZoneOf(t.Context(), "example.net.")
		require.ErrorIs(t, err, fs.ErrNotExist)
		m.AddZone("example.net")
		_, err = c.ZoneOf(t.Context(), "example.net.")
		require.ErrorIs(t, err, fs.ErrNotExist, "the list is quite new")

		after(16 * time.Second)
		zone, err := c.ZoneOf(t.Context(), "example.net.")
		require.NoError(t, err)
		require.Equal(t, "example.net.", zone)
		require.Equal(t, 2, count(m, "GET /zones"))
		after(6 * time.Minute)
		_, err = c.ZoneOf(t.Context(), "example.com.")
		require.NoError(t, err)
		require.Equal(t, 3, count(m, "GET /zones"))
	})
}

// after waits in the time of a bubble.
func after(d time.Duration) { <-time.After(d) }

func TestBadRecords(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	good := "_acme-challenge.example.com."
	for _, r := range []dns01.TXT{
		txt("", "v"), txt(".", "v"), txt("..", "v"), txt("*.example.com.", "v"), txt("a..example.com.", "v"),
		txt("../zones.example.com", "v"), txt("a/b.example.com.", "v"), txt("a%2e.example.com.", "v"), txt("a b.example.com.", "v"),
		txt("_acme-challenge.bücher.example.com.", "v"), txt("a\nDELETE.example.com.", "v"), txt("a\\046.example.com.", "v"),
		txt(strings.Repeat("a", 64)+".example.com.", "v"), txt(strings.Repeat("a23456789.", 25)+"com.", "v"), txt(strings.Repeat("a", 300), "v"),
		txt(good, ""), txt(good, "two\nlines"), txt(good, "\x00"), txt(good, `"`), txt(good, `\`), txt(good, "\xff"), txt(good, strings.Repeat("v", 1001)),
		{Name: good, Value: "v", Zone: "ample.com."}, {Name: good, Value: "v", Zone: "example.org."}, {Name: good, Value: "v", Zone: "../example.com"},
	} {
		for _, p := range []dns01.Provider{v2(m), v1(m)} {
			require.ErrorContains(t, p.AddTXT(t.Context(), r), "mythic: ", "%q", r)
			require.ErrorContains(t, p.DeleteTXT(t.Context(), r), "mythic: ", "%q", r)
		}
		_, err := v2(m).Visible(t.Context(), r)
		require.ErrorContains(t, err, "mythic: ", "%q", r)
	}
	require.Zero(t, count(m, "POST")+count(m, "DELETE"))
}

// Many values go in few requests, and nothing else goes with them.
func TestManyValues(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	m.AddRecord("example.com", acmetest.MythicRecord{Host: "@", TTL: 300, Type: "TXT", Data: "v=spf1 -all"},
		acmetest.MythicRecord{Host: "www", TTL: 300, Type: "A", Data: "192.0.2.1"})
	c := v2(m)
	const n = 400
	records := make([]dns01.TXT, n)
	for i := range records {
		records[i] = txt(fmt.Sprintf("_acme-challenge.host%d.example.com.", i/2), fmt.Sprintf("%043d", i))
	}
	require.NoError(t, c.AddTXT(t.Context(), records...))
	require.Len(t, m.Records("example.com"), n+2)
	require.NoError(t, c.DeleteTXT(t.Context(), records...))
	require.Equal(t, []string{"@ v=spf1 -all", "www 192.0.2.1"}, values(m, "example.com"))
	require.LessOrEqual(t, len(m.Requests()), n/20)
}

// An API that does not know select= is not asked to delete by it.
func TestSelectIsNotKnown(t *testing.T) {
	whole := `{"records":[{"host":"@","ttl":300,"type":"TXT","data":"v=spf1 -all"},{"host":"_acme-challenge.a","ttl":300,"type":"TXT","data":"1"}]}`
	for _, said := range []string{whole, `{"records":[]}`} {
		m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
		m.AddRecord("example.com", acmetest.MythicRecord{Host: "@", TTL: 300, Type: "TXT", Data: "v=spf1 -all"})
		c := v2(m)
		records := []dns01.TXT{txt("_acme-challenge.a.example.com.", "1"), txt("_acme-challenge.b.example.com.", "2")}
		require.NoError(t, c.AddTXT(t.Context(), records...))
		m.Fail(acmetest.MythicFault{Method: http.MethodGet, Path: "/dns/v2/zones/example.com/records", Status: http.StatusOK, Body: said})
		require.NoError(t, c.DeleteTXT(t.Context(), records...))
		require.Equal(t, []string{"@ v=spf1 -all"}, values(m, "example.com"))
		require.Equal(t, 2, count(m, "DELETE"))
		for _, r := range requests(m) {
			require.False(t, strings.HasPrefix(r, "DELETE") && strings.Contains(r, "select"), r)
		}
	}
}

// What the API says about a success is read too.
func TestUnlikelySuccess(t *testing.T) {
	record := txt("_acme-challenge.example.com.", "v")
	other := txt("_acme-challenge.example.com.", "w")
	for _, body := range []string{``, `{}`, `[]`, `<html>`, `{"records_added":0,"records_removed":2}`, `{"records_added":"1","records_removed":"1"}`} {
		m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
		c := v2(m)
		_, err := c.ZoneOf(t.Context(), record.Name)
		require.NoError(t, err)
		m.Fail(acmetest.MythicFault{Path: "/dns", Times: -1, Status: http.StatusOK, Body: body})
		require.ErrorContains(t, c.AddTXT(t.Context(), record), "add TXT _acme-challenge to zone example.com", body)
		require.ErrorContains(t, c.DeleteTXT(t.Context(), record), "delete TXT _acme-challenge from zone example.com", body)
		require.Error(t, c.DeleteTXT(t.Context(), record, other), body)
		visible, err := c.Visible(t.Context(), record)
		require.Error(t, err, body)
		require.False(t, visible)
		_, err = v2(m).ZoneOf(t.Context(), record.Name)
		require.ErrorContains(t, err, "list the zones", body)
	}
}
