package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/cli"
	"github.com/mythic-beasts/hostkit/poe"
)

func TestWatch(t *testing.T) {
	t.Setenv("POECTL_TEST_COMMUNITY", "private")
	sw, agent, addr := newShelf(t)
	file := writeConfig(t, t.TempDir(), addr, sw, "[watch]\ninterval = \"20ms\"\n")
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- program.Run(ctx, []string{"-config", file, "watch", "-json"}, in, io.Discard)
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	next := func() line {
		require.True(t, lines.Scan())
		var l line
		require.NoError(t, json.Unmarshal(lines.Bytes(), &l))
		return l
	}
	require.Eventually(t, func() bool { return agent.Requests() > 20 }, 10*time.Second, time.Millisecond, "it has looked")
	sw.Unplug("2")
	l := next()
	require.Equal(t, poe.EventPowerOff, l.Kind)
	require.Equal(t, "pi2", l.Machine)
	require.Equal(t, "shelf1", l.Switch)
	cancel()
	for lines.Scan() {
		require.NoError(t, lines.Err())
	}
	require.Equal(t, cli.ExitOK, <-code)
}

// An interrupted cycle is finished by recover, whatever ended it.
func TestRecover(t *testing.T) {
	t.Setenv("POECTL_TEST_COMMUNITY", "private")
	sw, _, addr := newShelf(t)
	dir := t.TempDir()
	file := writeConfig(t, dir, addr, sw, "")
	c, err := loadConfig(file)
	require.NoError(t, err)
	c.Policy.MinOff = 1 << 40 // nanoseconds: it is interrupted first
	r, err := newRack(c, (&cli.Call{Stderr: io.Discard}).Log())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := r.controller("shelf1").Cycle(ctx, "5", poe.Reason{Who: "test"})
		done <- err
	}()
	admin := func() bool {
		st, err := sw.Port(t.Context(), "5")
		require.NoError(t, err)
		return st.Delivering()
	}
	require.Eventually(t, func() bool { return !admin() }, 5*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	r.close()
	require.False(t, admin())
	require.Equal(t, cli.ExitOK, program.Run(t.Context(), []string{"-config", file, "recover"}, io.Discard, io.Discard))
	require.True(t, admin())
}
