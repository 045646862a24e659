package realtest

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/mythic-beasts/hostkit/serialcon/watch"
)

// kept is a console as a daemon keeps it: with a log, a screen, patterns that
// are watched for, and somebody who types.
type kept struct {
	t       *testing.T
	console *serialcon.Console
	log     *conlog.Log
	screen  *vt.Screen
	user    *serialcon.Session
	stop    func() // ends the console; its log is whole then

	mu      sync.Mutex // guards what follows
	seen    []byte     // by the user
	changed chan struct{}
	marks   int // commands that were run
}

// keep runs a console. Nothing syncs its log but the console itself.
func keep(t *testing.T, name string, port serialcon.Opener, engine *serialcon.Engine) *kept {
	t.Helper()
	l, err := conlog.Open(filepath.Join(t.TempDir(), name), conlog.Options{})
	require.NoError(t, err)
	k := &kept{t: t, log: l, screen: vt.New(80, 100, 10000), changed: make(chan struct{})}
	patterns := &watch.Matcher{}
	k.console = &serialcon.Console{
		Name: name, Port: port, Log: l, Screen: k.screen, Engine: engine, Backlog: 4 << 20,
		NewSanitizer: func() serialcon.Sanitizer { return new(vt.Sanitizer) },
	}
	k.console.Tap = func(at time.Time, p []byte) {
		for _, m := range patterns.Write(at, p) {
			k.console.Post(serialcon.Event{Kind: serialcon.EventMatch, At: m.At, Text: m.Name})
		}
	}
	k.user, err = k.console.Attach(context.Background(), serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice", NoMarks: true})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var ran error
	wg.Go(func() { ran = k.console.Run(ctx) })
	wg.Go(k.read)
	k.stop = sync.OnceFunc(func() {
		cancel()
		_ = k.user.Close()
		wg.Wait()
		require.NoError(t, ran)
		require.Zero(t, k.user.Skipped())
	})
	t.Cleanup(func() {
		k.stop()
		if t.Failed() {
			t.Logf("the screen of %s:\n%s", name, k.screen.TextAll())
			t.Logf("its events:\n%s", strings.Join(k.events(), "\n"))
		}
		_ = l.Close()
	})
	return k
}

// read sees what the user is shown.
func (k *kept) read() {
	buf := make([]byte, 32<<10)
	for {
		n, err := k.user.Read(buf)
		k.mu.Lock()
		k.seen = append(k.seen, buf[:n]...)
		close(k.changed)
		k.changed = make(chan struct{})
		k.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// position is how much the user has seen.
func (k *kept) position() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.seen)
}

// await waits until the user saw a text after a position, and returns what was
// before it.
func (k *kept) await(from int, text string) string {
	k.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		k.mu.Lock()
		rest, changed := k.seen[from:], k.changed
		before, _, ok := bytes.Cut(rest, []byte(text))
		k.mu.Unlock()
		if ok {
			return string(before)
		}
		select {
		case <-changed:
		case <-timer.C:
			require.FailNow(k.t, "nothing more came", "waiting for %q after %q", text, rest[max(0, len(rest)-2000):])
		}
	}
}

// typed types into the console.
func (k *kept) typed(text string) {
	k.t.Helper()
	_, err := k.user.Send(k.t.Context(), []byte(text))
	require.NoError(k.t, err)
}

// shellPrompt says that a shell listens: what is typed before is lost when it
// sets its terminal.
const shellPrompt = "# "

// run types a command at the guest's shell, and returns what it printed.
func (k *kept) run(command string) string {
	k.t.Helper()
	k.marks++
	from := k.position()
	k.typed(fmt.Sprintf("%s; echo \"<$?@$((%d+1))>\"\r", command, k.marks*1000))
	ok := fmt.Sprintf("@%d>\r\n", k.marks*1000+1) // which the echo of the command lacks
	said := k.await(from, ok)
	k.await(from+len(said)+len(ok), shellPrompt)
	said = strings.ReplaceAll(said, "\r", "")
	at := strings.LastIndexByte(said, '<')
	require.GreaterOrEqual(k.t, at, 0, said)
	require.Equal(k.t, "0", said[at+1:], "%s: %s", command, said)
	_, output, _ := strings.Cut(said[:at], "\n") // the echo
	return output
}

// logged are the log's bytes of the port.
func (k *kept) logged() []byte {
	k.t.Helper()
	return raw(k.t, k.log.Reader())
}

// events are the log's events, as "kind text".
func (k *kept) events() (all []string) {
	k.t.Helper()
	for _, e := range kinds(k.t, k.log.Reader(), serialcon.EventNone) {
		all = append(all, e.Kind.String()+" "+e.Text)
	}
	return all
}

// raw is what a port said, according to its log.
func raw(t *testing.T, r conlog.Reader) (all []byte) {
	t.Helper()
	err := r.Raw(context.Background(), time.Time{}, func(c conlog.Chunk) error {
		all = append(all, c.Data...)
		return nil
	})
	require.NoError(t, err)
	return all
}

// kinds are a log's events of a kind, or all.
func kinds(t *testing.T, r conlog.Reader, kind serialcon.EventKind) (all []serialcon.Event) {
	t.Helper()
	err := r.Events(context.Background(), time.Time{}, time.Time{}, func(e serialcon.Event) error {
		if kind == serialcon.EventNone || e.Kind == kind {
			all = append(all, e)
		}
		return nil
	})
	require.NoError(t, err)
	return all
}

// sameBytes requires that a log is, byte for byte, what QEMU recorded.
func sameBytes(t *testing.T, name string, logged, recorded []byte) {
	t.Helper()
	same := 0
	for same < min(len(logged), len(recorded)) && logged[same] == recorded[same] {
		same++
	}
	require.True(t, bytes.Equal(logged, recorded), "the log has %d bytes, QEMU's %d; they differ after %d: %q and %q",
		len(logged), len(recorded), same, logged[max(0, same-100):min(same+100, len(logged))], recorded[max(0, same-100):min(same+100, len(recorded))])
	t.Logf("%s: %d bytes, the same as QEMU's", name, len(logged))
}

// sameText requires the same of a console on which QEMU had to wait for its
// reader: a byte that it has to send again stands in its record once more
// (qemu_chr_write_buffer of QEMU 7.2 takes EAGAIN for fatal). A Unix socket takes
// some 280 writes, which QEMU's UART makes of one byte each.
func sameText(t *testing.T, name string, logged, recorded []byte) {
	t.Helper()
	var once []byte
	for i, b := range recorded {
		again := i > 0 && b == recorded[i-1]
		if again && (len(once) >= len(logged) || logged[len(once)] != b) {
			continue
		}
		once = append(once, b)
	}
	t.Logf("%s: QEMU sent %d bytes again", name, len(recorded)-len(once))
	sameBytes(t, name, logged, once)
}
