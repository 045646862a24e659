package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/watch"
)

func TestConsole(t *testing.T) {
	r := newRig(t, "pi-1", "pi-2", "db-1")
	r.extra = `[watch]
command = ["sh", "-c", "cat >\"$1.screen\"; printenv SERIALCOND_LINE >\"$1\"", "hook", "` + r.path("hook") + `-{console}-{pattern}"]
[power]
command = ["sh", "-c", "echo \"$*\"; test $1 != off || { echo no such port >&2; exit 3; }", "power", "{action}", "{machine}", "{who}"]
`
	r.start()
	live := r.stream("alice", "/v1/consoles/pi-1/stream")
	base := "/v1/consoles/pi-1/"

	t.Run("seen and typed", func(t *testing.T) {
		r.say("pi-1", "\x1b[1mU-Boot\x1b[0m 2026\r\nprogress 10%\rprogress 99%\r\nlogin: ")
		require.Contains(t, live.said("login: "), "\x1b[1mU-Boot")
		status, body := r.do("alice", "POST", base+"sessions/"+live.id+"/input", "root\r")
		require.Equal(t, http.StatusNoContent, status, body)
		r.typed("pi-1", "root\r")
	})
	t.Run("past", func(t *testing.T) {
		lines := strings.Split(strings.TrimSpace(r.until("alice", base+"log?limit=3", "login:")), "\n")
		require.Len(t, lines, 3)
		require.Regexp(t, `^\d{4}-\d\d-\d\dT[\d:.]+Z U-Boot 2026$`, lines[0])
		require.Regexp(t, `Z U-Boot 2026\n$`, r.get("alice", base+"log?q=Boot&since=1h"))
		require.Empty(t, r.get("alice", base+"log?re=^nothing"))
		require.Empty(t, r.get("alice", base+"log?since=2099-01-01T00:00:00Z"))
		require.Regexp(t, `Z U-Boot 2026\n`, r.get("alice", base+"log?since=1h&limit=3"))
		require.NotContains(t, r.get("alice", base+"log?since=1h&limit=1"), "U-Boot")
		require.Equal(t, "\x1b[1mU-Boot\x1b[0m 2026\r\nprogress 10%\rprogress 99%\r\nlogin: ", r.get("alice", base+"raw"))
		require.Contains(t, r.get("root", base+"events"), `"kind":"attached"`)
		require.NotContains(t, r.get("alice", base+"events"), `"kind":"attached"`)
		require.Contains(t, r.get("alice", base+"events"), `"kind":"opened"`)
	})
	t.Run("screen", func(t *testing.T) {
		require.Equal(t, "U-Boot 2026\nprogress 99%\nlogin:\n", r.get("alice", base+"screen"))
		require.Contains(t, r.get("alice", base+"screen?format=html"), `<span class="vt-b">U-Boot</span> 2026`)
		require.Contains(t, r.get("alice", base+"screen?format=replay"), "U-Boot")
	})
	t.Run("bad requests", func(t *testing.T) {
		for _, path := range []string{
			"screen?format=pdf", "log?since=yesterday", "log?re=(", "log?limit=-1", "raw?since=x", "events?until=x", "stream?mode=x", "stream?history=x",
		} {
			status, body := r.do("alice", "GET", base+path, "")
			require.Equal(t, http.StatusBadRequest, status, "%s: %s", path, body)
		}
	})
	t.Run("panic", func(t *testing.T) {
		status, _ := r.do("alice", "GET", "/v1/consoles/pi-2/last-match", "")
		require.Equal(t, http.StatusNotFound, status)
		r.say("pi-1", "\r\n[ 1.0] Kernel panic - not syncing: VFS")
		var in incident
		require.NoError(t, json.Unmarshal([]byte(r.until("alice", base+"last-match", watch.KernelPanic)), &in))
		require.Equal(t, "[ 1.0] Kernel panic - not syncing", in.Line[:min(len(in.Line), 33)])
		require.Contains(t, in.Screen, "U-Boot 2026")
		require.Contains(t, in.Screen, "Kernel panic")
		require.Contains(t, string(live.event("match")), watch.KernelPanic)
		var screen []byte
		require.Eventually(t, func() bool {
			screen, _ = os.ReadFile(r.path("hook-pi-1-kernel-panic.screen"))
			line, err := os.ReadFile(r.path("hook-pi-1-kernel-panic"))
			return err == nil && strings.HasPrefix(string(line), "[ 1.0] Kernel panic - not syncing")
		}, patience, 20*time.Millisecond)
		require.Contains(t, string(screen), "U-Boot 2026")
	})
	t.Run("power", func(t *testing.T) {
		status, body := r.do("alice", "POST", base+"power/cycle", "")
		require.Equal(t, http.StatusOK, status, body)
		require.JSONEq(t, `{"console":"pi-1","action":"cycle","output":"cycle pi-1 alice\n"}`, body)
		status, body = r.do("alice", "POST", base+"power/off", "")
		require.Equal(t, http.StatusBadGateway, status)
		require.Contains(t, body, "no such port")
		status, _ = r.do("alice", "POST", base+"power/explode", "")
		require.Equal(t, http.StatusBadRequest, status)
		audit, err := os.ReadFile(r.path("audit.jsonl"))
		require.NoError(t, err)
		require.Regexp(t, `"via":"http".*"kind":"exec","who":"alice".*"console":"pi-1","what":"power cycle"`, string(audit))
		require.Regexp(t, `"kind":"attach","who":"alice".*"what":"read-write"`, string(audit))
	})
	t.Run("one writer", func(t *testing.T) {
		second := r.stream("root", base+"stream")
		status, _ := r.do("root", "POST", base+"sessions/"+second.id+"/input", "x")
		require.Equal(t, http.StatusForbidden, status, "alice has the place")
		status, body := r.do("root", "POST", base+"sessions/"+second.id+"/acquire?force=1", "")
		require.Equal(t, http.StatusOK, status, body)
		require.JSONEq(t, `{"mode":"read-write"}`, body)
		require.Contains(t, string(live.event("taken-over")), "root")
		status, _ = r.do("alice", "POST", base+"sessions/"+live.id+"/input", "x")
		require.Equal(t, http.StatusForbidden, status)
		status, _ = r.do("root", "POST", base+"sessions/"+second.id+"/break", "")
		require.NotEqual(t, http.StatusNotFound, status)
		status, _ = r.do("root", "POST", base+"sessions/"+second.id+"/release", "")
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, r.get("root", base[:len(base)-1]), `"who":"alice"`)
		status, _ = r.do("alice", "POST", base+"sessions/"+second.id+"/input", "x")
		require.Equal(t, http.StatusNotFound, status, "another's session")
	})
	t.Run("raw stream", func(t *testing.T) {
		resp, err := r.request(t.Context(), "guest", "GET", base+"stream?format=raw&history=0", "")
		require.NoError(t, err)
		defer resp.Body.Close()
		r.say("pi-1", "\r\nraw bytes\r\n")
		var got []byte
		for buf := make([]byte, 256); !strings.Contains(string(got), "raw bytes"); {
			n, err := resp.Body.Read(buf)
			require.NoError(t, err)
			got = append(got, buf[:n]...)
		}
	})
	t.Run("metrics", func(t *testing.T) {
		client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", r.path("debug"))
		}}}
		resp, err := client.Get("http://debug/metrics")
		require.NoError(t, err)
		defer resp.Body.Close()
		var b strings.Builder
		require.NoError(t, resp.Write(&b))
		for _, want := range []string{
			`serialcond_console_open{console="pi-1"} 1`, `serialcond_matches_total{pattern="kernel-panic"} 1`,
			`serialcond_events_total{kind="match"}`, `serialcond_console_lost_bytes_total{console="pi-1"} 0`,
		} {
			require.Contains(t, b.String(), want)
		}
	})
	r.stop()
}

// Every address, as nobody, as somebody else, and as somebody who may only watch.
func TestPermissions(t *testing.T) {
	r := newRig(t, "pi-1", "db-1")
	r.extra = "[power]\ncommand = [\"true\"]\n"
	r.start()
	guest := r.stream("guest", "/v1/consoles/pi-1/stream")
	paths := []string{
		"GET screen", "GET log", "GET raw", "GET events", "GET last-match", "GET stream",
		"POST sessions/" + guest.id + "/input", "POST sessions/" + guest.id + "/break",
		"POST sessions/" + guest.id + "/acquire", "POST sessions/" + guest.id + "/release", "POST power/on",
	}
	for _, path := range paths {
		method, path, _ := strings.Cut(path, " ")
		status, body := r.do("", method, "/v1/consoles/pi-1/"+path, "")
		require.Equal(t, http.StatusUnauthorized, status, path)
		require.NotContains(t, body, "pi-1")
		_, missing := r.do("bob", method, "/v1/consoles/pi-9/"+path, "")
		status, body = r.do("bob", method, "/v1/consoles/pi-1/"+path, "")
		require.Equal(t, http.StatusNotFound, status, path)
		require.Equal(t, missing, body, "%s tells whether it is there", path)
	}
	for path, want := range map[string]int{
		"sessions/" + guest.id + "/input": http.StatusForbidden, "sessions/" + guest.id + "/break": http.StatusForbidden,
		"sessions/" + guest.id + "/acquire": http.StatusForbidden, "power/on": http.StatusForbidden,
	} {
		status, body := r.do("guest", "POST", "/v1/consoles/pi-1/"+path, "x")
		require.Equal(t, want, status, "%s: %s", path, body)
	}
	status, _ := r.do("alice", "GET", "/v1/consoles/pi-1/stream?mode=spy", "")
	require.Equal(t, http.StatusForbidden, status)
	var list []summary
	require.NoError(t, json.Unmarshal([]byte(r.get("bob", "/v1/consoles")), &list))
	require.Len(t, list, 1)
	require.Equal(t, "db-1", list[0].Name)

	spy := r.stream("root", "/v1/consoles/pi-1/stream?mode=spy")
	require.NotContains(t, r.get("alice", "/v1/consoles/pi-1"), `"root"`)
	require.Contains(t, r.get("root", "/v1/consoles/pi-1"), `"root"`)
	r.say("pi-1", "seen by the spy\r\n")
	spy.said("seen by the spy")
	guest.said("seen by the spy")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.http+"/v1/consoles/pi-1/power/on", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+tokens["alice"])
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
}

// A reload changes what changed and nothing else.
func TestReload(t *testing.T) {
	r := newRig(t, "pi-1", "pi-2")
	r.start()
	live := r.stream("alice", "/v1/consoles/pi-1/stream")
	r.addPTY("pi-3")
	delete(r.ptys, "pi-2")
	r.config()
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGHUP))
	r.until("root", "/v1/consoles", `"name":"pi-3"`)
	r.awaitOpen()
	status, _ := r.do("alice", "GET", "/v1/consoles/pi-2", "")
	require.Equal(t, http.StatusNotFound, status)
	r.say("pi-1", "still here\r\n")
	live.said("still here")
	r.say("pi-3", "new here\r\n")
	r.until("alice", "/v1/consoles/pi-3/log", "new here")

	r.extra = "[screen]\ncolumns = 132\n"
	r.config()
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool {
		return strings.Contains(r.said.String(), "only users and consoles can change while the server runs; restart it for a new screen")
	}, patience, 20*time.Millisecond)
	r.say("pi-1", "and here\r\n")
	live.said("and here")
}

// The ports that make the noise of TestHandover.
func chatter(ctx context.Context, t *testing.T, p *serialcontest.PTY, name string) (written func() int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	lines := make(chan int64, 1)
	go func() {
		n, err := (&serialcontest.Host{Name: name, Rate: 11520}).Run(ctx, p)
		if err != nil && ctx.Err() == nil {
			t.Error(err)
		}
		lines <- n
	}()
	t.Cleanup(cancel)
	return func() int64 {
		cancel()
		return <-lines
	}
}
