package vt_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/stretchr/testify/require"
)

// show writes input to a screen of 20 by 5.
func show(input string) *vt.Screen {
	s := vt.New(20, 5, 50)
	s.Write([]byte(input))
	return s
}

// What tmux does otherwise than a VT102 and xterm, or not at all, is tested here;
// the rest is in sequences, against tmux.
func TestScreen(t *testing.T) {
	full := strings.Repeat("x", 19) + "y"
	for _, c := range []struct{ name, input, want string }{
		{"backspace at the edge", full + "\bz", strings.Repeat("x", 18) + "zy\n"},
		{"erase at the edge", full + "\x1b[K", strings.Repeat("x", 19) + "\n"},
		{"line feed at the edge", full + "\nz", full + "\n" + strings.Repeat(" ", 19) + "z\n"},
		{"colour at the edge", full + "\x1b[31mz", full + "\nz\n"},
		{"restored at the edge", full + "\x1b7\x1b[H\x1b8z", full + "\nz\n"},
		{"insert line returns", "one\r\ntwo\x1b[Lx", "one\nx\ntwo\n"},
		{"lines outside the region", "one\r\ntwo\x1b[3;4r\x1b[1;1H\x1b[L\x1b[M", "one\ntwo\n"},
		{"half of a wide character", "日本語\x1b[2Gx\x1b[5G\x1b[X", " x本\n"},
		{"first half of a wide character", "日本\x1b[1Gx", "x 本\n"},
		{"origin mode keeps within", "\x1b[2;3r\x1b[?6h\x1b[9;2Hx\x1b[1;1Hy", "\ny\n x\n"},
		{"wide at the edge without autowrap", "\x1b[?7l\x1b[20G日x", strings.Repeat(" ", 19) + "x\n"},
		{"wide through insert", "a日b\x1b[3G\x1b[@\x1b[1G\x1b[P", "   b\n"},
		{"8-bit controls", "\x9b3;4Hx\x85y\x8dz", "\n\n z x\ny\n"},
		{"8-bit string", "a\x9dtitle\x9cb\x90q\x9cc", "abc\n"},
		{"control byte within UTF-8", "\u011b\u301b\U0001f49b", "\u011b\u301b\U0001f49b\n"},
		{"C1 as UTF-8", "a\u009b2Cb\u0085c", "a2Cbc\n"},
		{"no UTF-8", "a\xffb\xc3c\xe2\x82d\xf0\x9f\x98", "a\ufffdb\ufffdc\ufffdd\n"},
		{"surrogates and beyond", "\xed\xa0\x80\xf4\x90\x80\x80", strings.Repeat("\ufffd", 3) + "\n"},
		{"sequence within UTF-8", "\xe2\x82\x1b[31mx", "\ufffdx\n"},
		{"direction of writing", "a\u202eb\u2066c", "a\ufffdb\ufffdc\n"},
		{"invisible", "a\u200bb\ufeffc\U000e0041d\u2028e", "abcde\n"},
		{"mark without a base", "\u0301x\r\n\u0301", "x\n"},
		{"mark at the edge", full + "\u0301z", full + "\u0301\nz\n"},
		{"four marks", "e\u0301\u0302\u0303\u0304x", "e\u0301\u0302\u0303x\n"},
		{"soft reset", "\x1b[2;3r\x1b[4h\x1b(0\x1b[?6h\x1b[!p\x1b[1;1Hq", "q\n"},
		{"new line mode", "a\x1b[20hb\nc", "ab\nc\n"},
		{"forward tab", "a\x1b[2Ib", "a               b\n"},
		{"string ends at a line feed", "a\x1b]0;lost\nb", "a\n b\n"},
		{"string is bounded", "a\x1bP" + strings.Repeat("q", 4097) + "b", "ab\n"},
		{"string cancelled", "a\x1b]0;\x18b\x1b_\x1acd", "abcd\n"},
		{"string ended by another sequence", "a\x1b]0;x\x1b[3Cb", "a   b\n"},
		{"sequence is bounded", "\x1b[" + strings.Repeat("1", 257) + "b", "b\n"},
		{"too many parameters", "\x1b[" + strings.Repeat("1;", 40) + "Hx", "x\n"},
		{"character ends a sequence", "\x1b[31é\x1b(é", "éé\n"},
		{"intermediates", "a\x1b[1 q\x1b[1$!p\x1b#3\x1b((Bb", "ab\n"},
		{"private in the middle", "a\x1b[1?25hb", "ab\n"},
		{"DEL and NUL", "a\x7f\x00b", "ab\n"},
		{"mouse tracking is no scroll", "a\x1b[1;1;1;1;1Tb", "ab\n"},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, show(c.input).Text()) })
	}
}

// UTF-8 is what the standard library says it is, at all its limits.
func TestUTF8(t *testing.T) {
	limits := "\u00a0\u07ff\u0800\u0fff\u1000\ucfff\ud000\ud7ff\ue000\uffff\U00010000\U0003ffff\U00040000\U000fffff\U00100000\U0010ffff"
	require.Equal(t, limits, string(vt.Strip(nil, []byte(limits))))
	for _, bad := range []string{"\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xc1\xbf", "\xf5\xa0"} {
		require.True(t, strings.HasPrefix(string(vt.Strip(nil, []byte(bad))), "\ufffd"), "%q", bad)
	}
}

func TestStyles(t *testing.T) {
	for _, c := range []struct{ input, want string }{
		{"\x1b[31;38;5ma", `<span class="vt-f1">a</span>`},
		{"\x1b[31;38;2;1;2ma", `<span class="vt-f1">a</span>`},
		{"\x1b[38;9;1mx", `<span class="vt-b">x</span>`},
		{"\x1b[58;5;1;1mx", `<span class="vt-b">x</span>`},
		{"\x1b[38;5;999mx", `<span style="color:#eeeeee">x</span>`},
		{"\x1b[38;5;100;48;5;240mx", `<span style="color:#878700;background:#585858">x</span>`},
		{"\x1b[38:2::9:8:7mx\x1b[48:2:1:2:3my", `<span style="color:#090807">x</span><span style="color:#090807;background:#010203">y</span>`},
		{"\x1b[7mx", `<span class="vt-fd vt-kd">x</span>`},
		{"\x1b[21;9;8mx", `<span class="vt-u vt-s vt-h">x</span>`},
		{"\x1b[1;2;3;4mx\x1b[22;23;24my", `<span class="vt-b vt-d vt-i vt-u">x</span>y`},
		{"\x1b[31m\x1b[?1mx", `<span class="vt-f1">x</span>`},
	} {
		require.Equal(t, `<pre class="vt">`+c.want, visible(show(c.input).HTML())[0], "%q", c.input)
	}
}

// What a guest wrote is evidence: firmware's reset and erasing keep it.
func TestScrollbackIsNotErased(t *testing.T) {
	s := show("Kernel panic\r\n\x1bc\x1b[?7l\x1b[2JSeaBIOS\r\n\x1b[3J\x1b[H\x1b[Jboot:")
	require.Equal(t, "boot:\n", s.Text())
	require.Equal(t, "Kernel panic\nSeaBIOS\nboot:\n", s.TextAll())
}

func TestScrollback(t *testing.T) {
	s := vt.New(20, 2, 3)
	s.Write([]byte("one\r\n\x1b[31mtwo\x1b[m  \r\n" + strings.Repeat("3", 25) + "\r\n4\r\n5\r\n"))
	require.Equal(t, strings.Repeat("3", 25)+"\n4\n5\n", s.TextAll())
	none := vt.New(20, 2, 0)
	none.Write([]byte("one\r\ntwo\r\nthree"))
	require.Equal(t, "two\nthree\n", none.TextAll())
}

// Heavy lines take the place of more than one, and the newest stays.
func TestScrollbackIsBoundedInBytes(t *testing.T) {
	s := vt.New(80, 2, 100)
	for range 300 {
		s.Write([]byte(strings.Repeat("\x1b[1;38;2;111;122;133;48;2;144;155;166mx\x1b[my", 40) + "\r\n"))
	}
	s.Write([]byte("\r\nlight\r\n\r\n"))
	require.Less(t, s.Footprint(), 100*(80+32)+20<<10)
	all := s.TextAll()
	require.Contains(t, all, strings.Repeat("xy", 40))
	require.True(t, strings.HasSuffix(all, "light\n"))
}

// The alternate screen leaves the main one and its scrollback alone.
func TestAlternateScreen(t *testing.T) {
	s := show("shell\r\n\x1b[?1049h\x1b[Heditor" + strings.Repeat("\r\nline", 20) + "\x1b[2J\x1b[Hend")
	require.True(t, s.Alternate())
	require.Equal(t, "end\n", s.Text())
	require.Equal(t, "shell\nend\n", s.TextAll())
	s.Write([]byte("\x1bc"))
	require.False(t, s.Alternate())
	require.Equal(t, "shell\n", s.TextAll())
}

func TestResize(t *testing.T) {
	s := show("one\r\ntwo\r\nthree\r\n\x1b[31mfour four four four")
	s.Resize(10, 2)
	require.Equal(t, "three\nfour four\n", s.Text())
	require.Equal(t, "one\ntwo\nthree\nfour four\n", s.TextAll())
	s.Write([]byte("!"))
	require.Equal(t, "three\nfour four!\n", s.Text())
	s.Resize(30, 4)
	s.Write([]byte("\r\n\x1b[m\x1b[4;1Hlast\t\t\tx"))
	require.Equal(t, "three\nfour four!\n\nlast                    x\n", s.Text())
	cols, rows := s.Size()
	require.Equal(t, []int{30, 4}, []int{cols, rows})
	s.Resize(-1, 1<<30)
	cols, rows = s.Size()
	require.Equal(t, []int{1, vt.MaxRows}, []int{cols, rows})
}

func TestResizeOfTheAlternateScreen(t *testing.T) {
	s := show("one\r\ntwo\r\n\x1b[?1049h\x1b[5;1Hstatus")
	s.Resize(20, 3)
	require.Equal(t, "\n\nstatus\n", s.Text())
	s.Write([]byte("\x1b[?1049l"))
	require.Equal(t, "one\ntwo\n", s.TextAll())
}

// More characters with marks than a screen has room for cost neither memory nor
// what is on it already.
func TestMarksAreBounded(t *testing.T) {
	s := vt.New(80, 24, 0)
	for base := 'a'; base <= 'z'; base++ {
		for first := rune(0x300); first < 0x340; first++ {
			s.Write([]byte(string([]rune{base, first, first + 1})))
		}
	}
	require.Less(t, s.Footprint(), 140<<10)
	s.Write([]byte("\x1b[2J\x1b[He\u0301"))
	require.Equal(t, "e\u0301\n", s.Text())
	busy := vt.New(200, 30, 0)
	for r := rune(0x4e00); r < 0x4e00+2900; r++ {
		busy.Write([]byte(string([]rune{r, 0x301})))
	}
	require.Contains(t, busy.Text(), "\u4e00\u0301\u4e01\u0301")
	require.Contains(t, busy.Text(), string(rune(0x4e00+2899)))
}

func TestFootprint(t *testing.T) {
	s := vt.New(80, 24, 0)
	s.Write([]byte(numbered(500)))
	require.Less(t, s.Footprint(), 6<<10)
}

func TestConcurrentUse(t *testing.T) {
	s := vt.New(80, 24, 100)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { s.Write([]byte(numbered(200))) })
		wg.Go(func() { _ = s.Text() + s.TextAll() + s.HTML() + s.HTMLAll() })
		wg.Go(func() { require.NoError(t, s.Replay(new(strings.Builder))) })
		wg.Go(func() { s.Resize(40, 12); s.Footprint(); s.Cursor(); s.Flush() })
	}
	wg.Wait()
	require.Contains(t, s.TextAll(), "line 199 ")
}
