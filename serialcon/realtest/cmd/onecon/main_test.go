package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// output is what the program printed so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) has(text string) func() bool {
	return func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return strings.Contains(o.b.String(), text)
	}
}

// checked is what the program says of a log.
func checked(t *testing.T, args ...string) string {
	t.Helper()
	var said bytes.Buffer
	require.NoError(t, run(t.Context(), nil, args, &said))
	return said.String()
}

func TestKeepsAndChecks(t *testing.T) {
	pty, err := serialcontest.OpenPTY()
	require.NoError(t, err)
	defer pty.Close()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	var out output
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, make(chan os.Signal), []string{"-name", "vm", "-device", pty.Path, "-dir", dir}, &out)
	}()
	require.Eventually(t, out.has(fmt.Sprintf("] opened %q", "tty "+pty.Path+" 115200n8")), time.Minute, 10*time.Millisecond)
	require.NoError(t, run(ctx, nil, []string{"-say", "host", "-lines", "100"}, pty))
	require.Eventually(t, func() bool {
		return strings.Contains(checked(t, "-name", "vm", "-dir", dir, "-check", "host"), "next is 100")
	}, time.Minute, 10*time.Millisecond)
	require.True(t, out.has("] first ")())
	cancel()
	require.NoError(t, <-done)
	require.Equal(t, "onecon: 100 lines, 0 missing, 0 repeated, 0 damaged, 0 foreign, next is 100\n",
		checked(t, "-name", "vm", "-dir", dir, "-check", "host"))
	require.Contains(t, checked(t, "-name", "vm", "-dir", dir, "-check", "other"), "0 lines, 0 missing, 0 repeated, 0 damaged, 100 foreign")
	require.True(t, out.has("] stopped ")())
}

func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"-nonsense"},
		{"-name", "../x", "-dir", dir},
		{"-name", "../x", "-dir", dir, "-check", "host"},
		{"-name", "vm", "-dir", filepath.Join(dir, "not", "there")},
	} {
		require.Error(t, run(t.Context(), nil, args, &output{}), "%q", args)
	}
}
