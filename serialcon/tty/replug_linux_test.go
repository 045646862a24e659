package tty_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

// A console's port that comes back by the same name, which is a link, goes on.
func TestAConsoleSurvivesReplugging(t *testing.T) {
	for _, engine := range []*serialcon.Engine{nil, new(serialcon.Engine)} {
		t.Run(fmt.Sprintf("engine %t", engine != nil), func(t *testing.T) {
			byID := filepath.Join(t.TempDir(), "serial", "by-id")
			link := filepath.Join(byID, "usb-adapter")
			plug := func() *serialcontest.PTY {
				p := openPTY(t)
				require.NoError(t, os.MkdirAll(byID, 0o755))
				require.NoError(t, os.Symlink(p.Path, link))
				return p
			}
			log := new(serialcontest.Log)
			c := &serialcon.Console{Name: "pi-042", Port: tty.Config{Device: link}, Log: log, Engine: engine}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- c.Run(ctx) }()
			var want strings.Builder
			for i := range 3 {
				p := plug()
				said := fmt.Sprintf("boot %d \xff\x00\r\n", i)
				want.WriteString(said)
				require.NoError(t, log.Wait(t.Context(), func(_ []byte, events []serialcon.Event) bool {
					return count(events, serialcon.EventOpened) == i+1
				}))
				_, err := p.Write([]byte(said))
				require.NoError(t, err)
				require.NoError(t, log.Wait(t.Context(), func(got []byte, _ []serialcon.Event) bool { return string(got) == want.String() }))
				require.NoError(t, os.RemoveAll(filepath.Dir(byID)))
				require.NoError(t, p.Close())
				require.NoError(t, log.Wait(t.Context(), func(_ []byte, events []serialcon.Event) bool {
					return count(events, serialcon.EventClosed) == i+1
				}))
			}
			cancel()
			<-ended
		})
	}
}

func count(events []serialcon.Event, kind serialcon.EventKind) (n int) {
	for _, e := range events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func TestAwait(t *testing.T) {
	for _, by := range []struct {
		name string
		wait func(c tty.Config, ctx context.Context, waiting func()) error
	}{
		{"inotify", func(c tty.Config, ctx context.Context, waiting func()) error { return c.AwaitTold(ctx, waiting) }},
		{"looking", func(c tty.Config, ctx context.Context, waiting func()) error { return c.AwaitUntold(ctx, waiting) }},
	} {
		t.Run(by.name, func(t *testing.T) {
			s := tree(t, map[string]string{"dev/null": ""})
			steps := []func() error{
				func() error { return os.MkdirAll(filepath.Join(s.Dev, "serial"), 0o755) },
				func() error { return os.Mkdir(filepath.Join(s.Dev, "serial/by-id"), 0o755) },
				func() error { return os.Symlink("../../ttyUSB0", filepath.Join(s.Dev, "serial/by-id/usb-a")) },
				func() error { return os.RemoveAll(filepath.Join(s.Dev, "serial")) },
				func() error { return os.MkdirAll(filepath.Join(s.Dev, "serial/by-id"), 0o755) },
				func() error { return os.Symlink("../../ttyUSB1", filepath.Join(s.Dev, "serial/by-id/usb-a")) },
				func() error { return os.WriteFile(filepath.Join(s.Dev, "ttyUSB1"), nil, 0o600) },
			}
			c := tty.Config{Device: "usb-a", System: s}
			patient, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			require.NoError(t, by.wait(c, patient, func() {
				// A removal alone wakes nobody, and need not.
				for next := true; next && len(steps) > 0; {
					next = len(steps) == 4
					if err := steps[0](); err != nil {
						t.Error(err)
					}
					steps = steps[1:]
				}
			}))
			require.Empty(t, steps)
			require.NoError(t, by.wait(c, t.Context(), func() { t.Error("it waits for what is there") }))
			require.NoError(t, c.Await(t.Context()))

			ctx, cancel := context.WithCancel(t.Context())
			err := by.wait(tty.Config{Device: filepath.Join(s.Dev, "ttyUSB9"), System: s}, ctx, cancel)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, tty.Config{Device: "x", System: s}.Await(ctx), context.Canceled)
		})
	}
}
