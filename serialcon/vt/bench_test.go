package vt_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/stretchr/testify/require"
)

// typical is what consoles say, by kind.
func typical() map[string][]byte {
	return map[string][]byte{
		"plain":   []byte(strings.Repeat("[   12.345678] usb 1-1.3: new high-speed USB device number 4 using dwc_otg\r\n", 500)),
		"colours": []byte(strings.Repeat("[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mssh.service\x1b[0m - OpenBSD Secure Shell server.\r\n", 500)),
		"screens": []byte(strings.Repeat(htop, 50)),
		"UTF-8":   []byte(strings.Repeat("Größe: 12 µm … “x” 日本語 ☃\r\n", 500)),
	}
}

func BenchmarkScreen(b *testing.B) {
	for name, input := range typical() {
		b.Run(name, func(b *testing.B) {
			s := vt.New(80, 24, 1000)
			s.Lines = func(time.Time, []byte) {}
			b.SetBytes(int64(len(input)))
			b.ReportAllocs()
			for b.Loop() {
				s.Write(input)
			}
		})
	}
}

func BenchmarkSanitizer(b *testing.B) {
	for name, input := range typical() {
		b.Run(name, func(b *testing.B) {
			var z vt.Sanitizer
			var dst []byte
			b.SetBytes(int64(len(input)))
			b.ReportAllocs()
			for b.Loop() {
				dst = z.Append(dst[:0], input)
			}
		})
	}
}

// Replay is what an attach costs, with 64 KB of scrollback.
func BenchmarkReplay(b *testing.B) {
	s := vt.New(80, 24, 1000)
	s.Write(typical()["plain"])
	s.Write(typical()["colours"])
	b.ReportAllocs()
	for b.Loop() {
		var w strings.Builder
		if err := s.Replay(&w); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(w.Len()))
	}
}

// What a busy console sends costs no allocation.
func TestWriteDoesNotAllocate(t *testing.T) {
	for _, name := range []string{"plain", "colours", "UTF-8"} {
		input := typical()[name]
		s := vt.New(80, 24, 100)
		s.Lines = func(time.Time, []byte) {}
		s.Write(input)
		require.Zero(t, testing.AllocsPerRun(5, func() { s.Write(input) }), name)
	}
}
