package vt_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/stretchr/testify/require"
)

// tmux is a server of the terminal multiplexer with a socket of its own. Its
// terminal is the oracle for ours.
type tmux struct {
	t      *testing.T
	bin    string
	dir    string
	n      int
	socket string
}

func newTmux(t *testing.T) *tmux {
	t.Helper()
	m := &tmux{t: t, bin: peer.Look(t, "tmux"), dir: t.TempDir()}
	m.socket = filepath.Join(m.dir, "s")
	conf := filepath.Join(m.dir, "conf")
	require.NoError(t, os.WriteFile(conf, []byte(`set -g status off
set -g history-limit 2000
set -g default-terminal screen-256color
set -g default-shell /bin/sh
set -g escape-time 0
set -g remain-on-exit off
`), 0o600))
	m.run("-f", conf, "new-session", "-d", "-x", "80", "-y", "24", "-s", "oracle", "exec sleep 1000")
	t.Cleanup(func() { m.run("kill-server") })
	return m
}

func (m *tmux) run(args ...string) string {
	m.t.Helper()
	cmd := exec.Command(m.bin, append([]string{"-u", "-S", m.socket}, args...)...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8", "TMUX=")
	out, err := cmd.CombinedOutput()
	require.NoError(m.t, err, "tmux %q: %s", args, out)
	return string(out)
}

// shown is what tmux shows after it was sent some bytes.
type shown struct {
	screen string // capture-pane -e
	all    string // with the scrollback, lines that wrapped joined
	state  string
}

// state is in tmux's format and as stateOf has it for ours.
const state = "#{cursor_x},#{cursor_y} alternate=#{alternate_on}"

func (m *tmux) show(input []byte) shown {
	m.t.Helper()
	m.n++
	file := filepath.Join(m.dir, fmt.Sprint("in", m.n))
	title := fmt.Sprint("done", m.n)
	end := "\x1b\\\x1b]2;" + title + "\a"
	require.NoError(m.t, os.WriteFile(file, append(bytes.Clone(input), end...), 0o600))
	pane := strings.TrimSpace(m.run("new-window", "-d", "-P", "-F", "#{pane_id}",
		"stty raw -echo; cat "+file+"; exec sleep 1000"))
	for m.run("display-message", "-p", "-t", pane, "#{pane_title}") != title+"\n" {
		require.NoError(m.t, m.t.Context().Err())
	}
	const mark = "==next=="
	out := m.run("capture-pane", "-p", "-e", "-N", "-t", pane, ";", "display-message", "-p", mark, ";",
		"capture-pane", "-p", "-e", "-J", "-S", "-", "-t", pane, ";", "display-message", "-p", mark, ";",
		"display-message", "-p", "-t", pane, state, ";", "kill-pane", "-t", pane)
	parts := strings.Split(out, mark+"\n")
	require.Len(m.t, parts, 3)
	return shown{parts[0], parts[1], strings.TrimSpace(parts[2])}
}

// html renders a capture, rows of text with SGR sequences and SO for line
// drawing, as ours renders its screen.
func (c shown) html() string {
	s := vt.New(80, 24, 0)
	s.Write([]byte("\x1b)0\x1b[?7l"))
	for y, row := range strings.Split(strings.TrimSuffix(c.screen, "\n"), "\n") {
		s.Write(fmt.Appendf(nil, "\x1b[%dH%s", y+1, row))
	}
	return s.HTML()
}

// text is the text of all lines.
func (c shown) text() string {
	s := vt.New(1000, 1, 5000)
	s.Write([]byte("\x1b)0" + strings.ReplaceAll(c.all, "\n", "\r\n")))
	return s.TextAll()
}

// compare fails unless ours shows what tmux does.
func (m *tmux) compare(t *testing.T, input []byte) {
	t.Helper()
	s := vt.New(80, 24, 2000)
	s.Write(input)
	theirs := m.show(input)
	require.Equal(t, visible(theirs.html()), visible(s.HTML()))
	if !s.Alternate() { // tmux does not give the main screen then
		require.Equal(t, trimmed(theirs.text()), trimmed(s.TextAll()))
	}
	if strings.HasPrefix(theirs.state, "80,") { // tmux counts a cursor that waits to wrap as in the next column
		theirs.state = "79" + theirs.state[2:]
	}
	require.Equal(t, theirs.state, stateOf(s))
}

// trimmed is text without the blanks at the ends of lines and at its own.
func trimmed(text string) []string {
	lines := strings.Split(strings.TrimRight(text, " \n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

func TestRealTmuxRendersTheSame(t *testing.T) {
	m := newTmux(t)
	for _, c := range sequences {
		t.Run(c.name, func(t *testing.T) { m.compare(t, []byte(c.input)) })
	}
	for _, name := range recordings(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			input, err := os.ReadFile(name)
			require.NoError(t, err)
			m.compare(t, input)
		})
	}
}

// A terminal that is sent a replay shows what the screen shows.
func TestRealTmuxShowsTheReplay(t *testing.T) {
	m := newTmux(t)
	for _, c := range sequences {
		t.Run(c.name, func(t *testing.T) {
			s := vt.New(80, 24, 100)
			s.Write([]byte(c.input))
			var replay bytes.Buffer
			replay.WriteString("what the viewer had before\r\n\x1b[5;10r\x1b[?6h\x1b[1;33m")
			require.NoError(t, s.Replay(&replay))
			theirs := m.show(replay.Bytes())
			require.Equal(t, visible(theirs.html()), visible(s.HTML()))
			require.Contains(t, theirs.text(), "what the viewer had before")
		})
	}
}

func recordings(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/*.raw")
	require.NoError(t, err)
	return names
}
