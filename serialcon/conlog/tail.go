package conlog

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
)

// Tail returns the last n lines, the unfinished one included. It reads no more
// than it needs, from the end.
func (r Reader) Tail(ctx context.Context, n int) ([]Line, error) {
	segments, _, err := list(r.Dir)
	if err != nil {
		return nil, fmt.Errorf("conlog: tail %s: %w", filepath.Base(r.Dir), err)
	}
	t := tail{want: n, mem: new(scratch)}
	defer t.mem.close()
	for _, s := range slices.Backward(segments) {
		if t.enough() {
			break
		}
		f, err := r.openSegment(s)
		if err == nil {
			err = t.segment(ctx, f)
			f.close()
		}
		if err != nil {
			return nil, fmt.Errorf("conlog: tail %s: %w", filepath.Base(r.Dir), err)
		}
	}
	return t.lines(), nil
}

// tail gathers blocks from the end.
type tail struct {
	want  int
	mem   *scratch
	parts [][]byte // the newest first
	ends  int      // lines that end in them
}

// enough reports whether the last lines are in the blocks, from their beginning:
// one more line end than lines.
func (t *tail) enough() bool { return t.want <= 0 || t.ends > t.want }

func (t *tail) segment(ctx context.Context, f *file) error {
	for _, b := range slices.Backward(f.blocks) {
		if err := ctx.Err(); err != nil || t.enough() {
			return err
		}
		data, err := t.mem.read(f, b)
		if err != nil {
			return err
		}
		t.add(data)
	}
	return nil
}

// add keeps as much of a block's end as is needed.
func (t *tail) add(data []byte) {
	end := len(data)
	for end > 0 && !t.enough() {
		off, ok := lastLine(data[:end])
		if !ok {
			end = 0
			break
		}
		t.ends++
		end = off
		if !t.enough() {
			end = recordStart(data, off)
		}
	}
	t.parts = append(t.parts, slices.Clone(data[end:]))
}

// lines returns the last ones of what was gathered.
func (t *tail) lines() []Line {
	var out []Line
	var j joiner
	keep := func(at int64, text []byte, open bool) error {
		text = slices.Clone(text)
		if n := len(text); n > 0 && text[n-1] == '\r' {
			text = text[:n-1]
		}
		out = append(out, Line{At: record{at: at}.time(), Text: text, Open: open})
		return nil
	}
	for _, part := range slices.Backward(t.parts) {
		_ = j.feed(part, keep)
	}
	_ = j.end(keep)
	return out[max(0, len(out)-max(t.want, 0)):]
}
