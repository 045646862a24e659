package vt_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/stretchr/testify/require"
)

func linesOf(input string) []string {
	var got []string
	s := vt.New(20, 5, 0)
	s.Lines = func(_ time.Time, text []byte) { got = append(got, string(text)) }
	s.Write([]byte(input))
	return got
}

func TestLines(t *testing.T) {
	long := strings.Repeat("0123456789", 5)
	for _, c := range []struct {
		name, input string
		want        []string
	}{
		{"plain", "one\r\ntwo\r\nthree", []string{"one", "two"}},
		{"empty ones", "one\r\n\r\n\r\ntwo\r\n", []string{"one", "", "", "two"}},
		{"line feeds alone", "one\ntwo\n", []string{"one", "   two"}},
		{"in colour", "[\x1b[32m OK \x1b[m] Started\r\n", []string{"[ OK ] Started"}},
		{"progress bar", "\r 10%\r 20%\r100%\r\n", []string{"100%"}},
		{"progress bar that is erased", "fetch 10%\r\x1b[Kfetch 99%\r\x1b[K\rdone\r\n", []string{"done"}},
		{"spinner", "wait |\b/\b-\b\\\bok\r\n", []string{"wait ok"}},
		{"wrapped", long + "\r\nx\r\n", []string{long, "x"}},
		{"wrapped to the edge", strings.Repeat("x", 40) + "\r\n", []string{strings.Repeat("x", 40)}},
		{"wrapped at the last row", "\x1b[5;1H" + long + "\r\n", []string{long}},
		{"wide at the edge", strings.Repeat("x", 19) + "日本\r\n", []string{strings.Repeat("x", 19) + "日本"}},
		{"addressed", "\x1b[3;1Hmenu\x1b[1;1Htitle\x1b[5;1H", []string{"menu", "title"}},
		{"erased screen", "last words\x1b[2Jx\r\n", []string{"last words", strings.Repeat(" ", 10) + "x"}},
		{"reset", "last words\x1bcSeaBIOS\r\n", []string{"last words", "SeaBIOS"}},
		{"cursor returns", "one\r\ntwo\x1b[A!\x1b[B\r\n", []string{"one", "two", "one!"}},
		{"moves without text", "one\r\n\x1b[H\x1b[5;1H\x1b[3;1H", []string{"one"}},
		{"alternate screen", "vi\r\n\x1b[?1049h\x1b[Hx\r\ny\r\n\x1b[?1049lend\r\n", []string{"vi", "end"}},
		{"trailing blanks", "a   \r\n", []string{"a"}},
		{"region", "\x1b[1;2rone\r\ntwo\r\nthree\r\n", []string{"one", "two", "three"}},
		{"deleted line", "one\x1b[Mtwo\r\n", []string{"one", "two"}},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, linesOf(c.input)) })
	}
}

func TestLinesCarryTheTimeOfTheirFirstCharacter(t *testing.T) {
	s := vt.New(20, 5, 0)
	var got []time.Time
	s.Lines = func(at time.Time, _ []byte) { got = append(got, at) }
	second := func(n int64) time.Time { return time.Unix(n, 0) }
	s.WriteAt(second(1), []byte("10%"))
	s.WriteAt(second(2), []byte("\r50%\r"))
	s.WriteAt(second(3), []byte("100%\r\n\r\nne"))
	s.WriteAt(second(4), []byte("xt\r\n"))
	require.Equal(t, []time.Time{second(1), second(3), second(3)}, got)
}

// A prompt that waits can be had, and comes again with what is typed.
func TestFlush(t *testing.T) {
	s := vt.New(40, 5, 0)
	var got []string
	s.Lines = func(_ time.Time, text []byte) { got = append(got, string(text)) }
	s.Write([]byte("pi-042 login: "))
	s.Flush()
	s.Flush()
	s.Write([]byte("root\r\n"))
	require.Equal(t, []string{"pi-042 login:", "pi-042 login: root"}, got)
}

// A guest that never ends its line still gets it logged, in bounded pieces.
func TestLinesAreBounded(t *testing.T) {
	var total, longest int
	s := vt.New(80, 24, 0)
	s.Lines = func(_ time.Time, text []byte) {
		total += len(text)
		longest = max(longest, len(text))
	}
	flood := []byte(strings.Repeat("x", 1<<20))
	s.Write(flood)
	require.LessOrEqual(t, longest, 17<<10)
	require.Greater(t, total, len(flood)-20<<10)
	require.Less(t, s.Footprint(), 64<<10)
}

// What real programs draw reads as one would tell it.
func TestLinesOfPrograms(t *testing.T) {
	var got []string
	s := vt.New(80, 24, 0)
	s.Lines = func(_ time.Time, text []byte) { got = append(got, string(text)) }
	s.Write([]byte(systemd))
	require.Equal(t, []string{
		"", "Welcome to Debian GNU/Linux 12 (bookworm)!", "",
		"[  OK  ] Created slice system-getty.slice - Slice /system/getty.",
		"         Starting modprobe@fuse.service - Load Kernel Module fuse...",
		"[FAILED] Failed to start networking.service - Raise network interfaces.",
		"See 'systemctl status networking.service' for details.",
		"[DEPEND] Dependency failed for nfs.service.",
		"[  OK  ] Finished dev-disk.device.",
	}, got)
}
