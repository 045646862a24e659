package conlog

import (
	"bytes"
	"context"
	"errors"
	"math"
)

// Search calls fn with each line that the query asks for, in the order in which
// the port said them. It streams: memory does not grow with the log, and
// compressed blocks of other times are not opened. Damage (ErrCorrupt) does not
// hide the rest, and is told at the end. An error of fn ends the search.
func (r Reader) Search(ctx context.Context, q Query, fn func(Line) error) error {
	s := newSearch(q, fn)
	err := r.scan(ctx, s)
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// search is the state of one Search.
type search struct {
	Query
	from, to int64
	text     []byte
	needle   []byte // in each line that matches, if not empty
	fn       func(Line) error
	found    int
	join     joiner
}

func newSearch(q Query, fn func(Line) error) *search {
	s := &search{Query: q, from: milli(q.Since, minMilli), to: milli(q.Until, maxMilli), text: []byte(q.Text), fn: fn}
	s.needle = s.text
	if q.Regexp != nil && len(s.needle) == 0 {
		prefix, _ := q.Regexp.LiteralPrefix()
		s.needle = []byte(prefix)
	}
	if bytes.IndexByte(s.needle, '\n') >= 0 { // no line holds one
		s.to = math.MinInt64
	}
	return s
}

// wants reports whether lines of the query may be in the block.
func (s *search) wants(b block) bool { return b.Max >= s.from && b.Min < s.to }

// miss reports whether nothing of the query is in the block's own text. A line
// that began before the block is not looked at.
func (s *search) miss(data []byte, text *[]byte) bool {
	if len(s.needle) == 0 {
		return false
	}
	*text = appendText((*text)[:0], data)
	return !bytes.Contains(*text, s.needle)
}

// block takes the next block. It may still end a line if it is of no interest
// itself.
func (s *search) block(data []byte, miss bool) error {
	if !miss {
		return s.join.feed(data, s.line)
	}
	if s.join.open || s.join.drop {
		n := firstLine(data)
		if err := s.join.feed(data[:n], s.line); err != nil {
			return err
		}
		data = data[n:]
	}
	if off, ok := lastLine(data); ok {
		data = data[off:]
	}
	return s.join.feed(data, s.line)
}

// line hands a line on if it is asked for.
func (s *search) line(at int64, text []byte, open bool) error {
	if at < s.from || at >= s.to {
		return nil
	}
	text = bytes.TrimSuffix(text, []byte{'\r'})
	if len(s.text) > 0 && !bytes.Contains(text, s.text) || s.Regexp != nil && !s.Regexp.Match(text) {
		return nil
	}
	if err := s.fn(Line{At: record{at: at}.time(), Text: text, Open: open}); err != nil {
		return err
	}
	s.found++
	if s.Limit > 0 && s.found >= s.Limit {
		return errDone
	}
	return nil
}
