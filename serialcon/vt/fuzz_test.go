package vt_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/stretchr/testify/require"
)

// hostile are inputs that are meant to do harm.
var hostile = []string{
	"\x1b[999999999;999999999H\x1b[999999999L\x1b[99999999@\x1b[999999999b",
	"\x1b[;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;m\x1b[1:2:3:4:5:6:7:8:9m\x1b[38;2;1m\x1b[48:5m",
	"\x1b]52;c;cm0gLXJmIC8K\x07\x1bP$qm\x1b\\\x1b]unterminated",
	"\x9b6n\x9d0;t\x9c\x84\x85\x88\x8d\x90q\x9c\x9a\xc2\x9b6n",
	"\x1b[5;3r\x1b[?6h\x1b[99A\x1b[99B\x1b7\x1b[r\x1b8\x1bM\x1bD",
	"日\x08x\x1b[@\x1b[P語\u0301\u0301\u0301\u0301\u0301\u202eabc\u2066\u00ad\ufeff",
	"\xe2\x82\x1b[\xf0\x9f\x98m\xed\xa0\x80\xff\xc0\x80\xf4\x90\x80\x80",
	"\x1b[?1049h\x1b[?47l\x1b[?1049l\x1b[?1047h\x1bc\x1b[!p\x1b[?1048h\x1b[?1048l",
	"\x1b[4h\x1b(0qqq\x0exxx\x0f\x1b[?7lzzzzzzzzzzzzzzzzzzzzzzzzzzz\x1b[20h\n\n",
	"\x1b[44m\x1b[K\x1b[J\x1b[1J\x1b[2J\x1b[3J\x1b[2K\x1b[X\x1b[S\x1b[T\x1b[3g\x1bH\t\x1b[Z",
}

func seeds(f *testing.F, add func(input []byte)) {
	f.Helper()
	for _, c := range sequences {
		add([]byte(c.input))
	}
	for _, input := range hostile {
		add([]byte(input))
	}
}

// clean fails if text holds a control other than a newline, or turns the
// direction of writing.
func clean(t *testing.T, text string) {
	t.Helper()
	require.True(t, utf8.ValidString(text), "%q", text)
	for _, r := range text {
		require.False(t, unicode.IsControl(r) && r != '\n' || vt.BiDi(r), "%q in %q", r, text)
	}
}

func replayed(t *testing.T, s *vt.Screen) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, s.ReplayTo(&b, vt.ReplayOptions{History: -1}))
	return b.String()
}

// FuzzScreen finds input that breaks a screen, makes it hold too much, or gives
// it a state that its replay does not.
func FuzzScreen(f *testing.F) {
	seeds(f, func(input []byte) { f.Add(uint8(80), uint8(24), input) })
	seeds(f, func(input []byte) { f.Add(uint8(7), uint8(3), input) })
	f.Fuzz(func(t *testing.T, cols, rows uint8, input []byte) {
		const scrollback = 20
		s := vt.New(int(cols), int(rows), scrollback)
		s.Lines = func(_ time.Time, text []byte) { clean(t, string(text)) }
		s.Write(input)
		clean(t, s.Text())
		clean(t, s.TextAll())
		clean(t, s.HTMLAll())
		c, r := s.Size()
		require.LessOrEqual(t, s.Footprint(), 26*c*r+200*r+scrollback*(c+32)+140<<10)

		replay := replayed(t, s)
		again := vt.New(c, r, 0)
		again.Write([]byte("before\x1b[2;2r\x1b[?6h\x1b[31m\x1b[4h\x1b(0"))
		again.Write([]byte(replay))
		require.Equal(t, s.HTML(), again.HTML())
		require.Equal(t, stateOf(s), stateOf(again))
		require.Equal(t, replay, replayed(t, again))

		s.Resize(int(rows), int(cols))
		s.Write(input)
		clean(t, s.Text())
	})
}

// FuzzSplit finds input that gives another result when it comes in pieces.
func FuzzSplit(f *testing.F) {
	seeds(f, func(input []byte) { f.Add(uint64(1), input) })
	f.Fuzz(func(t *testing.T, seed uint64, input []byte) {
		result := func(pieces func([]byte, func([]byte))) string {
			var lines strings.Builder
			s := vt.New(40, 10, 30)
			s.Lines = func(_ time.Time, text []byte) { fmt.Fprintf(&lines, "%s\n", text) }
			var z vt.Sanitizer
			var passed []byte
			pieces(input, func(p []byte) {
				s.Write(p)
				passed = z.Append(passed, p)
			})
			return s.TextAll() + replayed(t, s) + lines.String() + string(passed)
		}
		whole := result(func(p []byte, write func([]byte)) { write(p) })
		bytewise := result(func(p []byte, write func([]byte)) {
			for i := range p {
				write(p[i : i+1])
			}
		})
		require.Equal(t, whole, bytewise)
		rng := rand.New(rand.NewPCG(seed, 0))
		random := result(func(p []byte, write func([]byte)) {
			for len(p) > 0 {
				n := 1 + rng.IntN(len(p))
				write(bytes.Clone(p[:n]))
				p = p[n:]
			}
		})
		require.Equal(t, whole, random)
	})
}

// FuzzSanitizer finds input from which something gets through that a terminal
// answers to, that is no whole sequence, or that passes only once.
func FuzzSanitizer(f *testing.F) {
	seeds(f, func(input []byte) { f.Add(input) })
	f.Fuzz(func(t *testing.T, input []byte) {
		passed := vt.Sanitize(nil, input)
		require.LessOrEqual(t, len(passed), 40*len(input))
		require.True(t, utf8.Valid(passed))
		harmless(t, passed)
		require.Equal(t, string(passed), string(vt.Sanitize(nil, passed)), "what passes passes again")
		text := string(vt.Strip(nil, input))
		clean(t, strings.ReplaceAll(text, "\t", ""))
	})
}
