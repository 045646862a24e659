package audit

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// Report is what there is of a log.
type Report struct {
	// First is the number of the first line: more than 1 if older files were put away.
	First uint64
	// Head is the last line.
	Head
}

// Verify reads the whole log. An error that wraps [ErrDamaged] says where it was changed.
// kept is a head from earlier, which the log must still have; the zero one is none.
func (l *Log) Verify(ctx context.Context, kept Head) (Report, error) {
	now := l.Head()
	chain := checker{known: now, kept: kept}
	err := l.keep.chunks(ctx, false, chain.add)
	if err == nil {
		err = chain.covers()
	}
	if err != nil {
		return Report{}, fmt.Errorf("audit: verify the log: %w", err)
	}
	return Report{First: chain.first, Head: now}, nil
}

// checker follows the chain from line to line.
type checker struct {
	known, kept Head
	first       uint64
	head        Head
	last        time.Time
}

func (c *checker) add(data []byte) error {
	for text := range bytes.Lines(data) {
		head, l, err := c.head.follow(bytes.TrimSuffix(text, []byte("\n")))
		if err != nil {
			return err
		}
		for _, h := range []Head{c.known, c.kept} {
			is, before := h.Number == head.Number, c.first == 0 && h.Number+1 == head.Number
			if is && h != head || before && h.Hash != l.Prev {
				return fmt.Errorf("entry %d is another than it was: %w", h.Number, ErrDamaged)
			}
		}
		if c.first == 0 {
			c.first = head.Number
		}
		c.head, c.last = head, l.At
	}
	return nil
}

// covers reports whether the lines that must be there were.
func (c *checker) covers() error {
	for _, h := range []Head{c.known, c.kept} {
		if h.Number > c.head.Number {
			return fmt.Errorf("the log ends with entry %d, and had %d: %w", c.head.Number, h.Number, ErrDamaged)
		}
	}
	return nil
}
