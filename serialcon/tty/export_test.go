package tty

import (
	"context"
	"time"
)

// Unmark decodes chunks one after another.
func Unmark(chunks ...[]byte) (out []byte, breaks, errors int64) {
	var u unmarker
	for _, c := range chunks {
		p := append([]byte(nil), c...)
		n, m := u.unmark(p)
		out = append(out, p[:n]...)
		breaks += m.breaks
		errors += m.errors
	}
	return out, breaks, errors
}

// HoldBreak is holdBreak.
func HoldBreak(ctx context.Context, gone <-chan struct{}, d time.Duration, set func(on bool) error) error {
	return holdBreak(ctx, gone, d, set)
}
