package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/web"
)

// reader reads server-sent events.
type reader struct {
	t     *testing.T
	lines *bufio.Scanner
	close func()
}

// open opens the stream of a page at a cursor, and returns the status. It is closed
// with the test.
func (p *person) open(path, cursor string, headers ...string) (*reader, int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	p.t.Cleanup(cancel)
	address, err := url.Parse(p.url + path)
	require.NoError(p.t, err)
	q := address.Query()
	q.Set("cursor", cursor)
	address.RawQuery = q.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	require.NoError(p.t, err)
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := p.client.Do(r)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { reply.Body.Close() })
	lines := bufio.NewScanner(reply.Body)
	lines.Buffer(nil, 1<<20)
	return &reader{p.t, lines, cancel}, reply.StatusCode
}

// follow opens a stream that there must be.
func (p *person) follow(path, cursor string, headers ...string) *reader {
	p.t.Helper()
	r, status := p.open(path, cursor, headers...)
	require.Equal(p.t, http.StatusOK, status, path)
	return r
}

// next returns the fields of the next event, or nil at the end.
func (r *reader) next() map[string]string {
	r.t.Helper()
	fields := make(map[string]string)
	for r.lines.Scan() {
		name, value, ok := strings.Cut(r.lines.Text(), ": ")
		switch {
		case ok && name != "":
			fields[name] = value
		case len(fields) > 0:
			return fields
		}
	}
	return nil
}

// news returns the parts of the next event, and its cursor.
func (r *reader) news() (parts map[string]string, cursor string) {
	r.t.Helper()
	e := r.next()
	require.NotNil(r.t, e, "the stream has ended")
	require.NoError(r.t, json.Unmarshal([]byte(e["data"]), &parts), "%v", e)
	return parts, e["id"]
}

// cursor is where a page says that it stands.
func (p page) cursor() string {
	_, rest, _ := strings.Cut(p.body, `data-cursor="`)
	cursor, _, _ := strings.Cut(rest, `"`)
	return cursor
}

// A page gets what changed since it was made, and then what changes.
func TestStream(t *testing.T) {
	r := newRig(t)
	alice := r.login(t, "alice")
	page := alice.get("/")
	require.NotEmpty(t, page.cursor())
	r.house.change("pi-01", func(p *model.Pi) { p.Boot.Class, p.Power = model.Off, model.PowerOff })
	s := alice.follow("/", page.cursor())
	parts, cursor := s.news()
	require.Equal(t, []string{"row-pi-01", "summary"}, slices.Sorted(maps.Keys(parts)))
	require.Contains(t, parts["row-pi-01"], `data-class="off"`)
	require.Contains(t, parts["summary"], "0 of 2 up, 2 off")

	r.house.change("pi-02", func(p *model.Pi) { p.Boot.Class = model.Dead }) // bob's
	r.house.change("pi-01", func(p *model.Pi) { p.Boot.Stage = "was seen\ndata: {}" })
	for !strings.Contains(parts["row-pi-01"], "was seen") {
		parts, cursor = s.news()
		require.NotContains(t, parts, "row-pi-02")
	}
	s.close()
	r.house.change("pi-03", func(p *model.Pi) { p.Busy = "its root is made" })
	parts, _ = alice.follow("/", "", "Last-Event-ID", cursor).news()
	require.Equal(t, []string{"row-pi-03"}, slices.Sorted(maps.Keys(parts)), "who comes back gets what was missed")
	require.Contains(t, parts["row-pi-03"], "its root is made")
}

// The stream goes on with another process: its cursor is of what is shown.
func TestStreamOfAnotherProcess(t *testing.T) {
	cursor := func() string {
		r := newRig(t)
		return r.login(t, "alice").get("/domains/alice.example").cursor()
	}()
	r := newRig(t)
	parts, _ := r.login(t, "alice").follow("/domains/alice.example", cursor).news()
	require.Empty(t, parts)
}

// A page with other parts than the house has now starts over.
func TestStreamRestarts(t *testing.T) {
	r := newRig(t)
	alice := r.login(t, "alice")
	page := alice.get("/")
	r.house.addPis(2)
	s := alice.follow("/", page.cursor())
	require.Equal(t, "restart", s.next()["event"])
	require.Nil(t, s.next())

	page = alice.get("/")
	r.house.change("pi-03", func(p *model.Pi) { p.Owner = "bob" })
	r.house.change("pi-02", func(p *model.Pi) { p.Owner = "alice" })
	require.Equal(t, "restart", alice.follow("/", page.cursor()).next()["event"], "as many parts, but others")

	s = alice.follow("/pis/pi-01", alice.get("/pis/pi-01").cursor())
	s.news()
	r.house.change("pi-01", func(p *model.Pi) { p.Owner = "bob" })
	require.Equal(t, "restart", s.next()["event"], "it is not hers any more")
	require.Equal(t, http.StatusNotFound, alice.get("/pis/pi-01").status)

	for _, none := range []string{"x", "AAAA", "AAAAAA", strings.Repeat("A", 9000), "%%%"} {
		e := alice.follow("/sites", none).next()
		require.NotNil(t, e, none)
	}
}

// Every page that follows does so for every part of it.
func TestStreamOfEachPage(t *testing.T) {
	r := newRig(t)
	alice := r.login(t, "alice")
	for path, want := range map[string][]string{
		"/":                        {"row-pi-01", "row-pi-03", "summary", "switch-shelf-1"},
		"/pis/pi-01":               {"boots", "console-state", "pi-state", "screen-text"},
		"/pis/pi-01/console":       {"console-state", "screen-text"},
		"/domains":                 {"row-alice.example"},
		"/domains/alice.example":   {"certificate", "dnssec"},
		"/sites":                   {"row-www.alice.example"},
		"/sites/www.alice.example": {"site-proxy", "site-state"},
	} {
		body := alice.get(path).body
		parts, _ := alice.follow(path, "").news()
		require.Equal(t, want, slices.Sorted(maps.Keys(parts)), "who does not say where it stands gets everything")
		for id, html := range parts {
			require.Contains(t, body, ` id="`+id+`"`, path)
			require.Contains(t, html, ` id="`+id+`"`, path)
		}
	}
	for _, path := range []string{"/account", "/audit", "/pis/pi-01/log", "/pis/pi-01/rebuild"} {
		_, status := alice.open(path, "")
		require.Equal(t, http.StatusNotAcceptable, status, path)
	}
}

// Who has too many pages open is told so, and others are not.
func TestStreamLimit(t *testing.T) {
	r := newRig(t)
	alice := r.login(t, "alice")
	var open []*reader
	for range web.MaxOwn {
		s := alice.follow("/sites", "")
		s.news()
		open = append(open, s)
	}
	_, status := alice.open("/sites", "")
	require.Equal(t, http.StatusServiceUnavailable, status)
	r.login(t, "bob").follow("/sites", "").news()
	open[0].close()
	require.Eventually(t, func() bool {
		_, status := alice.open("/sites", "")
		return status == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
}

// A session that is over has no streams, at once.
func TestStreamOfRevokedSession(t *testing.T) {
	r := newRig(t)
	here, there := r.login(t, "alice"), r.login(t, "alice")
	s := there.follow("/pis/pi-01", "")
	s.news()
	require.Equal(t, http.StatusOK, here.post("/account/sessions/revoke", nil).status)
	for s.next() != nil {
	}
	require.True(t, strings.HasPrefix(there.get("/").path, "/login"))
	require.Equal(t, "/", here.get("/").path)
}

// A reader that takes nothing holds up neither the house nor other readers.
func TestStreamSlowReader(t *testing.T) {
	r := newRig(t)
	noc := r.login(t, "noc")
	address, err := url.Parse(r.url)
	require.NoError(t, err)
	var d net.Dialer
	slow, err := d.DialContext(t.Context(), "tcp", "127.0.0.1:"+address.Port())
	require.NoError(t, err)
	defer slow.Close()
	require.NoError(t, slow.(*net.TCPConn).SetReadBuffer(4096))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/", nil)
	require.NoError(t, err)
	for _, c := range noc.client.Jar.Cookies(address) {
		request.AddCookie(c)
	}
	request.Header.Set("Accept", "text/event-stream")
	require.NoError(t, request.Write(slow))

	quick := noc.follow("/", "")
	quick.news()
	const changes = 5000
	for i := range changes {
		r.house.change("pi-01", func(p *model.Pi) { p.Boot.Stage = fmt.Sprintf("step %d of it", i) })
	}
	for {
		parts, _ := quick.news()
		if strings.Contains(parts["row-pi-01"], fmt.Sprintf("step %d of it", changes-1)) {
			break
		}
	}
}
