package serialcon_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/vt"
)

var (
	_ serialcon.Screen    = (*vt.Screen)(nil)
	_ serialcon.Sanitizer = (*vt.Sanitizer)(nil)
	_ serialcon.Recaller  = (*conlog.Log)(nil)
)

// SeaBIOS resets and clears the terminal at each boot. A viewer who attaches
// later sees the picture, and keeps what was on its own screen.
func TestAConsoleWithARealScreen(t *testing.T) {
	bubble(t, func(c *serialcon.Console) {
		c.Screen = vt.New(80, 24, 100)
		c.NewSanitizer = func() serialcon.Sanitizer { return new(vt.Sanitizer) }
	}, func(t *testing.T, l *lab) {
		l.say("\x1bc\x1b[?7l\x1b[2JSeaBIOS\r\n" + queries + "\x1b[31mlogin: ")
		v := l.attach(serialcon.AttachOptions{History: -1, NoMarks: true})
		past := v.text()
		require.Contains(t, past, "SeaBIOS")
		require.Contains(t, past, "login:")
		l.say("\x1b[32mgreen" + queries)
		live := v.text()
		require.Contains(t, live, "\x1b[32mgreen", "colour passes")
		for _, text := range []string{past, live} {
			for _, bad := range []string{"\x1bc", "\x1b[6n", "\x1b[c", "\x1b[>c", "\x1bP", "\x1bZ", "\x05", "52;c;?"} {
				require.NotContains(t, text, bad)
			}
		}
	})
}

// The past comes from the files of a log, over restarts and rotations, and what
// follows it live is what follows it there.
func TestAConsoleWithARealLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pi-042")
	host := &serialcontest.Host{Name: "h"}
	next := int64(0)
	for round := range 4 {
		log, err := conlog.Open(dir, conlog.Options{SegmentSize: 10_000})
		require.NoError(t, err)
		u := new(serialcontest.UART)
		c := &serialcon.Console{Name: "pi-042", Port: u, Log: log}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		require.NoError(t, u.WaitOpen(ctx))
		say := func(lines int) {
			for range lines {
				u.Say(host.Line(next))
				next++
			}
			require.NoError(t, u.WaitTaken(ctx))
		}
		for viewer := range 3 {
			say(50)
			if viewer == 1 {
				require.NoError(t, log.Keep(ctx))
			}
			s, err := c.Attach(ctx, serialcon.AttachOptions{Mode: serialcon.Spy, History: 6400, NoMarks: true})
			require.NoError(t, err)
			say(30)
			v := &serialcontest.Verifier{Name: "h"}
			buf := make([]byte, 4096)
			for v.Next() < next {
				n, err := s.Read(buf)
				require.NoError(t, err)
				_, _ = v.Write(buf[:n])
			}
			require.Zero(t, v.Missing+v.Repeated+v.Damaged+v.Foreign, "round %d, viewer %d: %s", round, viewer, v)
			require.GreaterOrEqual(t, v.Lines, min(next, 100), "the past is as long as was asked for")
			require.NoError(t, s.Close())
		}
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, log.Close())
	}
}
