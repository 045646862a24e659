package conlog_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// bigLog makes a log of n bytes of boot messages, in bursts that end anywhere,
// all of it compressed but the last segment.
func bigLog(b *testing.B, n int) (dir string) {
	b.Helper()
	dir = filepath.Join(b.TempDir(), "big")
	l := open(b, dir, conlog.Options{})
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("usb eth0 ext4 mounted systemd started reached target network link is up irq nfs timeout raspberrypi kernel clocksource device registered")
	at := time.Now()
	var text []byte
	for written := 0; written < n; {
		for len(text) < 400 {
			text = fmt.Appendf(text, "[%12.6f]", float64(written)/1e4)
			for range 4 + r.IntN(8) {
				text = fmt.Appendf(text, " %s", words[r.IntN(len(words))])
			}
			text = fmt.Appendf(text, " %x\r\n", r.Uint32())
		}
		burst := 100 + r.IntN(250)
		require.NoError(b, l.Write(at, text[:burst]))
		text = text[:copy(text, text[burst:])]
		written += burst
		at = at.Add(20 * time.Millisecond)
	}
	require.NoError(b, l.Write(at, []byte("\r\nKernel panic - not syncing: the needle\r\n")))
	require.NoError(b, l.Keep(b.Context()))
	return dir
}

// BenchmarkSearch looks for a string that is there once, with Search and with
// zstdgrep on the same files.
//
// The log has 64 MiB, or as many as CONLOG_BENCH_MIB says.
func BenchmarkSearch(b *testing.B) {
	size := int64(64)
	if mib, err := strconv.ParseInt(os.Getenv("CONLOG_BENCH_MIB"), 10, 64); err == nil {
		size = mib
	}
	size <<= 20
	dir := bigLog(b, int(size))
	b.Run("conlog", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			require.Len(b, search(b, dir, conlog.Query{Text: "the needle"}), 1)
		}
	})
	b.Run("zstdgrep", func(b *testing.B) {
		if _, err := exec.LookPath("zstdgrep"); err != nil {
			b.Skip(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.log*"))
		require.NoError(b, err)
		b.SetBytes(size)
		for b.Loop() {
			// Its exit status is that of the files that do not hold it.
			out, _ := exec.Command("zstdgrep", append([]string{"-F", "the needle"}, files...)...).Output()
			require.Contains(b, string(out), "the needle")
		}
	})
	b.Run("last minute", func(b *testing.B) {
		lines, err := conlog.Reader{Dir: dir}.Tail(b.Context(), 1)
		require.NoError(b, err)
		since := lines[0].At.Add(-time.Minute)
		for b.Loop() {
			require.Len(b, search(b, dir, conlog.Query{Text: "the needle", Since: since}), 1)
		}
	})
	b.Run("tail", func(b *testing.B) {
		for b.Loop() {
			require.Len(b, tail(b, dir, 1000), 1000)
		}
	})
}

// BenchmarkWrite is one burst of 230 bytes, as 11.5 KB/s make every 20 ms, and
// beside it a bare write(2) of as many.
func BenchmarkWrite(b *testing.B) {
	burst := []byte(strings.Repeat("[   12.345678] usb 1-1: new high-speed USB device number 2 using dwc_otg\r\n", 4)[:230])
	b.Run("conlog", func(b *testing.B) {
		l := open(b, filepath.Join(b.TempDir(), "log"), conlog.Options{SegmentSize: 1 << 30})
		b.SetBytes(int64(len(burst)))
		for b.Loop() {
			if err := l.Write(time.Now(), burst); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("write", func(b *testing.B) {
		f, err := os.OpenFile(filepath.Join(b.TempDir(), "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		require.NoError(b, err)
		defer f.Close()
		b.SetBytes(int64(len(burst)))
		for b.Loop() {
			if _, err := f.Write(burst); err != nil {
				b.Fatal(err)
			}
		}
	})
}
