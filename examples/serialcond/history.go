package main

import (
	"bytes"
	"context"

	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// lastLines calls fn with the lines of the query's time, and with the last ones
// if it has a limit.
func lastLines(ctx context.Context, log *conlog.Log, q conlog.Query, fn func(conlog.Line) error) error {
	if q.Limit <= 0 {
		return log.Search(ctx, q, fn)
	}
	lines, err := lastOf(ctx, log, q)
	for _, l := range lines {
		if err := fn(l); err != nil {
			return err
		}
	}
	return err
}

func lastOf(ctx context.Context, log *conlog.Log, q conlog.Query) ([]conlog.Line, error) {
	if q.Since.IsZero() && q.Until.IsZero() {
		return log.Tail(ctx, q.Limit)
	}
	n := q.Limit
	q.Limit = 0
	var ring []conlog.Line
	err := log.Search(ctx, q, func(l conlog.Line) error {
		l.Text = bytes.Clone(l.Text)
		if ring = append(ring, l); len(ring) >= 2*n { // rarely, and in amortised constant time
			ring = append(ring[:0], ring[len(ring)-n:]...)
		}
		return nil
	})
	return ring[max(0, len(ring)-n):], err
}
