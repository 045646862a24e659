package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
)

// outlets is a [power] that notes what it is asked for.
type outlets struct {
	mu     sync.Mutex
	cycled []string
}

func (o *outlets) cycle(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cycled = append(o.cycled, name)
	return strings.HasPrefix(name, "pi-")
}

func (o *outlets) cycleAll() { o.cycle("*") }

// newTestSite serves a board and returns its address, without the last slash.
func newTestSite(t *testing.T, b *board) (url string, o *outlets, s *site) {
	t.Helper()
	o = &outlets{}
	s, err := newSite(b, o)
	require.NoError(t, err)
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)
	return server.URL, o, s
}

// do sends a request with headers, given as pairs, and follows no redirect.
func do(t *testing.T, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	require.NoError(t, err)
	return reply, string(body)
}

func TestPage(t *testing.T) {
	b := newTestBoard()
	b.tracker.Observe(event(netboot.PoweredOn, "pi-02"))
	b.tracker.Observe(fileEvent(netboot.FileProgress, "pi-02", "kernel8.img", 1e6, 3e6))
	url, _, _ := newTestSite(t, b)
	reply, page := do(t, "GET", url)
	require.Equal(t, http.StatusOK, reply.StatusCode)
	require.Equal(t, "text/html; charset=utf-8", reply.Header.Get("Content-Type"))
	for _, want := range []string{
		`data-machine="pi-01" data-class="off"`,
		`data-machine="pi-02" data-class="loading"`,
		`<progress max="4000000" value="1000000" aria-label="Boot files of pi-02">`,
		`action="/machines/pi-02/power-cycle"`,
		`aria-label="Power cycle pi-01"`,
		`1.0 of 4.0 MB`, `kernel8.img`, `0 of 2 up, 1 loading, 1 off`,
		`<noscript>`,
	} {
		require.Contains(t, page, want)
	}
	require.NotRegexp(t, regexp.MustCompile(`<script[^>]*>[^<]|\son\w+=|\sstyle=|<style`), page, "the policy forbids anything inline")
}

func TestPageEscapes(t *testing.T) {
	b := newTestBoard()
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	b.tracker.Observe(event(netboot.PoweredOn, "pi-01"))
	b.tracker.Observe(fileEvent(netboot.FileProgress, "pi-01", evil, 1, 2))
	b.tracker.Observe(fileEvent(netboot.FileServed, "pi-01", evil, 2, 2))
	url, _, _ := newTestSite(t, b)
	_, page := do(t, "GET", url)
	require.NotContains(t, page, "<script>")
	require.NotContains(t, page, "<img")
	require.Equal(t, 3, strings.Count(page, "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&gt;&lt;img src=x onerror=alert(1)&gt;"),
		"the file, the last event and the log")
}

func TestHeaders(t *testing.T) {
	url, _, _ := newTestSite(t, newTestBoard())
	for _, path := range []string{"/", "/static/panel.js", "/nothing"} {
		reply, _ := do(t, "GET", url+path)
		require.Contains(t, reply.Header.Get("Content-Security-Policy"), "default-src 'self'", path)
		require.Equal(t, "nosniff", reply.Header.Get("X-Content-Type-Options"), path)
	}
}

func TestAssets(t *testing.T) {
	url, _, _ := newTestSite(t, newTestBoard())
	_, page := do(t, "GET", url)
	links := regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`).FindAllStringSubmatch(page, -1)
	require.Len(t, links, 3)
	for _, l := range links {
		reply, _ := do(t, "GET", url+l[1])
		require.Equal(t, http.StatusOK, reply.StatusCode, l[1])
	}
}

func TestPowerButtons(t *testing.T) {
	for _, tt := range []struct {
		name, method, path string
		headers            []string
		status             int
		cycled             []string
	}{
		{"one", "POST", "/machines/pi-02/power-cycle", nil, 303, []string{"pi-02"}},
		{"all", "POST", "/power-cycle", nil, 303, []string{"*"}},
		{"from the page", "POST", "/power-cycle", []string{"Sec-Fetch-Site", "same-origin"}, 303, []string{"*"}},
		{"unknown machine", "POST", "/machines/x/power-cycle", nil, 404, []string{"x"}},
		{"another site", "POST", "/power-cycle", []string{"Sec-Fetch-Site", "cross-site"}, 403, nil},
		{"another port of this host", "POST", "/power-cycle", []string{"Sec-Fetch-Site", "same-site"}, 403, nil},
		{"another origin in an old browser", "POST", "/machines/pi-02/power-cycle", []string{"Origin", "http://evil.example"}, 403, nil},
		{"a link", "GET", "/power-cycle", nil, 405, nil},
		{"a name made to point here", "POST", "/power-cycle", []string{"Host", "evil.example:8480", "Sec-Fetch-Site", "same-origin"}, 421, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, o, _ := newTestSite(t, newTestBoard())
			reply, _ := do(t, tt.method, url+tt.path, tt.headers...)
			require.Equal(t, tt.status, reply.StatusCode)
			require.Equal(t, tt.cycled, o.cycled)
			if tt.status == 303 {
				require.Equal(t, "/", reply.Header.Get("Location"))
			}
		})
	}
}

func TestNamesAddress(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1:8480": true, "127.0.0.1": true, "[::1]:8480": true, "[::1]": true, "localhost:8480": true, "localhost": true,
		"": false, "evil.example": false, "evil.example:8480": false, "127.0.0.1.evil.example": false, "localhost.evil.example:1": false, "[": false,
	} {
		require.Equal(t, want, namesAddress(host), host)
	}
}
