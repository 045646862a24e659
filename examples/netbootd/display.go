package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// lines writes a line for every change that matters, for logs and pipes.
type lines struct {
	out  io.Writer
	last map[string]lineKey
}

// lineKey is what makes a new line: progress within a file does not.
type lineKey struct {
	stage, file, code string
	boots, served     int
}

func (l *lines) update(s status) {
	if l.last == nil {
		l.last = make(map[string]lineKey)
	}
	key := lineKey{s.Stage, s.File, s.Code, s.Boots, s.Served}
	if l.last[s.Machine] == key {
		return
	}
	l.last[s.Machine] = key
	at := s.Last
	if at.IsZero() {
		at = time.Now()
	}
	fmt.Fprintln(l.out, strings.TrimRight(at.Format(time.TimeOnly)+" "+s.Machine+" "+s.Stage+" "+details(s), " "))
}

func (l *lines) draw() {}

// details says what there is to say beside the stage.
func details(s status) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch {
	case s.Code != "":
		add("%s: %s %s", s.Code, s.Text, s.Remedy)
	case s.File != "" && s.Stage == "loading":
		add("%s %s/%s", printable(s.File), size(s.FileBytes), size(s.FileSize))
	case s.Firmware != "":
		add("%s", s.Firmware)
	}
	if s.Served > 0 {
		add("(%d files, %s)", s.Served, size(s.Bytes))
	}
	if s.Retransmits > 0 {
		add("%d resent", s.Retransmits)
	}
	return strings.Join(parts, " ")
}

// table redraws one line for each machine.
type table struct {
	out   io.Writer
	size  func() (width, height int)
	rows  []status // by name
	dirty bool
	drawn int // lines on the screen
}

func (t *table) update(s status) {
	i, found := slices.BinarySearchFunc(t.rows, s, func(a, b status) int { return cmp.Compare(a.Machine, b.Machine) })
	switch {
	case found && s.Stage == stageGone:
		t.rows = slices.Delete(t.rows, i, i+1)
	case found:
		t.rows[i] = s
	case s.Stage != stageGone:
		t.rows = slices.Insert(t.rows, i, s)
	}
	t.dirty = true
}

// draw puts the table where the last one was.
func (t *table) draw() {
	if !t.dirty {
		return
	}
	t.dirty = false
	width, height := t.size()
	rows := renderTable(t.rows, width, max(height-1, 1))
	var b strings.Builder
	if t.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", t.drawn) // up to its first line
	}
	for _, row := range rows {
		b.WriteString("\r" + row + "\x1b[K\n") // clear the rest of the line
	}
	b.WriteString("\x1b[J") // and everything below
	t.drawn = len(rows)
	_, _ = io.WriteString(t.out, b.String()) // a terminal that went away ends the watch by its signal
}

// renderTable returns at most height lines of at most width characters.
func renderTable(rows []status, width, height int) []string {
	names := 0
	for _, s := range rows {
		names = max(names, utf8.RuneCountInString(s.Machine))
	}
	var out []string
	for i, s := range rows {
		if len(out) == height-1 && i < len(rows)-1 {
			out = append(out, cut(fmt.Sprintf("and %d more", len(rows)-i), width))
			break
		}
		line := fmt.Sprintf("%-*s  %-8s  %s  %s", names, s.Machine, s.Stage, bar(s, 20), details(s))
		out = append(out, cut(line, width))
	}
	return out
}

// bar shows how far the file is that is being loaded; a machine that is further
// has a full one.
func bar(s status, width int) string {
	full := 0
	switch {
	case s.Stage == "kernel" || s.Stage == "up":
		full = width
	case s.Stage == "loading" && s.FileSize > 0:
		full = int(min(s.FileBytes, s.FileSize) * int64(width) / s.FileSize)
	}
	full = max(0, min(full, width))
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", width-full) + "]"
}

// printable makes a name from the network harmless on a terminal.
func printable(name string) string {
	quoted := strconv.QuoteToASCII(name)
	return quoted[1 : len(quoted)-1]
}

func cut(line string, width int) string {
	line = strings.TrimRight(line, " ")
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:max(width, 0)])
}

func size(n int64) string {
	switch {
	case n >= 10_000_000:
		return fmt.Sprintf("%d MB", n/1_000_000)
	case n >= 1_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d B", n)
}
