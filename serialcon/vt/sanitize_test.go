package vt_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/stretchr/testify/require"
)

// allowed is all that may be beside text in what passes the filter.
var allowed = regexp.MustCompile(strings.Join([]string{
	`\x1b\[[0-9;:]*[@A-MPSXZ\x60abdefgmru]`, `\x1b\[[0-9]*T`, `\x1b\[s`, `\x1b\[(4|20)[hl]`, `\x1b\[!p`,
	`\x1b\[\?(6|7|25|47|1047|1048|1049)[hl]`, `\x1b[78DEHM]`, `\x1b[()][0B]`, `\x1b#8`, `[\x07-\x0f]`,
}, "|"))

// harmless fails if a stream holds anything that is not allowed.
func harmless(t *testing.T, stream []byte) {
	t.Helper()
	rest := allowed.ReplaceAllString(string(stream), "")
	for _, r := range rest {
		require.False(t, r < 0x20 || r >= 0x7f && r < 0xa0 || vt.BiDi(r), "%q passed in %q", r, stream)
	}
	require.NotRegexp(t, `\x1b\[0*3(;[0-9;:]*)?J`, string(stream), "erases the scrollback")
}

func TestSanitizer(t *testing.T) {
	for _, c := range []struct{ name, input, want string }{
		{"text", "héllo\tworld\r\n", "héllo\tworld\r\n"},
		{"colours", "\x1b[1;31mred\x1b[38:2::1:2:3mx\x1b[m", "\x1b[1;31mred\x1b[38:2::1:2:3mx\x1b[m"},
		{"moves", "\x1b[5;10H\x1b[2A\x1b[K\x1b7\x1b8\x1b[?25l", "\x1b[5;10H\x1b[2A\x1b[K\x1b7\x1b8\x1b[?25l"},
		{"cursor position report", "a\x1b[6nb\x1b[?6nc\x1b[5nd", "abcd"},
		{"device attributes", "a\x1b[cb\x1b[0cc\x1b[>cd\x1b[=ce\x1bZf", "abcdef"},
		{"DECRQSS", "a\x1bP$qm\x1b\\b\x1bP+q544e\x1b\\c", "abc"},
		{"DECRQM", "a\x1b[?1$pb\x1b[4$pc", "abc"},
		{"colour query", "a\x1b]10;?\x07b\x1b]4;1;?\x1b\\c", "abc"},
		{"clipboard", "a\x1b]52;c;?\x07b\x1b]52;c;cm0gLXJmIC8K\x07c", "abc"},
		{"ENQ", "a\x05b", "ab"},
		{"title report", "a\x1b[21tb\x1b[18tc\x1b]2;evil\x07d\x1bkevil\x1b\\e", "abcde"},
		{"terminal parameters", "a\x1b[xb\x1b[1xc", "abc"},
		{"version", "a\x1b[>qb\x1b[>0qc", "abc"},
		{"checksum", "a\x1b[1;1;1;1;1;1*yb", "ab"},
		{"kitty's keyboard", "a\x1b[?ub\x1b[>1uc\x1b[=1ud", "abcd"},
		{"key and mouse modes", "\x1b[?1000h\x1b[?1004h\x1b[?1hx\x1b=\x1b[?2004hy\x1b[>4;2m", "xy"},
		{"modes in one sequence", "\x1b[?1;7;1000;25h", "\x1b[?7h\x1b[?25h"},
		{"keyboard lock", "a\x1b[2hb\x1b[12lc", "abc"},
		{"scrollback erased", "a\x1b[3Jb\x1b[2Jc", "ab\x1b[2Jc"},
		{"printer", "a\x1b[5ib\x1b[?5ic\x1b[4id", "abcd"},
		{"8-bit query", "a\x9b6nb\x90$qm\x9cc\x9ad", "abcd"},
		{"8-bit sequence", "\x9b31mx", "\x1b[31mx"},
		{"C1 as UTF-8", "a\u009b6nb\u0085c", "a6nbc"},
		{"C1 byte within UTF-8", "日本\u9b9b\u301b", "日本\u9b9b\u301b"},
		{"no UTF-8", "a\xffb\xc0\x80c\xe2\x82d", "a\ufffdb\ufffdc\ufffdd"},
		{"direction of writing", "rm \u202etxt.exe\u2066", "rm <U+202E>txt.exe<U+2066>"},
		{"invisible", "a\u200bb\ufeffc\U000e0041d", "abcd"},
		{"stacked marks", "e" + strings.Repeat("\u0301", 100) + "x", "e" + strings.Repeat("\u0301", 4) + "x"},
		{"counts", "\x1b[4000000000b\x1b[99999A", "\x1b[9999b\x1b[9999A"},
		{"too many parameters", "a\x1b[" + strings.Repeat("1;", 50) + "mb", "ab"},
		{"cut off by a sequence", "a\x1b[31\x1b[6nb\x1b]0;x\x1b[6nc", "abc"},
		{"cancelled", "a\x1b[6\x18nb", "anb"},
		{"unterminated string ends at a line feed", "a\x1b]0;title\r\nkernel: text", "a\nkernel: text"},
		{"unterminated string is bounded", "a\x1bP" + strings.Repeat("q", 4097) + "text", "atext"},
		{"unterminated sequence is bounded", "a\x1b[" + strings.Repeat("1", 300) + "text", "a" + strings.Repeat("1", 43) + "text"},
		{"DEL and NUL", "a\x7f\x00b", "ab"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := vt.Sanitize(nil, []byte(c.input))
			harmless(t, got)
			require.Equal(t, c.want, string(got))
		})
	}
}

// SeaBIOS sends RIS at each boot, which would wipe what a viewer can scroll to.
func TestSanitizerReplacesReset(t *testing.T) {
	got := string(vt.Sanitize(nil, []byte("a\x1bcb")))
	harmless(t, []byte(got))
	require.NotContains(t, got, "\x1bc")
	viewer := vt.New(20, 5, 10)
	viewer.Write([]byte("\x1b[31;4m\x1b(0\x1b[2;3r\x1b[?7l\x1b[?1049h"))
	viewer.Write([]byte(got))
	require.Equal(t, "b\n", viewer.Text())
	require.False(t, viewer.Alternate())
	require.Contains(t, viewer.HTML(), `<pre class="vt">b`)
}

func TestSanitizerKnowsLineStarts(t *testing.T) {
	var z vt.Sanitizer
	require.True(t, z.LineStart())
	for _, c := range []struct {
		input string
		want  bool
	}{
		{"login: ", false}, {"\r\n", true}, {"\x1b[31m", true}, {"x\r", false}, {"\n", true}, {"é", false}, {"\n\x1b]0;x", true}, {"\a\n\t", false},
	} {
		z.Append(nil, []byte(c.input))
		require.Equal(t, c.want, z.LineStart(), "%q", c.input)
	}
}

// A filter in the middle of anything holds it back, and shows the rest.
func TestSanitizerHoldsBackWhatIsUnfinished(t *testing.T) {
	var z vt.Sanitizer
	for _, c := range []struct{ input, want string }{
		{"a\x1b", "a"}, {"[", ""}, {"31", ""}, {"m", "\x1b[31m"}, {"\xe2\x82", ""}, {"\xac", "€"}, {"\x1b]52;c;", ""}, {"?\x07b", "b"},
	} {
		require.Equal(t, c.want, string(z.Append(nil, []byte(c.input))), "%q", c.input)
	}
	require.Equal(t, "keepx", string(z.Append([]byte("keep"), []byte("x"))))
}

func TestStrip(t *testing.T) {
	for _, c := range []struct{ input, want string }{
		{"[\x1b[0;32m  OK  \x1b[0m] Started\r\n", "[  OK  ] Started\n"},
		{"a\tb\ac\bd\x1b(0qqq\x0e", "a\tbcdqqq"},
		{"\x1b]0;title\atext\xff \u202e", "text\ufffd <U+202E>"},
		{"", ""},
	} {
		require.Equal(t, c.want, string(vt.Strip(nil, []byte(c.input))))
	}
	require.Equal(t, "xab", string(vt.Strip([]byte("x"), []byte("ab"))))
}
