package main

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func loading(file string, bytes, size int64) status {
	return status{Machine: "pi1", Stage: "loading", Last: noon, File: file, FileBytes: bytes, FileSize: size, Boots: 1}
}

func TestLines(t *testing.T) {
	var out bytes.Buffer
	l := &lines{out: &out}
	for _, s := range []status{
		{Machine: "pi1", Stage: "off", Last: noon},
		{Machine: "pi1", Stage: "discover", Firmware: "Pi ROM", Last: noon, Boots: 1},
		loading("kernel8.img", 1_500_000, 8_400_000),
		loading("kernel8.img", 3_000_000, 8_400_000),
		loading("a\x1b[2J", 1, 999),
		{Machine: "pi1", Stage: "stalled", Last: noon, Code: "arp-mute", Text: "It stands.", Remedy: "Pin it."},
	} {
		l.update(s)
		l.draw()
	}
	require.Equal(t, `12:00:00 pi1 off
12:00:00 pi1 discover Pi ROM
12:00:00 pi1 loading kernel8.img 1.5 MB/8.4 MB
12:00:00 pi1 loading a\x1b[2J 1 B/999 B
12:00:00 pi1 stalled arp-mute: It stands. Pin it.
`, out.String())
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	tb := &table{out: &out, size: func() (int, int) { return 70, 4 }}
	tb.draw()
	require.Empty(t, out.String(), "there is nothing to draw")

	tb.update(status{Machine: "long-name", Stage: "up", Served: 12, Bytes: 23_000_000})
	tb.update(loading("kernel8.img", 4_200_000, 8_400_000))
	tb.draw()
	require.Equal(t, "\rlong-name  up        [####################]  (12 files, 23 MB)\x1b[K\n"+
		"\rpi1        loading   [##########----------]  kernel8.img 4.2 MB/8.4 MB\x1b[K\n\x1b[J", out.String())

	out.Reset()
	tb.draw()
	require.Empty(t, out.String(), "nothing has changed")
	tb.update(status{Machine: "long-name", Stage: stageGone})
	tb.draw()
	require.Equal(t, "\x1b[2A\rpi1  loading   [##########----------]  kernel8.img 4.2 MB/8.4 MB\x1b[K\n\x1b[J", out.String())

	// More machines than lines, and longer lines than the terminal has room for.
	for _, name := range []string{"a", "b", "c"} {
		tb.update(status{Machine: name, Stage: "stalled", Code: "x", Text: strings.Repeat("long ", 30)})
	}
	rows := renderTable(tb.rows, 40, 3)
	require.Len(t, rows, 3)
	require.Equal(t, "and 2 more", rows[2])
	for _, row := range rows {
		require.LessOrEqual(t, len(row), 40)
	}
}

func TestBarStaysInBounds(t *testing.T) {
	for _, s := range []status{loading("x", 10, 0), loading("x", 20, 10), loading("x", -5, 10), {Stage: "off"}, {Stage: "up"}} {
		require.Len(t, bar(s, 20), 22)
	}
}

// A state change is one Info line, a file one Debug line, trouble one Warn line
// with its diagnosis.
func TestEventLog(t *testing.T) {
	var out bytes.Buffer
	tracker := &netboot.Tracker{}
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	tracker.Next = &eventLog{log: log, tracker: tracker}
	client := netboot.Client{Interface: "eth0.2", Firmware: netboot.FirmwarePiROM}
	addr := netip.MustParseAddr("10.80.0.66")
	for _, e := range []netboot.Event{
		{Kind: netboot.Discovered}, {Kind: netboot.Discovered}, {Kind: netboot.Offered, Addr: addr},
		{Kind: netboot.FileServed, Addr: addr, File: "start.elf", Bytes: 3, Size: 3},
		{Kind: netboot.FileProgress, Addr: addr, File: "kernel.img", Bytes: 1, Size: 3},
		{Kind: netboot.FileRefused, Addr: addr, File: "pieeprom.upd", Err: netboot.ErrUpdateRefused},
		{Kind: netboot.FileFailed, Addr: addr, File: "kernel.img", Bytes: 1, Size: 3},
	} {
		e.Machine, e.Client, e.At = "pi1", client, noon
		tracker.Observe(e)
	}
	tracker.Next.Observe(netboot.Event{Kind: netboot.GaveUp, Machine: "pi1", Diagnosis: netboot.Diagnosis{Code: "arp-mute", Text: "T.", Remedy: "R."}})
	var got []string
	for line := range strings.Lines(out.String()) {
		fields := strings.SplitN(strings.TrimSpace(line), " machine=pi1", 2)
		require.Len(t, fields, 2, line)
		got = append(got, fields[0])
	}
	require.Equal(t, []string{
		"level=INFO msg=boot", "level=INFO msg=boot",
		`level=DEBUG msg="file served"`, "level=INFO msg=boot",
		`level=DEBUG msg="file refused"`,
		`level=WARN msg="file failed"`,
		`level=WARN msg="boot gave up"`,
	}, got)
	require.Contains(t, out.String(), "diagnosis=arp-mute seen=T. remedy=R.")
}
