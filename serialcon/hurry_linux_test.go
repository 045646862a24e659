package serialcon_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// An engine that looks at its ports once an hour leaves a Unix socket, whose
// writer it would hold up, to a goroutine.
func TestAUnixSocketIsReadAtOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", name)
	require.NoError(t, err)
	defer l.Close()
	var log serialcontest.Log
	c := &serialcon.Console{
		Name: "vm", Port: dial.Unix{Path: name}, Log: &log,
		Engine: &serialcon.Engine{Coalesce: time.Hour},
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	conn, err := l.Accept()
	require.NoError(t, err)
	defer conn.Close()
	const n = 2000 // a byte each: far more than the socket holds
	require.NoError(t, conn.SetWriteDeadline(time.Now().Add(time.Minute)))
	for range n {
		_, err := conn.Write([]byte("x"))
		require.NoError(t, err)
	}
	patient, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	require.NoError(t, log.Wait(patient, func(b []byte, _ []serialcon.Event) bool { return len(b) == n }))
	cancel()
	require.NoError(t, <-done)
}
