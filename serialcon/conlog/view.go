package conlog

import (
	"context"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// Reader returns a reader of this log.
func (l *Log) Reader() Reader { return Reader{Dir: l.dir} }

// Search is Reader.Search.
func (l *Log) Search(ctx context.Context, q Query, fn func(Line) error) error {
	return l.Reader().Search(ctx, q, fn)
}

// Tail is Reader.Tail.
func (l *Log) Tail(ctx context.Context, n int) ([]Line, error) { return l.Reader().Tail(ctx, n) }

// Raw is Reader.Raw.
func (l *Log) Raw(ctx context.Context, since time.Time, fn func(Chunk) error) error {
	return l.Reader().Raw(ctx, since, fn)
}

// Events is Reader.Events.
func (l *Log) Events(ctx context.Context, since, until time.Time, fn func(serialcon.Event) error) error {
	return l.Reader().Events(ctx, since, until, fn)
}
