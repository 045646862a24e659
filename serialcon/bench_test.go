package serialcon_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// BenchmarkAttach is one viewer that attaches to 64 KiB of history and reads it
// all: from memory, and as the first who watches, from the log.
func BenchmarkAttach(b *testing.B) {
	const size = 64 << 10
	b.Run("memory", func(b *testing.B) { benchAttach(b, new(serialcontest.Log), size, size) })
	b.Run("log", func(b *testing.B) {
		l, err := conlog.Open(filepath.Join(b.TempDir(), "log"), conlog.Options{})
		require.NoError(b, err)
		defer l.Close()
		benchAttach(b, l, 0, size)
	})
}

func benchAttach(b *testing.B, log serialcon.Log, keep, size int) {
	u := new(serialcontest.UART)
	c := &serialcon.Console{Name: "pi", Port: u, Log: log, History: keep}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	require.NoError(b, u.WaitOpen(ctx))
	host := &serialcontest.Host{Name: "h"}
	all := int64(size) + 100<<10
	for n := range all / 64 { // in bursts as a UART's
		u.Say(host.Line(n))
		require.NoError(b, u.WaitTaken(ctx))
	}
	require.Eventually(b, func() bool { return c.Stats().BytesIn >= all/64*64 }, 30*time.Second, time.Millisecond)
	buf := make([]byte, 32<<10)
	b.SetBytes(int64(size))
	for b.Loop() {
		s, err := c.Attach(ctx, serialcon.AttachOptions{History: size, NoMarks: true})
		require.NoError(b, err)
		for got := 0; got < size-64; {
			n, err := s.Read(buf)
			if err != nil {
				b.Fatal(err)
			}
			got += n
		}
		require.NoError(b, s.Close())
	}
	cancel()
	require.NoError(b, <-ended)
}
