package tty_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

func TestMarks(t *testing.T) {
	for _, tt := range []struct {
		name, in, out  string
		breaks, errors int64
	}{
		{"plain", "login: \x00\x01", "login: \x00\x01", 0, 0},
		{"a break", "a\xff\x00\x00b", "ab", 1, 0},
		{"two breaks", "\xff\x00\x00\xff\x00\x00", "", 2, 0},
		{"an FF", "a\xff\xffb", "a\xffb", 0, 0},
		{"two FF", "\xff\xff\xff\xff", "\xff\xff", 0, 0},
		{"an FF before NULs", "\xff\xff\x00\x00", "\xff\x00\x00", 0, 0},
		{"a damaged character", "a\xff\x00Xb", "aXb", 0, 1},
		{"a damaged FF", "\xff\x00\xffb", "\xffb", 0, 1},
		{"a damaged FF before a break", "\xff\x00\xff\xff\x00\x00", "\xff", 1, 1},
		{"NULs after a break", "\xff\x00\x00\x00", "\x00", 1, 0},
		{"an unfinished mark", "a\xff\x00", "a", 0, 0},
		{"no mark", "\xffA\x00", "A\x00", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i := range len(tt.in) + 1 {
				for j := i; j <= len(tt.in); j++ {
					out, breaks, errs := tty.Unmark([]byte(tt.in[:i]), []byte(tt.in[i:j]), []byte(tt.in[j:]))
					require.Equal(t, tt.out, string(out), "split at %d and %d", i, j)
					require.Equal(t, [2]int64{tt.breaks, tt.errors}, [2]int64{breaks, errs})
				}
			}
		})
	}
}

// FuzzMarks lets a kernel mark what a line says, and undoes it; and decodes
// what no kernel says.
func FuzzMarks(f *testing.F) {
	f.Add([]byte("a\xff\x00\x00b\xff\xff\xff\x00X"), uint8(3))
	f.Add([]byte("\xff\x01\xff\x00"), uint8(1))
	f.Fuzz(func(t *testing.T, p []byte, step uint8) {
		whole, breaks, errs := tty.Unmark(p)
		var chunks [][]byte
		for c := range bytesIn(p, int(step%7)+1) {
			chunks = append(chunks, c)
		}
		split, breaks2, errs2 := tty.Unmark(chunks...)
		if !bytes.Equal(whole, split) || breaks != breaks2 || errs != errs2 {
			t.Fatalf("%q is %q whole and %q split", p, whole, split)
		}
		if n := int64(len(whole)) + 3*breaks + 2*errs; n > int64(len(p)) {
			t.Fatalf("%q grew to %q", p, whole)
		}
		var marked, want []byte
		var wantBreaks, wantErrs int64
		for i := 0; i < len(p); i++ {
			switch b := p[i]; {
			case b == 1:
				marked = append(marked, 0xff, 0, 0)
				wantBreaks++
			case b == 2 && i+1 < len(p) && p[i+1] != 0:
				i++
				marked = append(marked, 0xff, 0, p[i])
				want = append(want, p[i])
				wantErrs++
			case b == 0xff:
				marked = append(marked, b, b)
				want = append(want, b)
			default:
				marked = append(marked, b)
				want = append(want, b)
			}
		}
		got, breaks, errs := tty.Unmark(marked)
		if !bytes.Equal(got, want) || breaks != wantBreaks || errs != wantErrs {
			t.Fatalf("%q came back as %q, %d, %d; want %q, %d, %d", marked, got, breaks, errs, want, wantBreaks, wantErrs)
		}
	})
}

// bytesIn cuts p into pieces of n bytes.
func bytesIn(p []byte, n int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(p) > 0 {
			c := p[:min(n, len(p))]
			if p = p[len(c):]; !yield(c) {
				return
			}
		}
	}
}
