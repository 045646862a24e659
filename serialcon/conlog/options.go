package conlog

import (
	"log/slog"
	"time"
)

// Options of a log. The zero value is a good one.
type Options struct {
	// Console is the name that the log's own events carry. Empty means the
	// folder's name.
	Console string
	// SegmentSize is the size in bytes at which a segment is closed. Zero
	// means 16 MiB.
	SegmentSize int64
	// SegmentAge is the age at which a segment that holds anything is closed.
	// Zero means a day, less than zero never.
	SegmentAge time.Duration
	// MaxAge is how long a closed segment is kept after its last byte. Zero
	// means for ever.
	MaxAge time.Duration
	// Quota is how many bytes on disk the folder may take; the oldest closed
	// segments beyond it are removed. Zero means no limit.
	Quota int64
	// Pending is how many bytes are held in memory for a disk that is full or
	// fails. What comes after them is counted as lost. Zero means 64 KiB, less
	// than zero none.
	Pending int
	// Logger is told what an operator should know. Nil discards.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.SegmentSize <= 0 {
		o.SegmentSize = 16 << 20
	}
	if o.SegmentAge == 0 {
		o.SegmentAge = 24 * time.Hour
	}
	if o.Pending == 0 {
		o.Pending = 64 << 10
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
