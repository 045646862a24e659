package vt_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/stretchr/testify/require"
)

// A viewer's terminal has the same state after the replay: it goes on alike.
func TestReplayCarriesTheState(t *testing.T) {
	for _, c := range []struct{ name, before, after string }{
		{"cursor and pen", "\x1b[3;7H\x1b[1;4;35m", "x"},
		{"waits to wrap", strings.Repeat("x", 20), "y"},
		{"waits to wrap in colour", "\x1b[41m" + strings.Repeat("x", 20) + "\x1b[42m", "y"},
		{"waits to wrap after a wide character", strings.Repeat("日", 10), "y"},
		{"region", "\x1b[2;4r\x1b[4;1H", "a\r\nb\r\nc"},
		{"origin", "\x1b[2;4r\x1b[?6h\x1b[2;3H", "x\x1b[1;1Hy"},
		{"tab stops", "\x1b[3g\x1b[4G\x1bH\r", "\tx\ty"},
		{"saved cursor", "\x1b[2;5H\x1b[32m\x1b(0\x1b7\x1b[H\x1b[m\x1b(B", "a\x1b8q"},
		{"line drawing", "\x1b)0\x0e", "qx\x0fq"},
		{"insert", "abc\r\x1b[4h", "xy"},
		{"no autowrap", "\x1b[?7l\x1b[1;19H", "abcdef"},
		{"new line mode", "\x1b[20h", "a\nb"},
		{"alternate", "main\x1b[2;2H\x1b[?1049h\x1b[Halt", "more\x1b[?1049lback"},
		{"erased in colour", "\x1b[44m\x1b[2J", "\x1b[K"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, viewer := show(c.before), show("old\x1b[3;4r\x1b[?6h\x1b[4h\x1b[?7l\x1b[31m\x1b(0")
			viewer.Write([]byte(replayed(t, s)))
			require.Equal(t, s.HTML(), viewer.HTML())
			s.Write([]byte(c.after))
			viewer.Write([]byte(c.after))
			require.Equal(t, s.HTML(), viewer.HTML())
			require.Equal(t, stateOf(s), stateOf(viewer))
		})
	}
}

// The keys that a program asked for are those a new viewer sends.
func TestReplayCarriesKeyModes(t *testing.T) {
	require.Contains(t, replayed(t, show("\x1b[?1h\x1b=\x1b[?2004h\x1b[?25l\x1b[?5h")), "\x1b[?25l\x1b[?5h\x1b[?1h\x1b[?2004h\x1b=")
	require.Contains(t, replayed(t, show("")), "\x1b[?25h\x1b[?5l\x1b[?1l\x1b[?2004l\x1b>")
}

// Neither the guest's queries nor its wish to erase reach a viewer, and what the
// viewer could scroll to, it still can.
func TestReplayIsSafe(t *testing.T) {
	input := "first\r\n\x1bc\x1b[3J\x1b[6n\x1b[c\x1b[?1000h\x05\x1b]52;c;?\a\x1bP$qm\x1b\\\u202elast"
	s := show(input)
	var b strings.Builder
	require.NoError(t, s.Replay(&b))
	for _, bad := range []string{"\x1bc", "\x1b[3J", "\x1b[2J", "n", "\x1b[c", "\x1b]", "\x1bP", "\x05", "1000", "\u202e"} {
		require.NotContains(t, b.String(), bad)
	}
	viewer := vt.New(20, 5, 100)
	viewer.Write([]byte("1\r\n2\r\n3\r\n4\r\n5\r\nmine"))
	viewer.Write([]byte(b.String()))
	require.Equal(t, "\ufffdlast\n", viewer.Text())
	require.True(t, strings.HasPrefix(viewer.TextAll(), "1\n2\n3\n4\n5\nmine\nfirst\n"), viewer.TextAll())

	// A reader whose stream is filtered loses nothing of it but the key modes.
	filtered := vt.New(20, 5, 100)
	filtered.Write(vt.Sanitize(nil, []byte(b.String())))
	require.Equal(t, s.HTML(), filtered.HTML())
}

func TestReplayOfHistory(t *testing.T) {
	s := show(numbered(0) + "1\r\n2\r\n" + strings.Repeat("w", 30) + "\r\n\x1b[31mred\x1b[m\r\n" + strings.Repeat("\r\n", 5))
	for _, c := range []struct {
		history int
		want    string
	}{
		{0, "1\n2\n" + strings.Repeat("w", 30) + "\nred\n"},
		{-1, ""},
		{2, "red\n"},
	} {
		var b strings.Builder
		require.NoError(t, s.ReplayTo(&b, vt.ReplayOptions{History: c.history}))
		viewer := vt.New(80, 5, 100)
		viewer.Write([]byte(b.String()))
		require.Equal(t, c.want, strings.TrimLeft(strings.TrimRight(viewer.TextAll(), "\n")+"\n", "\n"), "history %d", c.history)
	}
}

// On a taller terminal the rows are those that the guest addresses, and what was
// above is not written over.
func TestReplayToATallerTerminal(t *testing.T) {
	var b strings.Builder
	require.NoError(t, show("top\x1b[5;1Hbottom").ReplayTo(&b, vt.ReplayOptions{Rows: 12}))
	viewer := vt.New(80, 12, 100)
	viewer.Write([]byte(strings.Repeat("mine\r\n", 11) + "mine" + b.String()))
	require.Equal(t, "top\n\n\n\nbottom\n", viewer.Text())
	require.Equal(t, 12, strings.Count(viewer.TextAll(), "mine"))
}

func TestReplayReportsTheWriter(t *testing.T) {
	err := show("x").Replay(broken{})
	require.ErrorIs(t, err, errBroken)
	require.ErrorContains(t, err, "vt: replay the screen")
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }
