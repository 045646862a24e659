package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
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
		{"help", []string{"-h"}, 0, "boot a simulated shelf"},
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
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	var stderr bytes.Buffer
	require.Equal(t, 1, run(t.Context(), []string{"-demo", "-listen", l.Addr().String()}, io.Discard, &stderr))
	require.Contains(t, stderr.String(), "choose another address with -listen")
}

// startDemo runs the program and returns the address that it prints. Stop
// interrupts it and returns its exit code.
func startDemo(t *testing.T, args ...string) (url string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"-demo", "-listen", "127.0.0.1:0"}, args...), in, t.Output())
		in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	t.Cleanup(cancel)
	return strings.TrimSpace(line), func() int {
		cancel()
		select {
		case c := <-code:
			return c
		case <-time.After(10 * time.Second):
			t.Fatal("it does not end")
			return -1
		}
	}
}

// An interrupt in the middle of boots, with a page open, ends the program at
// once and without an error.
func TestInterrupt(t *testing.T) {
	url, stop := startDemo(t, "-pis", "4")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"events", nil)
	require.NoError(t, err)
	reply, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer reply.Body.Close()
	events := bufio.NewScanner(reply.Body)
	events.Buffer(nil, 1<<20)
	for events.Scan() && !strings.Contains(events.Text(), `"class":"loading"`) {
	}
	require.NoError(t, events.Err())
	began := time.Now()
	require.Zero(t, stop())
	require.Less(t, time.Since(began), 3*time.Second)
	for events.Scan() {
	}
	require.NoError(t, events.Err(), "the stream ends as it should")
}
