package vt_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/stretchr/testify/require"
)

// testdata/boot.raw is what QEMU's serial port gave from SeaBIOS over Linux 6.1
// to busybox, with its ls, vi and poweroff.
func TestRecordedBoot(t *testing.T) {
	input, err := os.ReadFile("testdata/boot.raw")
	require.NoError(t, err)
	var lines []string
	s := vt.New(80, 24, 1000)
	s.Lines = func(_ time.Time, text []byte) { lines = append(lines, string(text)) }
	for len(input) > 0 { // in bursts, as a port gives them
		n := min(len(input), 61)
		s.Write(input[:n])
		input = input[n:]
	}
	all := strings.Join(lines, "\n")
	clean(t, all)
	for _, want := range []string{"SeaBIOS (version 1.16.2-debian-1.16.2-1)", "Probing EDD (edd=off to disable)... o", "Run /init as init process", "fsck: 100%"} {
		require.True(t, slices.ContainsFunc(lines, func(line string) bool { return strings.HasSuffix(line, want) }), want)
	}
	require.NotContains(t, all, "fsck:  40%")
	require.NotContains(t, all, "~", "vi is on the alternate screen")
	require.Contains(t, s.TextAll(), "SeaBIOS (version", "two resets later")
	require.Contains(t, s.Text(), "reboot: Power down")
	var replay strings.Builder
	require.NoError(t, s.Replay(&replay))
	require.NotContains(t, replay.String(), "\x1b[6n", "as vi sent it")
}

func TestRecordedBootSanitized(t *testing.T) {
	input, err := os.ReadFile("testdata/boot.raw")
	require.NoError(t, err)
	passed := vt.Sanitize(nil, input)
	harmless(t, passed)
	direct, filtered := vt.New(80, 24, 1000), vt.New(80, 24, 1000)
	direct.Write(input)
	filtered.Write(passed)
	require.Equal(t, direct.HTMLAll(), filtered.HTMLAll())
}
