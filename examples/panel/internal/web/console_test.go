package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/web"
)

// text is what a Pi's console has shown.
func (h *house) text(pi string) string {
	t := h.screens[pi]
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text
}

// holder is who has a console's keyboard.
func (h *house) holder(pi string) string {
	t := h.screens[pi]
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.holder
}

// takeKeyboard returns the name of the session that has it.
func (p *person) takeKeyboard(pi string) string {
	p.t.Helper()
	got := p.post("/pis/"+pi+"/console/keyboard", nil)
	require.Equal(p.t, http.StatusOK, got.status, got.body)
	_, id, ok := strings.Cut(got.path, "?console=")
	require.True(p.t, ok, got.path)
	require.Contains(p.t, got.body, "You have the keyboard.")
	return id
}

// Without script a console is read, taken, typed on by lines and keys, and left.
func TestConsoleWithoutScript(t *testing.T) {
	r := newRig(t)
	alice := r.login(t, "alice")
	got := alice.get("/pis/pi-01/console")
	require.Contains(t, got.body, "You may read. Nobody has the keyboard.")
	require.Contains(t, got.body, "pi-01 login: </pre>")
	id := alice.takeKeyboard("pi-01")
	keys := "/pis/pi-01/console/keys"
	got = alice.post(keys, url.Values{"console": {id}, "line": {"root"}, "key": {"enter"}})
	require.Equal(t, http.StatusOK, got.status)
	require.Contains(t, got.body, "pi-01 login: root\n</pre>")
	alice.post(keys, url.Values{"console": {id}, "line": {"y"}, "key": {"none"}})
	alice.post(keys, url.Values{"console": {id}, "line": {"not sent"}, "key": {"ctrl-c"}})
	require.True(t, strings.HasSuffix(r.house.text("pi-01"), "root\ny^C"), r.house.text("pi-01"))

	for _, bad := range []url.Values{
		{"console": {id}, "line": {"two\nlines"}, "key": {"enter"}},
		{"console": {id}, "line": {strings.Repeat("x", 5000)}, "key": {"enter"}},
		{"console": {id}, "line": {"x"}, "key": {"no such"}},
		{"console": {"other"}, "line": {"kept as it was"}, "key": {"enter"}},
	} {
		got = alice.post(keys, bad)
		require.Equal(t, http.StatusUnprocessableEntity, got.status)
	}
	require.NotContains(t, r.house.text("pi-01"), "kept")
	alice.post("/pis/pi-01/console/leave", url.Values{"console": {id}})
	require.Empty(t, r.house.holder("pi-01"))
}

// One has the keyboard at a time, and only the session that took it types.
func TestConsoleKeyboard(t *testing.T) {
	r := newRig(t)
	alice, noc, elsewhere := r.login(t, "alice"), r.login(t, "noc"), r.login(t, "alice")
	id := alice.takeKeyboard("pi-01")
	require.Equal(t, http.StatusConflict, noc.post("/pis/pi-01/console/keyboard", nil).status)
	require.Contains(t, noc.get("/pis/pi-01/console").body, "alice has the keyboard. You may read.")
	typed := url.Values{"console": {id}, "raw": {"x"}}
	for _, other := range []*person{noc, elsewhere} {
		require.Equal(t, http.StatusUnprocessableEntity, other.post("/pis/pi-01/console/keys", typed).status)
	}
	require.Equal(t, http.StatusUnprocessableEntity, alice.post("/pis/pi-03/console/keys", typed).status, "it is another Pi's")
	require.Equal(t, http.StatusNoContent, alice.post("/pis/pi-01/console/keys", typed).status)

	s := alice.follow("/pis/pi-01/console?console="+id, "")
	parts, _ := s.news()
	require.Contains(t, parts["console-state"], "You have the keyboard.")
	got := noc.post("/pis/pi-01/console/keyboard", url.Values{"take": {"1"}})
	require.Contains(t, got.body, "You have the keyboard.")
	parts, _ = s.news()
	require.Contains(t, parts["console-state"], "noc has the keyboard.")
	got = alice.post("/pis/pi-01/console/keys", typed)
	require.Equal(t, http.StatusConflict, got.status)
	require.NotContains(t, got.body, "<html", "a script is told in words alone")
}

// The screen comes as the guest makes it, as markup that was taken apart.
func TestConsoleStream(t *testing.T) {
	r := newRig(t)
	alice := r.login(t, "alice")
	s := alice.follow("/pis/pi-01/console", alice.get("/pis/pi-01/console").cursor())
	parts, _ := s.news()
	require.Empty(t, parts)
	r.house.screens["pi-01"].say("Welcome <b>")
	parts, _ = s.news()
	require.Contains(t, parts["screen-text"], `<span class="vt-b vt-f2 vt-k208">ok</span>`)
	require.Contains(t, parts["screen-text"], "Welcome &lt;b&gt;")
}

func TestConsoleLimit(t *testing.T) {
	r := newRig(t)
	r.house.addPis(20)
	alice := r.login(t, "alice")
	for i := range web.MaxKeyboards {
		alice.takeKeyboard([]string{"pi-01", "pi-03", "pi-05", "pi-07"}[i])
	}
	got := alice.post("/pis/pi-09/console/keyboard", nil)
	require.Equal(t, http.StatusUnprocessableEntity, got.status)
	require.Contains(t, got.body, "Too many consoles are open")
	require.Empty(t, r.house.holder("pi-09"), "it was given back")
	require.NoError(t, r.stop())
	require.Empty(t, r.house.holder("pi-01"), "so were all when the panel ended")
}

// A console that is not there does not take the page with it.
func TestConsoleMissing(t *testing.T) {
	r := newRig(t)
	delete(r.house.screens, "pi-01")
	alice := r.login(t, "alice")
	got := alice.get("/pis/pi-01")
	require.Equal(t, http.StatusOK, got.status)
	require.Contains(t, got.body, "The console cannot be seen.")
	parts, _ := alice.follow("/pis/pi-01", "").news()
	require.Contains(t, parts["console-state"], "The console cannot be seen.")
}

// A keyboard that nobody uses is given back after a while, and not while it is used.
func TestKeyboardIdles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		console, err := h.Console(t.Context(), "pi-01", model.ConsoleOptions{Keyboard: true, By: "alice"})
		require.NoError(t, err)
		var k web.Consoles
		id, err := k.Add(console, "session", "pi-01")
		require.NoError(t, err)
		use := k.Use(id, "session", "pi-01")
		require.NotNil(t, use)
		<-time.After(10 * web.ConsoleIdle)
		require.Equal(t, "alice", h.holder("pi-01"), "a stream uses it")
		use.Unuse()
		<-time.After(web.ConsoleIdle - time.Second)
		require.Equal(t, "alice", h.holder("pi-01"))
		<-time.After(2 * time.Second)
		synctest.Wait()
		require.Empty(t, h.holder("pi-01"))
		require.Nil(t, k.Use(id, "session", "pi-01"))
	})
}
