package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/web"
)

// pages are all that there are of a customer's.
func pages(owner string) []string {
	pi := map[string]string{"alice": "pi-01", "bob": "pi-02"}[owner]
	return []string{
		"/", "/?q=up", "/account", "/audit", "/domains", "/sites",
		"/pis/" + pi, "/pis/" + pi + "/power/on", "/pis/" + pi + "/power/off", "/pis/" + pi + "/power/cycle",
		"/pis/" + pi + "/rebuild", "/pis/" + pi + "/console", "/pis/" + pi + "/log?q=panic",
		"/domains/" + owner + ".example", "/domains/" + owner + ".example/dnssec/off", "/domains/" + owner + ".example/roll",
		"/sites/www." + owner + ".example",
	}
}

// buttons are all that there are for a customer's things.
func buttons(owner string) map[string]url.Values {
	pi := "/pis/" + map[string]string{"alice": "pi-01", "bob": "pi-02"}[owner]
	domain, site := "/domains/"+owner+".example", "/sites/www."+owner+".example"
	why := url.Values{"reason": {"a test"}}
	return map[string]url.Values{
		pi + "/power/on": why, pi + "/power/off": why, pi + "/power/cycle": why, pi + "/rebuild": why,
		pi + "/console/keyboard": {},
		domain + "/dnssec":       {}, domain + "/dnssec/off": why, domain + "/roll": why, domain + "/certificate": {},
		site + "/proxy": {"header": {"v1"}}, site + "/probe": {},
	}
}

var inline = regexp.MustCompile(`<script[^>]*>[^<]|\son\w+=|\sstyle=|<style|javascript:`)

// Every page is there for its owner and for an operator, whole and with headers.
func TestPages(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"alice", "noc"} {
		p := r.login(t, name)
		for _, path := range pages("alice") {
			got := p.get(path)
			require.Equal(t, http.StatusOK, got.status, path)
			require.Equal(t, path, got.path)
			require.Contains(t, got.body, "</html>", path)
			require.Equal(t, 1, strings.Count(got.body, "<h1>"), path)
			require.NotRegexp(t, inline, got.body, path)
			require.NotContains(t, got.body, "ZgotmplZ", path)
			require.NotContains(t, got.body, "&lt;no value", path)
			require.Contains(t, got.header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'", path)
			require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"), path)
			require.Equal(t, "no-store", got.header.Get("Cache-Control"), path)
		}
	}
}

// Who is not logged in gets the page for that, and comes back to where they wanted to.
func TestNobody(t *testing.T) {
	r := newRig(t)
	for _, path := range pages("alice") {
		got := r.nobody(t).get(path)
		require.True(t, strings.HasPrefix(got.path, "/login"), "%s led to %s", path, got.path)
		require.NotContains(t, got.body, "pi-01 ", path)
	}
	for path, form := range buttons("alice") {
		got := r.nobody(t).post(path, form)
		require.NotEqual(t, http.StatusNoContent, got.status, path)
		require.Empty(t, r.house.done(), path)
	}
}

// Another's things are as if they were not there: no page, no button, no event, and no
// word of them on one's own pages.
func TestOthers(t *testing.T) {
	r := newRig(t)
	bob := r.login(t, "bob")
	for _, path := range pages("bob") {
		body := bob.get(path).body
		for _, word := range []string{"pi-01", "pi-03", "alice", "10.80.0.6", "2001:db8::1"} {
			require.NotContains(t, body, word, path)
		}
	}
	for _, path := range pages("alice")[6:] {
		require.Equal(t, http.StatusNotFound, bob.get(path).status, path)
		require.Equal(t, http.StatusNotFound, bob.do("GET", path, nil, "Accept", "text/event-stream").status, path)
	}
	for path, form := range buttons("alice") {
		require.Equal(t, http.StatusNotFound, bob.post(path, form).status, path)
		require.Empty(t, r.house.done(), path)
	}
	require.Equal(t, bob.get("/pis/nothing").body, bob.get("/pis/pi-01").body, "not even whether it is there can be told")
}

// Every button of a customer does what it says, and says that it did.
func TestButtons(t *testing.T) {
	r := newRig(t)
	alice := r.login(t, "alice")
	want := map[string]string{
		"/pis/pi-01/power/on":                `on pi-01 for "a test" by alice`,
		"/pis/pi-01/power/off":               `off pi-01 for "a test" by alice`,
		"/pis/pi-01/power/cycle":             `cycle pi-01 for "a test" by alice`,
		"/pis/pi-01/rebuild":                 "rebuild pi-01 by alice",
		"/domains/alice.example/dnssec":      "dnssec alice.example true by alice",
		"/domains/alice.example/dnssec/off":  "dnssec alice.example false by alice",
		"/domains/alice.example/roll":        "roll alice.example by alice",
		"/domains/alice.example/certificate": "certify alice.example by alice",
		"/sites/www.alice.example/proxy":     "proxy www.alice.example v1 by alice",
		"/sites/www.alice.example/probe":     "probe www.alice.example",
	}
	for path, form := range buttons("alice") {
		if strings.HasSuffix(path, "/keyboard") {
			continue
		}
		got := alice.post(path, form)
		require.Equal(t, http.StatusOK, got.status, path)
		require.Equal(t, []string{want[path]}, r.house.done(), path)
		require.Contains(t, got.body, `<p class="note" role="status">`, path)
		require.NotContains(t, alice.get(got.path).body, `<p class="note" role="status">`, "it is said once")
	}
}

// A button that fails says why, in words, and keeps what was typed.
func TestFailures(t *testing.T) {
	r := newRig(t)
	refused := fmt.Errorf("demo: port 1 is locked until 12:00: %w", model.ErrRefused)
	secret := errors.New("dial 10.0.0.1: community hunter2")
	for _, name := range []string{"alice", "noc"} {
		p := r.login(t, name)
		for path, form := range buttons("alice") {
			if strings.HasSuffix(path, "/keyboard") {
				continue
			}
			r.house.failNext(refused)
			got := p.post(path, form)
			require.Equal(t, http.StatusConflict, got.status, path)
			require.Contains(t, got.body, `<p class="problem" role="alert">Port 1 is locked until 12:00.</p>`, path)
			if form.Has("reason") {
				require.Contains(t, got.body, `value="a test"`, path)
			}
			r.house.failNext(secret)
			got = p.post(path, form)
			require.Equal(t, http.StatusBadGateway, got.status, path)
			require.Regexp(t, `the number [A-Z2-7]{8}|Number [A-Z2-7]{8}`, got.body, path)
			require.Equal(t, name == "noc", strings.Contains(got.body, "10.0.0.1"), "how the house is made is for operators")
			require.Empty(t, r.house.done())
		}
	}
}

func TestReasons(t *testing.T) {
	r := newRig(t)
	alice := r.login(t, "alice")
	for path, form := range buttons("alice") {
		if !form.Has("reason") {
			continue
		}
		got := alice.post(path, url.Values{"reason": {"  "}})
		require.Equal(t, http.StatusUnprocessableEntity, got.status, path)
		require.Contains(t, got.body, `aria-invalid="true" aria-describedby="reason-problem"`, path)
		long := strings.Repeat("x", 201)
		got = alice.post(path, url.Values{"reason": {long}})
		require.Equal(t, http.StatusUnprocessableEntity, got.status, path)
		require.Contains(t, got.body, long, "what was typed is kept")
		require.Empty(t, r.house.done())
	}
	require.Equal(t, http.StatusNotFound, alice.get("/pis/pi-01/power/explode").status)
	require.Equal(t, http.StatusNotFound, alice.post("/pis/pi-01/power/explode", url.Values{"reason": {"x"}}).status)
	got := alice.post("/sites/www.alice.example/proxy", url.Values{"header": {"v3"}})
	require.Equal(t, http.StatusUnprocessableEntity, got.status)
	require.Empty(t, r.house.done())
}

// Pages of other sites press nothing, whatever browser shows them.
func TestOtherSites(t *testing.T) {
	r := newRig(t)
	alice := r.login(t, "alice")
	for path, form := range buttons("alice") {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://evil.example"}, {"Origin", "null"},
		} {
			headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
			got := alice.do("POST", path, strings.NewReader(form.Encode()), headers...)
			require.Equal(t, http.StatusForbidden, got.status, path)
		}
		got := alice.do("POST", path, strings.NewReader(form.Encode()), "Host", "evil.example", "Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, http.StatusMisdirectedRequest, got.status, path)
		require.Empty(t, r.house.done(), path)
	}
}

func TestFilter(t *testing.T) {
	r := newRig(t)
	r.house.addPis(92)
	noc, alice := r.login(t, "noc"), r.login(t, "alice")
	rows := func(p *person, query string) []string {
		var names []string
		for _, m := range regexp.MustCompile(`<tr role="row" id="row-([^"]+)"`).FindAllStringSubmatch(p.get("/?q="+url.QueryEscape(query)).body, -1) {
			names = append(names, m[1])
		}
		return names
	}
	require.Len(t, rows(noc, ""), 96)
	require.Len(t, rows(alice, ""), 48)
	require.Equal(t, []string{"pi-17"}, rows(noc, "PI-17"))
	require.Len(t, rows(noc, "bob stalled"), 16)
	require.Empty(t, rows(alice, "bob"), "a customer knows no owners")
	require.Equal(t, []string{"pi-33"}, rows(noc, "10.80.0.134"))
	require.Contains(t, noc.get("/?q=%3Cb%3E").body, "No Pi matches “&lt;b&gt;”")
	require.True(t, slices.IsSorted(rows(noc, "")))
}

// What strangers chose is text.
func TestEscapes(t *testing.T) {
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	r := newRig(t)
	r.house.change("pi-01", func(p *model.Pi) {
		p.Boot.File, p.Boot.Stage, p.Boot.Diagnosis, p.Busy = evil, evil, evil, evil
		p.Boot.Class = model.Loading
	})
	r.house.screens["pi-01"].say(evil)
	alice := r.login(t, "alice")
	for _, path := range append(pages("alice"), "/pis/pi-01/log?q="+url.QueryEscape(evil), "/?q="+url.QueryEscape(evil), "/audit?who="+url.QueryEscape(evil)) {
		body := alice.get(path).body
		require.NotContains(t, body, "<script>", path)
		require.NotContains(t, body, "<img", path)
	}
	require.Contains(t, alice.get("/pis/pi-01").body, "&lt;script&gt;alert(1)&lt;/script&gt;")
	require.Contains(t, alice.get("/pis/pi-01/log?q=panic").body, "Kernel <mark>panic</mark> - not syncing &lt;b&gt;")
}

func TestAssets(t *testing.T) {
	r := newRig(t)
	links := regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`).FindAllStringSubmatch(r.nobody(t).get("/login").body, -1)
	require.Len(t, links, 4)
	for _, l := range links {
		require.Equal(t, http.StatusOK, r.nobody(t).get(l[1]).status, l[1])
	}
	require.Equal(t, http.StatusNotFound, r.nobody(t).get("/static/../site.go").status)
}

// Who presses buttons faster than anybody does by hand has to wait; others have not.
func TestRateLimit(t *testing.T) {
	const burst = 5
	r := newRig(t, func(o *web.Options, _ *account.Options) { o.Burst, o.Every = burst, time.Hour })
	alice, bob := r.login(t, "alice"), r.login(t, "bob")
	for i := range burst + 3 {
		got := alice.post("/sites/www.alice.example/probe", nil)
		if i < burst {
			require.Equal(t, http.StatusOK, got.status)
			continue
		}
		require.Equal(t, http.StatusTooManyRequests, got.status)
		require.NotEmpty(t, got.header.Get("Retry-After"))
		require.Contains(t, got.body, "wait a moment before you press another button")
	}
	require.Len(t, r.house.done(), burst)
	require.Equal(t, http.StatusOK, bob.post("/sites/www.bob.example/probe", nil).status)
}
