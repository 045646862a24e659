package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
)

// newTestBoard returns a board with two machines.
func newTestBoard() *board {
	b := newBoard(time.Unix(1, 0))
	b.add("pi-01", "Pi 3B", 2e6)
	b.add("pi-02", "Pi 4", 4e6)
	return b
}

func event(kind netboot.EventKind, machine string) netboot.Event {
	return netboot.Event{At: time.Unix(1000, 0).UTC(), Kind: kind, Machine: machine, Addr: netip.MustParseAddr("10.80.0.2")}
}

func fileEvent(kind netboot.EventKind, machine, file string, bytes, size int64) netboot.Event {
	e := event(kind, machine)
	e.File, e.Bytes, e.Size = file, bytes, size
	return e
}

func rowOf(t *testing.T, b *board, name string) row {
	t.Helper()
	n, _ := b.since(0)
	for _, r := range n.Rows {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no row %q", name)
	return row{}
}

func TestBoardFollowsABoot(t *testing.T) {
	b := newTestBoard()
	see := b.tracker.Observe
	require.Equal(t, row{Name: "pi-01", Model: "Pi 3B", Stage: "off", Class: "off", Total: 2e6, Loaded: "0.0 of 2.0 MB", Last: "power is off"}, rowOf(t, b, "pi-01"))

	see(event(netboot.PoweredOn, "pi-01"))
	require.Equal(t, "asking", rowOf(t, b, "pi-01").Class)
	see(event(netboot.Offered, "pi-01"))
	require.Equal(t, "was offered 10.80.0.2", rowOf(t, b, "pi-01").Last)

	see(fileEvent(netboot.FileServed, "pi-01", "start.elf", 5e5, 5e5))
	see(fileEvent(netboot.FileMissing, "pi-01", "recovery.elf", 0, 0))
	see(fileEvent(netboot.FileProgress, "pi-01", "kernel8.img", 6e5, 15e5))
	r := rowOf(t, b, "pi-01")
	require.Equal(t, []any{"loading", int64(11e5), "1.1 of 2.0 MB", "kernel8.img"}, []any{r.Stage, r.Bytes, r.Loaded, r.File})
	require.Equal(t, "asked for recovery.elf, which is not there", r.Last)

	see(event(netboot.OSLease, "pi-01"))
	r = rowOf(t, b, "pi-01")
	require.Equal(t, []any{"up", "up", "2.0 of 2.0 MB", "its operating system is up at 10.80.0.2"}, []any{r.Stage, r.Class, r.Loaded, r.Last})

	n, _ := b.since(0)
	require.Equal(t, "1 of 2 up, 1 off", n.Summary)
	var texts []string
	for _, l := range n.Lines {
		texts = append(texts, l.Machine+" "+l.Text)
	}
	require.Equal(t, []string{
		"pi-01 power is on", "pi-01 was offered 10.80.0.2", "pi-01 loaded start.elf, 500.0 kB in 0s",
		"pi-01 its operating system is up at 10.80.0.2",
	}, texts, "progress and missing files are not worth a line")

	b.switchedOff("pi-01")
	b.switchedOff("pi-01")
	require.Equal(t, "off", rowOf(t, b, "pi-01").Class)
	n, _ = b.since(n.seq)
	require.Len(t, n.Lines, 1, "it can only lose its power once")
}

func TestBoardTellsWhatIsNew(t *testing.T) {
	b := newTestBoard()
	all, changed := b.since(0)
	require.Len(t, all.Rows, 2)
	none, _ := b.since(all.seq)
	require.Empty(t, none.Rows)
	select {
	case <-changed:
		t.Fatal("nothing has changed")
	default:
	}
	b.tracker.Observe(event(netboot.PoweredOn, "pi-02"))
	<-changed
	n, _ := b.since(all.seq)
	require.Len(t, n.Rows, 1)
	require.Equal(t, "pi-02", n.Rows[0].Name)

	seq, ok := b.parseCursor(n.Cursor)
	require.True(t, ok)
	require.Equal(t, n.seq, seq)
	for _, foreign := range []string{"", "-", "x-1", b.epoch, b.epoch + "-", b.epoch + "-1x", newBoard(time.Unix(2, 0)).epoch + "-1"} {
		_, ok := b.parseCursor(foreign)
		require.False(t, ok, "%q", foreign)
	}
}

func TestBoardKeepsTheTailOfTheLog(t *testing.T) {
	b := newTestBoard()
	for i := range maxLines + 7 {
		b.tracker.Observe(fileEvent(netboot.FileServed, "pi-01", fmt.Sprint("file", i), 1, 1))
	}
	n, _ := b.since(0)
	require.Len(t, n.Lines, maxLines)
	require.Contains(t, n.Lines[0].Text, "loaded file7,")
	require.Contains(t, n.Lines[maxLines-1].Text, fmt.Sprintf("loaded file%d,", maxLines+6))
}

func TestBoardOfStrangers(t *testing.T) {
	b := newTestBoard()
	e := fileEvent(netboot.FileRefused, "", "secret", 0, 0)
	e.Err = errors.New("nobody knows it")
	b.Observe(e)
	n, _ := b.since(0)
	require.Len(t, n.Rows, 2)
	require.Equal(t, "was refused secret: nobody knows it", n.Lines[0].Text)
}

func TestDescribe(t *testing.T) {
	for _, tt := range []struct {
		event       netboot.Event
		text, class string
	}{
		{netboot.Event{Kind: netboot.Discovered, Client: netboot.Client{Firmware: netboot.FirmwareOS}}, "OS asks for an address", "asking"},
		{netboot.Event{Kind: netboot.FileServed, File: "0a1b2c3d/start.elf", Size: 2979264, Took: 1234567 * time.Microsecond}, "loaded start.elf, 3.0 MB in 1.235s", "loading"},
		{netboot.Event{Kind: netboot.FileServed, File: "config.txt", Size: 27}, "loaded config.txt, 27 bytes in 0s", "loading"},
		{netboot.Event{Kind: netboot.FileServed, File: "overlays/vc4.dtbo", Size: 2711}, "loaded overlays/vc4.dtbo, 2.7 kB in 0s", "loading"},
		{netboot.Event{Kind: netboot.FileRefused, File: "0a1b2c3d/pieeprom.upd", Err: fmt.Errorf("open: %w", netboot.ErrUpdateRefused)}, "was refused pieeprom.upd, which it would flash into itself", "loading"},
		{netboot.Event{Kind: netboot.FileFailed, File: "0a1b2c3d/", Err: errors.New("gone\x07")}, "broke off 0a1b2c3d/: gone\ufffd", "stalled"},
	} {
		text, class := describe(tt.event)
		require.Equal(t, tt.text, text)
		require.Equal(t, tt.class, class)
	}
}

func TestDescribeEveryKind(t *testing.T) {
	for kind := netboot.Discovered; kind <= netboot.PoweredOn; kind++ {
		e := event(kind, "pi-01")
		text, class := describe(e)
		if kind == netboot.FileProgress {
			require.Empty(t, text)
			continue
		}
		require.NotEmpty(t, text, kind.String())
		require.NotEmpty(t, class, kind.String())
	}
	e := event(netboot.GaveUp, "pi-01")
	e.Diagnosis = netboot.Diagnosis{Code: "x", Text: "It is mute.", Remedy: "Speak to it."}
	text, _ := describe(e)
	require.Equal(t, "gave up. It is mute. Speak to it.", text)
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"kernel8.img":            "kernel8.img",
		"a\x00b\nc\x1b[2J":       "a\ufffdb\ufffdc\ufffd[2J",
		"gpj.\u202Eexe":          "gpj.\ufffdexe",
		"\xff\xfe":               "\ufffd\ufffd",
		"Überlauf":               "Überlauf",
		strings.Repeat("é", 200): strings.Repeat("é", 200),
		strings.Repeat("é", 999): strings.Repeat("é", 200) + "…",
	} {
		require.Equal(t, want, printable(in))
	}
}
