package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"without demo", nil, 2, "this release has the demo only: run it with -demo"},
		{"no Pis", []string{"-demo", "-pis", "0"}, 2, "-pis 0 is not between 1 and 96"},
		{"too many Pis", []string{"-demo", "-pis", "97"}, 2, "between 1 and 96"},
		{"no speed", []string{"-demo", "-speed", "NaN"}, 2, "-speed NaN is not between"},
		{"argument", []string{"-demo", "shelf"}, 2, `unexpected argument "shelf"`},
		{"unknown flag", []string{"-production"}, 2, "not defined: -production"},
		{"help", []string{"-h"}, 0, "run a whole hosting company"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, tt.code, run(t.Context(), tt.args, &stdout, &stderr))
			require.Contains(t, stderr.String(), tt.want)
			require.Empty(t, stdout.String())
		})
	}
}

func TestAddressInUse(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	var stderr bytes.Buffer
	require.Equal(t, 1, run(t.Context(), []string{"-demo", "-listen", l.Addr().String()}, io.Discard, &stderr))
	require.Contains(t, stderr.String(), "choose another address with -listen")
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:8480": "localhost:8480", "[::1]:8480": "[::1]:8480", "192.0.2.1:80": "192.0.2.1:80", "0.0.0.0:80": "0.0.0.0:80",
	} {
		a, err := net.ResolveTCPAddr("tcp", in)
		require.NoError(t, err)
		require.Equal(t, want, address(a))
	}
}

// company is the program as it runs.
type company struct {
	url      string // without the last slash
	password string
	stop     func() int // interrupts it and returns its exit code
}

// start runs the program and reads what it prints.
func start(t *testing.T, args ...string) *company {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	out, in := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"-demo", "-listen", "127.0.0.1:0", "-v"}, args...), in, t.Output())
		in.Close()
	}()
	said := bufio.NewReader(out)
	address, err := said.ReadString('\n')
	require.NoError(t, err)
	words, err := said.ReadString('\n')
	require.NoError(t, err)
	fields := strings.Fields(words)
	c := &company{url: strings.TrimSuffix(strings.TrimSpace(address), "/"), password: fields[len(fields)-1]}
	stopped := false
	c.stop = func() int {
		if stopped {
			return 0
		}
		stopped = true
		cancel()
		select {
		case c := <-code:
			return c
		case <-time.After(time.Minute):
			t.Error("it does not end")
			return -1
		}
	}
	t.Cleanup(func() { c.stop() })
	return c
}

// login returns a browser without script that is logged in.
func (c *company) login(t *testing.T, name string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar}
	form := url.Values{"name": {name}, "password": {c.password}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/login", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	reply, err := client.Do(r)
	require.NoError(t, err)
	reply.Body.Close()
	require.Equal(t, http.StatusOK, reply.StatusCode)
	return client
}

// An interrupt in the middle of boots, with a page open, ends the program without an
// error, and the page's stream as it should.
func TestInterrupt(t *testing.T) {
	c := start(t, "-pis", "4")
	client := c.login(t, "noc")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/", nil)
	require.NoError(t, err)
	r.Header.Set("Accept", "text/event-stream")
	reply, err := client.Do(r)
	require.NoError(t, err)
	defer reply.Body.Close()
	events := bufio.NewScanner(reply.Body)
	events.Buffer(nil, 1<<20)
	loading := false
	for !loading && events.Scan() {
		loading = strings.Contains(events.Text(), `data-class=\"loading\"`)
	}
	require.NoError(t, events.Err())
	require.True(t, loading)
	require.Zero(t, c.stop())
	for events.Scan() {
	}
	require.NoError(t, events.Err(), "the stream ends as it should")
}
