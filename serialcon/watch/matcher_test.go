package watch_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/watch"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func names(matches []watch.Match) (out []string) {
	for _, m := range matches {
		out = append(out, m.Name)
	}
	return out
}

// The lines are as real machines print them.
func TestDefaultFinds(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{watch.KernelPanic, "[    1.9] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n"},
		{watch.KernelPanic, "\x1b[31mKernel panic\x1b[0m - not syncing: Attempted to kill init!"},
		{watch.Oops, "[   12.1] Internal error: Oops: 96000004 [#1] PREEMPT SMP\n"},
		{watch.Oops, "BUG: unable to handle page fault for address: ffffffff\n"},
		{watch.Oops, "Unable to handle kernel NULL pointer dereference at virtual address 00000000\n"},
		{watch.Oops, "kernel BUG at mm/slub.c:305!\n"},
		{watch.Lockup, "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [kworker/1:2:71]\n"},
		{watch.Lockup, "rcu: INFO: rcu_sched self-detected stall on CPU\n"},
		{watch.HungTask, "INFO: task jbd2/mmcblk0p2-8:98 blocked for more than 120 seconds.\n"},
		{watch.OutOfMemory, "Out of memory: Killed process 812 (ruby) total-vm:1048576kB\n"},
		{watch.OutOfMemory, "Memory cgroup out of memory: Killed process 9 (x)\n"},
		{watch.Filesystem, "EXT4-fs error (device mmcblk0p2): ext4_find_entry:1455: inode #2\n"},
		{watch.Filesystem, "blk_update_request: I/O error, dev mmcblk0, sector 8192 op 0x0:(READ)\n"},
		{watch.Filesystem, "XFS (sda1): Metadata corruption detected at xfs_agf\n"},
		{watch.Filesystem, "/dev/sda1: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\n"},
	} {
		t.Run(c.name+" "+c.text, func(t *testing.T) {
			require.Equal(t, []string{c.name}, names(new(watch.Matcher).Write(noon, []byte(c.text))))
		})
	}
}

func TestDefaultPasses(t *testing.T) {
	require.NoError(t, (&watch.Matcher{Patterns: watch.Default()}).Check())
	m := new(watch.Matcher)
	quiet := "Linux version 6.12\r\nEXT4-fs (mmcblk0p2): mounted filesystem\r\nLast login: Thu Nov 26 07:00 on ttyS0\r\n" +
		"random: crng init done\r\nKernel panic\r\n - not syncing\r\nsysctl kernel.panic = 10\r\n"
	require.Empty(t, m.Write(noon, []byte(quiet)))
	require.Empty(t, m.Tick(noon.Add(time.Hour)))
}

func TestPrompt(t *testing.T) {
	m := new(watch.Matcher)
	require.Empty(t, m.Write(noon, []byte("Debian 13 pi-042 ttyS0\r\n\r\npi-042 login: \x1b[K")))
	require.Equal(t, noon.Add(500*time.Millisecond), m.Due())
	require.Empty(t, m.Tick(noon.Add(499*time.Millisecond)))
	got := m.Tick(noon.Add(500 * time.Millisecond))
	require.Equal(t, []string{watch.Login}, names(got))
	require.Equal(t, "pi-042 login: ", got[0].Text)
	require.EqualValues(t, 26, got[0].Offset)
	require.Zero(t, m.Due())
	require.Empty(t, m.Tick(noon.Add(time.Hour)), "a prompt is told once")

	require.Empty(t, m.Write(noon.Add(2*time.Hour), []byte("\r\nLast login: ")), "what follows at once is no prompt")
	require.Empty(t, m.Write(noon.Add(2*time.Hour+time.Millisecond), []byte("Thu Nov 26\r\n")))
	m.Write(noon.Add(3*time.Hour), []byte("pi-042 login: "))
	require.Equal(t, []string{watch.Login}, names(m.Write(noon.Add(4*time.Hour), []byte("root"))), "the next write tells the time too")
}

func TestRate(t *testing.T) {
	m := &watch.Matcher{Patterns: []watch.Pattern{{Name: "x", Literals: []string{"boom"}, Every: time.Minute}, {Name: "y", Literals: []string{"boom"}, Every: -1}}}
	require.NoError(t, m.Check())
	require.Equal(t, []string{"x", "y"}, names(m.Write(noon, []byte("boom boom"))), "once a line")
	require.Equal(t, []string{"y", "y"}, names(m.Write(noon.Add(59*time.Second), []byte("boom\nboom\nboom\n"))))
	got := m.Write(noon.Add(time.Minute), []byte("boom\n"))
	require.Equal(t, []string{"x", "y"}, names(got))
	require.EqualValues(t, 2, got[0].Suppressed)
	require.Equal(t, []string{"x", "y"}, names(m.Write(noon.Add(-time.Hour), []byte("boom\n"))), "a clock that is set back hides nothing")
}

func TestSilence(t *testing.T) {
	m := &watch.Matcher{Silence: 10 * time.Minute}
	require.Zero(t, m.Due())
	require.Empty(t, m.Tick(noon))
	require.Equal(t, noon.Add(10*time.Minute), m.Due())
	require.Equal(t, []watch.Match{{Name: watch.Silence, At: noon.Add(11 * time.Minute), For: 11 * time.Minute}}, m.Tick(noon.Add(11*time.Minute)))
	require.Empty(t, m.Tick(noon.Add(time.Hour)), "once")
	require.Empty(t, m.Write(noon.Add(time.Hour), []byte("x\n")))
	require.Empty(t, m.Tick(noon), "the clock was set back")
	require.Empty(t, m.Tick(noon.Add(9*time.Minute)))
	require.Equal(t, []string{watch.Silence}, names(m.Write(noon.Add(10*time.Minute), []byte("y"))), "a write tells the silence before it")
	require.Empty(t, m.Write(noon.Add(10*time.Minute), nil))
}

func TestAssertions(t *testing.T) {
	m := &watch.Matcher{Patterns: []watch.Pattern{
		{Name: "end", Regexp: regexp.MustCompile(`halted$`)},
		{Name: "begin", Regexp: regexp.MustCompile(`^U-Boot [0-9]+`)},
		{Name: "rune", Regexp: regexp.MustCompile(`q[^é]`)},
	}}
	require.Empty(t, m.Write(noon, []byte("System halted")))
	require.Equal(t, []string{"end"}, names(m.Write(noon, []byte("\r"))))
	got := m.Write(noon, []byte("\nU-Boot 2024.01"))
	require.Equal(t, "U-Boot 2", got[0].Text, "the shortest beginning")
	require.Empty(t, m.Write(noon, []byte("\nq\xc3")), "half of a character may become another")
	require.Empty(t, m.Write(noon, []byte("\xa9\n")))
	require.Equal(t, []string{"rune"}, names(m.Write(noon, []byte("q\xc3\n"))), "a line's end ends it")
}

func TestLongLines(t *testing.T) {
	pattern := []watch.Pattern{{Name: "x", Literals: []string{"boom"}, Regexp: regexp.MustCompile(`bo+m`), Every: -1}}
	for at := 400; at < 1600; at += 3 {
		m := &watch.Matcher{Patterns: pattern, MaxLine: 1}
		require.Equal(t, []string{"x"}, names(m.Write(noon, []byte(strings.Repeat("-", at)+"boom"+strings.Repeat("-", 4000)))), at)
	}
	m := &watch.Matcher{Patterns: pattern}
	require.Less(t, testing.AllocsPerRun(3, func() { m.Write(noon, make([]byte, 1<<20)) }), 5.0)
}

// A sequence that never ends hides no line behind it.
func TestUnfinishedSequences(t *testing.T) {
	for _, hostile := range []string{"\x1b]0;title", "\x1bP", "\x1b[1;", "\x1b", "\x1b(", "\x1b]x\x1b"} {
		m := new(watch.Matcher)
		require.Len(t, m.Write(noon, []byte(hostile+"\nKernel panic - not syncing")), 1, "%q", hostile)
		m = new(watch.Matcher)
		require.Len(t, m.Write(noon, []byte(hostile+strings.Repeat("0", 300)+"Kernel panic - not syncing")), 1, "%q", hostile)
	}
	m := new(watch.Matcher)
	require.Len(t, m.Write(noon, []byte("Kernel \x1b]0;t\x07pa\x1b[0mnic\x1b(B - \x1b]8;;\x1b\\not\x00 s\x1b[1\x18yncing")), 1)
}

func TestCheck(t *testing.T) {
	for name, p := range map[string]watch.Pattern{
		"no name":    {Literals: []string{"x"}},
		"nothing":    {Name: "x"},
		"empty":      {Name: "x", Literals: []string{""}},
		"line end":   {Name: "x", Literals: []string{"a\nb"}},
		"long":       {Name: "x", Literals: []string{strings.Repeat("x", watch.MaxLiteral+1)}},
		"everything": {Name: "x", Regexp: regexp.MustCompile(`a*`)},
		"silence":    {Name: watch.Silence, Literals: []string{"x"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &watch.Matcher{Patterns: []watch.Pattern{p}}
			require.ErrorIs(t, m.Check(), watch.ErrPattern)
			if name != "silence" {
				require.Empty(t, m.Write(noon, []byte("x a\n")))
			}
		})
	}
	twice := watch.Pattern{Name: "x", Literals: []string{"x"}}
	require.ErrorIs(t, (&watch.Matcher{Patterns: []watch.Pattern{twice, twice}}).Check(), watch.ErrPattern)
}

// However a stream is cut, the matches are the same.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("a\x1b[1mKernel panic - not syncing: x\r\npi login: "), []byte{1, 7, 3})
	f.Add([]byte("INFO: task a blocked for more than 120 seconds. halted\nI/O error, dev sda\nxé\xc3"), []byte{2})
	f.Add([]byte(strings.Repeat("boom", 400)+"\n"), []byte{255, 1})
	f.Add([]byte("x\xc3\xc8\nx\xc3\nxy\xe2\x82"), []byte{1})
	f.Add([]byte("\x1b]boom\nhalted\rboo\x1b\x1b[mm"), []byte{1})
	patterns := append(watch.Default(),
		watch.Pattern{Name: "end", Regexp: regexp.MustCompile(`halted\b`), Literals: []string{"boom"}},
		watch.Pattern{Name: "any", Regexp: regexp.MustCompile(`b[^é]{2,5}m|^x.`), Every: -1})
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		whole := &watch.Matcher{Patterns: patterns, MaxLine: 512}
		want := append(whole.Write(noon, stream), whole.Tick(noon.Add(time.Second))...)
		cut := &watch.Matcher{Patterns: patterns, MaxLine: 512}
		var got []watch.Match
		for i, rest := 0, stream; len(rest) > 0; i++ {
			n := 1
			if len(cuts) > 0 {
				n = max(1, int(cuts[i%len(cuts)]))
			}
			n = min(n, len(rest))
			got = append(got, cut.Write(noon, rest[:n])...)
			rest = rest[n:]
		}
		got = append(got, cut.Tick(noon.Add(time.Second))...)
		if len(want) == 0 {
			want = nil
		}
		require.Equal(t, want, got)
	})
}
