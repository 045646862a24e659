package serialcon_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

var skipped = regexp.MustCompile(`\[serialcon [0-9a-f]{8} \.\.\. (\d+) bytes skipped \.\.\.\]\r\n`)

func TestAStalledViewerCostsNobodyAByte(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		stalled := l.stalled(serialcon.AttachOptions{})
		fast := l.attach(serialcon.AttachOptions{})
		host := &serialcontest.Host{Name: "h"}
		var said bytes.Buffer
		for n := range int64(40000) { // 2.5 MB, ten times what is kept for viewers
			said.Write(host.Line(n))
			if said.Len() >= 16<<10 || n == 39999 {
				l.say(said.String())
				said.Reset()
			}
		}
		check := &serialcontest.Verifier{Name: "h"}
		_, _ = check.Write(l.log.Bytes())
		require.EqualValues(t, 40000, check.Lines, check)
		check = &serialcontest.Verifier{Name: "h"}
		_, _ = check.Write([]byte(fast.text()))
		require.EqualValues(t, 40000, check.Lines, check)
		require.Zero(t, check.Missing)

		go stalled.read()
		text := stalled.text()
		require.Less(t, len(text), 300<<10, "what a viewer is behind is bounded")
		m := skipped.FindStringSubmatch(text)
		require.NotNil(t, m, "the skip is marked: %.200q", text)
		n, err := strconv.ParseInt(m[1], 10, 64)
		require.NoError(t, err)
		require.Equal(t, n, stalled.Skipped())
		require.Equal(t, n, l.Stats().Skipped)
		events := l.told(serialcon.EventSkipped)
		require.Len(t, events, 1)
		require.Equal(t, n, events[0].N)
		require.Empty(t, pick(l.log.Events(), serialcon.EventSkipped), "the log has the bytes")

		l.say(string(host.Line(40000)))
		text += stalled.text()
		check = &serialcontest.Verifier{Name: "h"}
		_, _ = check.Write([]byte(text))
		require.Zero(t, check.Damaged, "no line is cut: %s", check)
		require.EqualValues(t, 40001, check.Next(), "the viewer is at the live end")
		require.Equal(t, n, int64(40001*64)-check.Lines*64, "shown and skipped are all there is")
	})
}

// The skip must not leave the viewer's terminal inside a sequence, nor begin
// in one.
func TestASkipIsOutsideSequences(t *testing.T) {
	bubble(t, func(c *serialcon.Console) { c.Backlog, c.History = 4096, 4096 }, func(t *testing.T, l *lab) {
		v := l.stalled(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice"})
		l.say("start\r\n\x1b]0;a title that")
		buf := make([]byte, 4096)
		var got []byte
		for !bytes.Contains(got, []byte("a title that")) {
			n, err := v.Session.Read(buf)
			require.NoError(t, err)
			got = append(got, buf[:n]...)
		}
		l.say(" ends\x07")
		for i := range 500 {
			l.say(fmt.Sprintf("\x1b[1;3%dmline %03d\x1b[0m\r\n", i%8, i))
		}
		l.say("\x1b[1;31mred")
		go v.read()
		text := v.text()
		require.True(t, strings.HasPrefix(text, "\x18\r\n[serialcon "), "the unfinished title is ended first: %.60q", text)
		loc := skipped.FindStringIndex(text)
		require.NotNil(t, loc)
		after := text[loc[1]:]
		require.True(t, strings.HasPrefix(after, "\x1b[1;3"), "it goes on at the start of a line: %.60q", after)
		require.True(t, strings.HasSuffix(after, "red"))
	})
}

func TestASkipWithoutAnyLineEndsOutsideOfASequence(t *testing.T) {
	bubble(t, func(c *serialcon.Console) { c.Backlog, c.History = 2048, 2048 }, func(t *testing.T, l *lab) {
		v := l.stalled(serialcon.AttachOptions{Mode: serialcon.ReadWrite, NoMarks: true})
		for range 1000 {
			l.say("\x1b[10;20Hé")
		}
		l.say("\x1b[1")
		go v.read()
		require.Equal(t, "\x1b[1", v.text())
		l.say("0;20Hend")
		require.Equal(t, "0;20Hend", v.text())
		require.NotZero(t, v.Skipped())
	})
}

func TestAMarkWaitsForTheEndOfASequence(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice"})
		v.text()
		l.say("text \x1b[3")
		other := l.attach(serialcon.AttachOptions{Who: "bob"})
		require.Equal(t, "text \x1b[3", v.text())
		l.say("1mred")
		require.Equal(t, "1m\r\n[serialcon "+v.Tag()+" bob attached, read-only]\r\nred", v.text())
		require.NoError(t, other.Close())
	})
}

// A guest that leaves a sequence open must not hold an announcement off.
func TestAMarkDoesNotWaitForEver(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "alice"})
		v.text()
		l.say("\r\n\x1b]0;never ends")
		l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Who: "bob", Force: true})
		require.NotContains(t, v.text(), "serialcon")
		wait(200 * time.Millisecond)
		require.Contains(t, v.text(), "\x18\r\n[serialcon "+v.Tag()+" bob attached")
		require.Equal(t, serialcon.ReadOnly, v.Mode())
	})
}

func TestMarksAreOnLinesOfTheirOwn(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{})
		v.text()
		l.say("login: ")
		l.uart.Unplug()
		text := v.text()
		require.True(t, strings.HasPrefix(text, "login: \r\n[serialcon "+v.Tag()+" the port is not open: "), "%q", text)
		require.True(t, strings.HasSuffix(text, "]\r\n"))
	})
}

func TestNoMarks(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{NoMarks: true})
		l.attach(serialcon.AttachOptions{Who: "bob"})
		l.say("x")
		l.uart.Unplug()
		require.Equal(t, "x", v.text())
		require.Equal(t, serialcon.EventAttached, (<-v.Events()).Kind)
	})
}

func TestAReaderOfEventsThatDoesNotKeepUp(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.stalled(serialcon.AttachOptions{})
		for range 200 {
			require.NoError(t, l.stalled(serialcon.AttachOptions{}).Close())
		}
		synctest.Wait()
		require.Len(t, v.Events(), cap(v.Events()))
		require.Len(t, pick(l.log.Events(), serialcon.EventAttached), 201, "the log misses none")
		go v.read()
		require.Len(t, marks(v.Tag(), v.text()), 32)
	})
}

func TestHistory(t *testing.T) {
	for _, tc := range []struct {
		name    string
		history int
		want    string
	}{
		{"none", 0, ""},
		{"all that is kept", -1, "one\r\ntwo\r\nthree"},
		{"more than there is", 1000, "one\r\ntwo\r\nthree"},
		{"whole lines only", 9, "three"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, l *lab) {
				l.say("one\r\ntwo\r\nthree")
				v := l.attach(serialcon.AttachOptions{History: tc.history, NoMarks: true})
				require.Equal(t, tc.want, v.text())
				l.say(" four")
				require.Equal(t, " four", v.text())
			})
		})
	}
}

func TestHistoryIsTheScreensPicture(t *testing.T) {
	bubble(t, func(c *serialcon.Console) { c.Screen = new(screen) }, func(t *testing.T, l *lab) {
		l.say("text")
		v := l.attach(serialcon.AttachOptions{History: -1, NoMarks: true})
		require.Equal(t, "<picture of text>", v.text())
		l.OnScreen(func(s serialcon.Screen) { require.Equal(t, "text", s.Text()) })
	})
}

// What is unfinished when a viewer attaches is shown it whole.
func TestAttachInTheMiddleOfASequence(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		l.say("one\r\n\x1b[1;3")
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, History: -1, NoMarks: true})
		require.Equal(t, "one\r\n\x1b[1;3", v.text())
		l.say("1mred")
		require.Equal(t, "1mred", v.text())
	})
}

const queries = "\x05\x1b[6n\x1b[c\x1b[>c\x1bP$qm\x1b\\\x1b]52;c;?\x07\x1bZ"

// A terminal answers queries, and its answers are typed into the port. Only
// the live writer's may be.
func TestQueriesReachTheLiveWriterOnly(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		l.say("past " + queries + "\r\n")
		w := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, History: -1, NoMarks: true})
		r := l.attach(serialcon.AttachOptions{History: -1, NoMarks: true})
		s := l.attach(serialcon.AttachOptions{Mode: serialcon.Spy, History: -1, NoMarks: true})
		for _, v := range []*viewer{w, r, s} {
			require.Equal(t, "past \r\n", v.text(), "history asks nothing")
		}
		l.say("live " + queries)
		require.Equal(t, "live "+queries, w.text())
		require.Equal(t, "live ", r.text())
		require.Equal(t, "live ", s.text())

		next := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, NoMarks: true, Force: true})
		l.say(queries)
		require.Empty(t, w.text(), "whose place was taken is a reader")
		require.Equal(t, queries, next.text())
	})
}

// The stream changes between safe and whole outside of sequences only.
func TestATakeOverInTheMiddleOfASequence(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		a := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, NoMarks: true})
		b := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, NoMarks: true})
		l.say("\x1b[3")
		require.NoError(t, b.Acquire(true))
		l.say("1mred\x1b[0m")
		require.Equal(t, "\x1b[31mred", a.text(), "the old writer's sequence ends")
		require.Equal(t, "red\x1b[0m", b.text(), "the new one's does not begin in its middle")
	})
}

func TestTheSanitizerIsTheConsoles(t *testing.T) {
	bubble(t, func(c *serialcon.Console) {
		c.NewSanitizer = func() serialcon.Sanitizer { return upper{} }
	}, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{NoMarks: true})
		l.say("text")
		require.Equal(t, "TEXT", v.text())
	})
}

type upper struct{}

func (upper) Append(dst, src []byte) []byte { return append(dst, bytes.ToUpper(src)...) }

func TestWithoutASanitizerOnlyTextPasses(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"text", "plain\ttext\r\nüñ 世界\b", "plain\ttext\r\nüñ 世界\b"},
		{"colour", "\x1b[31mred\x1b[0m", "red"},
		{"reset and clear", "\x1bc\x1b[?7l\x1b[2Jboot", "boot"},
		{"title", "\x1b]0;title\x07a\x1b]0;title\x1b\\b", "ab"},
		{"device control", "\x1bP$qm\x1b\\a\x1b_x\x1b\\b\x1b^x\x1b\\c", "abc"},
		{"enquiry, bell, shift", "a\x05\x07\x0e\x0f\x7fb", "ab"},
		{"8-bit controls", "a\x9b6nb\x90c", "a6nbc"},
		{"8-bit controls in UTF-8", "a\u009b6nb", "a6nb"},
		{"right to left", "a\u202eb\u2066c\u200fd\ufeff", "abcd"},
		{"a broken character", "a\xe4\xb8b\xffc", "abc"},
		{"a string that nobody ends", "\x1b]0;" + strings.Repeat("x", 4094) + "yz", "yz"},
		{"a string that is cancelled", "\x1b]0;x\x18a\x1b[1\x1ab", "ab"},
		{"a sequence in a sequence", "\x1b[1\x1b[31mx", "x"},
		{"another alphabet", "\x1b(0qqq\x1b(B", "qqq"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, l *lab) {
				whole := l.attach(serialcon.AttachOptions{NoMarks: true})
				l.say(tc.in)
				require.Equal(t, tc.want, whole.text())
				split := l.attach(serialcon.AttachOptions{NoMarks: true})
				for i := range len(tc.in) {
					l.say(tc.in[i : i+1])
				}
				require.Equal(t, tc.want, split.text(), "in single bytes")
			})
		})
	}
}

// FuzzReadersStream looks for a stream that gets a control past to a reader.
func FuzzReadersStream(f *testing.F) {
	f.Add([]byte(queries), 3)
	f.Add([]byte("\x1b]0;t\x1b\\\xc2\x9b6n"), 1)
	f.Fuzz(func(t *testing.T, said []byte, split int) {
		said = said[:min(len(said), 16<<10)]
		split = max(1, split%64)
		bubble(t, nil, func(t *testing.T, l *lab) {
			v := l.attach(serialcon.AttachOptions{NoMarks: true})
			w := l.attach(serialcon.AttachOptions{NoMarks: true, Mode: serialcon.ReadWrite})
			for at := 0; at < len(said); at += split {
				l.uart.Say(said[at:min(at+split, len(said))])
				synctest.Wait()
			}
			require.Equal(t, string(said), w.text())
			require.Equal(t, string(said), string(l.log.Bytes()))
			past := l.attach(serialcon.AttachOptions{NoMarks: true, History: -1})
			for _, text := range []string{v.text(), past.text()} {
				for _, r := range text {
					ok := r == '\r' || r == '\n' || r == '\t' || r == '\b' || r >= 0x20 && r < 0x7f || r >= 0xa0
					require.True(t, ok, "%U in %q", r, text)
				}
			}
		})
	})
}
