package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// patience is for a machine with much else to do.
const patience = 60 * time.Second

// rig is a daemon in a process of its own, with consoles on pseudo-terminals.
type rig struct {
	t     *testing.T
	dir   string
	ptys  map[string]*serialcontest.PTY
	extra string // of the configuration
	offer map[string]string
	cmd   *exec.Cmd
	said  *lockedBuffer
	http  string
	ssh   string
	ended chan error
}

// lockedBuffer is what a process says, while it is read.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newRig(t *testing.T, consoles ...string) *rig {
	t.Helper()
	if runtime.GOOS != "linux" {
		peer.Skip(t, "pseudo-terminals are Linux's here")
	}
	r := &rig{t: t, dir: t.TempDir(), ptys: map[string]*serialcontest.PTY{}}
	for _, name := range consoles {
		r.addPTY(name)
	}
	r.http, r.ssh = freeAddress(t), freeAddress(t)
	for name, token := range tokens {
		require.NoError(t, os.WriteFile(filepath.Join(r.dir, name+".token"), []byte(token+"\n"), 0o600))
	}
	return r
}

func (r *rig) addPTY(name string) {
	p, err := serialcontest.OpenPTY()
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = p.Close() })
	r.ptys[name] = p
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

var tokens = map[string]string{"alice": "alices-token", "bob": "bobs-token", "root": "roots-token", "guest": "guests-token"}

// config writes serialcond.toml.
func (r *rig) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, "audit = %q\n[log]\ndir = %q\n[http]\nlisten = %q\n[ssh]\nlisten = %q\nhost_key = %q\n",
		r.path("audit.jsonl"), r.path("logs"), r.http, r.ssh, r.path("host_key"))
	b.WriteString(r.extra)
	for name, rights := range map[string]string{
		"alice": "consoles = [\"pi-*\"]\npower = true", "bob": "consoles = [\"db-*\"]",
		"root": "consoles = [\"*\"]\nadmin = true\npower = true", "guest": "consoles = [\"pi-1\"]\nread_only = true",
	} {
		fmt.Fprintf(&b, "[[user]]\nname = %q\nkeys = [%q]\ntoken = { file = %q }\n%s\n", name, publicKey(name), r.path(name+".token"), rights)
	}
	for name, p := range r.ptys {
		fmt.Fprintf(&b, "[[console]]\nname = %q\ntty = %q\n", name, p.Path)
		if addr := r.offer[name]; addr != "" {
			fmt.Fprintf(&b, "offer = %q\n", addr)
		}
	}
	file := r.path("serialcond.toml")
	require.NoError(r.t, os.WriteFile(file, []byte(b.String()), 0o600))
	return file
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// start runs the daemon until the test ends, and waits until all ports are open.
func (r *rig) start(setup ...func(*exec.Cmd)) {
	r.t.Helper()
	r.said = &lockedBuffer{}
	r.cmd = exec.Command("serialcond", "-config", r.config(), "-debug", "unix:"+r.path("debug"))
	r.cmd.Stdout, r.cmd.Stderr = r.said, r.said
	for _, f := range setup {
		f(r.cmd)
	}
	require.NoError(r.t, r.cmd.Start())
	ended := make(chan error, 1)
	r.ended = ended
	go func(cmd *exec.Cmd) { ended <- cmd.Wait() }(r.cmd)
	r.t.Cleanup(func() {
		if r.t.Failed() {
			r.t.Log(r.said)
		}
		r.kill()
	})
	r.awaitOpen()
}

func (r *rig) kill() {
	_ = r.cmd.Process.Kill()
	select {
	case err := <-r.ended:
		r.ended <- err // for whoever asks again
	case <-time.After(patience):
		r.t.Error("the daemon does not end")
	}
}

func (r *rig) awaitOpen() {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		var list []summary
		if json.Unmarshal([]byte(r.tryGet("root", "/v1/consoles")), &list) != nil || len(list) != len(r.ptys) {
			return false
		}
		for _, c := range list {
			if !c.Open {
				return false
			}
		}
		return true
	}, patience, 20*time.Millisecond, "ports open")
}

// stop ends the daemon as a service manager does.
func (r *rig) stop() {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-r.ended:
		require.NoError(r.t, err, r.said)
		r.ended <- nil
	case <-time.After(patience):
		r.t.Fatal("the daemon does not end", r.said)
	}
}

func (r *rig) request(ctx context.Context, user, method, path, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+r.http+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if user != "" {
		req.Header.Set("Authorization", "Bearer "+tokens[user])
	}
	return http.DefaultClient.Do(req)
}

// do returns the status and the body.
func (r *rig) do(user, method, path, body string) (int, string) {
	r.t.Helper()
	resp, err := r.request(r.t.Context(), user, method, path, body)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp.StatusCode, string(text)
}

func (r *rig) tryGet(user, path string) string {
	resp, err := r.request(r.t.Context(), user, "GET", path, "")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return ""
	}
	return string(text)
}

// get returns the body of an answer that is good.
func (r *rig) get(user, path string) string {
	r.t.Helper()
	status, body := r.do(user, "GET", path, "")
	require.Equal(r.t, http.StatusOK, status, body)
	return body
}

// until asks until the answer has the text in it.
func (r *rig) until(user, path, text string) string {
	r.t.Helper()
	var got string
	require.Eventually(r.t, func() bool {
		got = r.tryGet(user, path)
		return strings.Contains(got, text)
	}, patience, 20*time.Millisecond, "%s: %q", path, text)
	return got
}

// sse is a stream of server-sent events.
type sse struct {
	r      *rig
	events *bufio.Scanner
	id     string
	close  func()
}

func (r *rig) stream(user, path string) *sse {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	resp, err := r.request(ctx, user, "GET", path, "")
	require.NoError(r.t, err)
	s := &sse{r: r, events: bufio.NewScanner(resp.Body), close: func() { cancel(); resp.Body.Close() }}
	r.t.Cleanup(s.close)
	require.Equal(r.t, http.StatusOK, resp.StatusCode)
	require.Equal(r.t, "text/event-stream", resp.Header.Get("Content-Type"))
	kind, data := s.next()
	require.Equal(r.t, "session", kind)
	var hello struct{ ID string }
	require.NoError(r.t, json.Unmarshal(data, &hello))
	s.id = hello.ID
	return s
}

// next returns the next event; of "data" what it decodes to.
func (s *sse) next() (kind string, data []byte) {
	s.r.t.Helper()
	for s.events.Scan() {
		line := s.events.Text()
		if k, ok := strings.CutPrefix(line, "event: "); ok {
			kind = k
		}
		d, ok := strings.CutPrefix(line, "data: ")
		switch {
		case !ok:
		case kind == "data":
			plain, err := base64.StdEncoding.DecodeString(d)
			require.NoError(s.r.t, err)
			return kind, plain
		default:
			return kind, []byte(d)
		}
	}
	require.NoError(s.r.t, errors.Join(io.ErrUnexpectedEOF, s.events.Err()))
	return "", nil
}

// said reads data until the text was in it.
func (s *sse) said(text string) string {
	s.r.t.Helper()
	var all []byte
	for !bytes.Contains(all, []byte(text)) {
		kind, data := s.next()
		if kind == "data" {
			all = append(all, data...)
		}
	}
	return string(all)
}

// event reads until an event of the kind.
func (s *sse) event(kind string) []byte {
	s.r.t.Helper()
	for {
		k, data := s.next()
		if k == kind {
			return data
		}
	}
}

// typed reads what came to the device, until the text was in it.
func (r *rig) typed(console, text string) {
	r.t.Helper()
	p := r.ptys[console]
	require.NoError(r.t, p.SetReadDeadline(time.Now().Add(patience)))
	var all []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(all, []byte(text)) {
		n, err := p.Read(buf)
		require.NoError(r.t, err, "%q", all)
		all = append(all, buf[:n]...)
	}
}

func (r *rig) say(console, text string) {
	r.t.Helper()
	_, err := io.WriteString(r.ptys[console], text)
	require.NoError(r.t, err)
}
