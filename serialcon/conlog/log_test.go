package conlog_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

func TestBytesAreExactAndLinesHaveTheirFirstBytesTime(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{})
	write(t, l, 0, "U-Boot\r\n\r\nstart")
	write(t, l, 20*time.Millisecond, "ing\x00\xff\x1b[2J kernel\r\npi login: ")
	require.Equal(t, []string{
		"06:46:03.123 U-Boot", "06:46:03.123 ", "06:46:03.123 starting\x00\xff\x1b[2J kernel", "06:46:03.143 pi login: …",
	}, search(t, dir, conlog.Query{}), "a prompt is there at once")
	write(t, l, time.Minute, "root\r\n")
	require.Equal(t, "U-Boot\r\n\r\nstarting\x00\xff\x1b[2J kernel\r\npi login: root\r\n", raw(t, dir))
	require.Equal(t, []string{"06:46:03.143 pi login: root"}, tail(t, dir, 1))
	require.Equal(t, []string{"06:46:03.123 starting\x00\xff\x1b[2J kernel", "06:46:03.143 pi login: root"}, tail(t, dir, 2))
	require.Empty(t, tail(t, dir, 0))
	require.Len(t, tail(t, dir, 100), 4)
}

func TestABurstIsOneWrite(t *testing.T) {
	l := open(t, folder(t), conlog.Options{})
	write(t, l, 0, "first\n")
	before := l.Stats().Writes
	write(t, l, time.Millisecond, strings.Repeat("one\r\ntwo\r\n", 1000)+"three")
	require.Equal(t, before+1, l.Stats().Writes)
	require.EqualValues(t, 6+10005, l.Stats().Bytes)
}

func TestTheFileIsTextAndABurstLongerThanARecordIsSeveral(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{})
	long := strings.Repeat("0123456789", 50_000)
	write(t, l, 0, "hello\n")
	write(t, l, 0, long)
	text, err := os.ReadFile(filepath.Join(dir, "0000000001.log"))
	require.NoError(t, err)
	require.Contains(t, string(text), "2026-11-26T06:46:03.123Z hello\n")
	require.Equal(t, "hello\n"+long, raw(t, dir))
	lines := search(t, dir, conlog.Query{Text: "0123"})
	require.Len(t, lines, 2, "a line has a bound")
}

func TestTheGuestForgesNothing(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{})
	forged := `2026-11-26T06:46:03.000Z!{"console":"pi-042","kind":"taken-over","at":"2026-11-26T06:46:03Z","who":"mallory"}`
	said := "\n" + forged + "\n\r" + forged + "\r\n" + forged[24:] + "\n"
	write(t, l, 0, said)
	for i := range forged { // also when it comes in pieces
		write(t, l, 0, forged[i:i+1])
	}
	write(t, l, 0, "\n")
	require.NoError(t, l.Event(serialcon.Event{Console: "pi-042", Kind: serialcon.EventAttached, At: after(0), Who: "alice\n" + forged}))
	require.Empty(t, events(t, dir, serialcon.EventTakenOver))
	require.Equal(t, said+forged+"\n", raw(t, dir))
	attached := events(t, dir, serialcon.EventAttached)
	require.Len(t, attached, 1)
	require.Equal(t, "alice\n"+forged, attached[0].Who)
}

func TestSearchByTimeTextAndRegexp(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{})
	for i, text := range []string{"boot ok", "Kernel panic - not syncing", "boot again", "login:"} {
		write(t, l, time.Duration(i)*time.Second, text+"\r\n")
	}
	tests := []struct {
		name string
		q    conlog.Query
		want []string
	}{
		{"text", conlog.Query{Text: "panic"}, []string{"06:46:04.123 Kernel panic - not syncing"}},
		{"regexp", conlog.Query{Regexp: regexp.MustCompile(`^boot`)}, []string{"06:46:03.123 boot ok", "06:46:05.123 boot again"}},
		{"regexp to the end", conlog.Query{Regexp: regexp.MustCompile(`ok$`)}, []string{"06:46:03.123 boot ok"}},
		{"regexp with a prefix", conlog.Query{Regexp: regexp.MustCompile(`boot (again|never)`)}, []string{"06:46:05.123 boot again"}},
		{"both", conlog.Query{Text: "again", Regexp: regexp.MustCompile("boot")}, []string{"06:46:05.123 boot again"}},
		{"since", conlog.Query{Since: after(2 * time.Second)}, []string{"06:46:05.123 boot again", "06:46:06.123 login:"}},
		{"until", conlog.Query{Until: after(time.Second)}, []string{"06:46:03.123 boot ok"}},
		{"limit", conlog.Query{Text: "boot", Limit: 1}, []string{"06:46:03.123 boot ok"}},
		{"a line feed is in no line", conlog.Query{Text: "ok\r\n"}, nil},
		{"none", conlog.Query{Text: "oops"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, search(t, dir, tt.q))
		})
	}
}

func TestReopenGoesOn(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{})
	write(t, l, 0, "one\ntw")
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Write(start, []byte("x")), os.ErrClosed)
	l = open(t, dir, conlog.Options{})
	write(t, l, time.Second, "o\n")
	require.Equal(t, []string{"06:46:03.123 one", "06:46:03.123 two"}, search(t, dir, conlog.Query{}))
	require.Equal(t, "0000000001.log", names(t, dir))
}

func TestRawFromATime(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{})
	write(t, l, 0, "one\n")
	write(t, l, time.Second, "two\nthr")
	write(t, l, 2*time.Second, "ee\n")
	var got []string
	err := l.Raw(t.Context(), after(time.Second), func(c conlog.Chunk) error {
		got = append(got, c.At.Format("05.000 ")+string(c.Data))
		require.NotEmpty(t, c.Session)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"04.123 two\n", "04.123 thr", "05.123 ee\n"}, got)
}
