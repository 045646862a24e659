package conlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// Reader reads the log in a folder, also while a Log writes to it, of this
// process or another. It keeps nothing open between calls.
type Reader struct {
	Dir string
}

// Query says what Search looks for. The zero value means every line.
type Query struct {
	Since  time.Time      // of a line's first byte. Zero means from the beginning
	Until  time.Time      // lines before it. Zero means to the end
	Text   string         // is in the line
	Regexp *regexp.Regexp // matches the line
	Limit  int            // lines. Zero means no limit
}

// Line is a line that the port said. A carriage return before its line feed is
// not part of it.
type Line struct {
	At   time.Time // of its first byte, in UTC
	Text []byte    // valid until fn returns
	Open bool      // its line feed has not come yet, or not within MaxLine bytes
}

// MaxLine is how long a Line gets, in bytes; what is longer is several.
const MaxLine = 256 << 10

// Chunk is what a port said at a time: exact bytes, at most a line.
type Chunk struct {
	At      time.Time
	Session string        // of one Open of the log
	Mono    time.Duration // on a clock that nobody sets, since the session's begin
	Data    []byte        // valid until fn returns
}

// errDone ends a walk early.
var errDone = errors.New("done")

// file is an open segment and its blocks.
type file struct {
	segment
	f      *os.File
	blocks []block
}

// openSegment opens a segment; one that is gone meanwhile has no blocks.
func (r Reader) openSegment(s segment) (*file, error) {
	f, s, err := s.open(r.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &file{segment: s}, nil
	}
	if err != nil {
		return nil, err
	}
	out := &file{segment: s, f: f}
	if s.zstd {
		out.blocks, err = readIndex(f)
	} else {
		out.blocks, err = plainBlocks(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return out, nil
}

func (f *file) close() {
	if f.f != nil {
		_ = f.f.Close()
	}
}

// scratch is the memory of one reading goroutine.
type scratch struct {
	dec         *zstd.Decoder
	frame, data []byte
}

func (s *scratch) close() {
	if s.dec != nil {
		s.dec.Close()
	}
}

// read returns the records of a block, in the scratch's memory.
func (s *scratch) read(f *file, b block) (data []byte, err error) {
	if !f.zstd {
		data, err = readPlain(f.f, b, s.data)
		s.data = data
		return data, err
	}
	if s.dec == nil {
		if s.dec, err = decoder(); err != nil {
			return nil, err
		}
	}
	data, s.frame, err = readFrame(f.f, b, s.dec, s.frame, s.data)
	if err == nil {
		s.data = data
	}
	return data, err
}

// walk calls fn with each block that want asks for, in order. What is damaged
// is passed over, and part of the error at the end.
func (r Reader) walk(ctx context.Context, want func(s segment, b block) bool, fn func(b block, data []byte) error) error {
	segments, _, err := list(r.Dir)
	if err != nil {
		return fmt.Errorf("conlog: read %s: %w", filepath.Base(r.Dir), err)
	}
	var damage []error
	mem := new(scratch)
	defer mem.close()
	for _, s := range segments {
		f, err := r.openSegment(s)
		if err != nil {
			damage = append(damage, err)
			continue
		}
		err = f.walk(ctx, mem, want, fn, &damage)
		f.close()
		if errors.Is(err, errDone) {
			break
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(damage...)
}

func (f *file) walk(ctx context.Context, mem *scratch, want func(segment, block) bool, fn func(block, []byte) error, damage *[]error) error {
	for _, b := range f.blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !want(f.segment, b) {
			continue
		}
		data, err := mem.read(f, b)
		if err != nil {
			*damage = append(*damage, err)
			continue
		}
		if err := fn(b, data); err != nil {
			return err
		}
	}
	return nil
}

// Raw calls fn with what the port said, in order and exact, from the first
// byte at since or later to the end.
func (r Reader) Raw(ctx context.Context, since time.Time, fn func(Chunk) error) error {
	from, begun := milli(since, minMilli), since.IsZero()
	var clock block
	var chunk Chunk
	want := func(_ segment, b block) bool { return begun || b.Max >= from }
	return r.walk(ctx, want, func(b block, data []byte) error {
		if b.Session != "" {
			clock = b
		}
		return records(data, func(rec record) error {
			if rec.kind == kindClock {
				clock.tick(rec)
			}
			if rec.kind != kindLine && rec.kind != kindPart {
				return nil
			}
			begun = begun || rec.at >= from
			if !begun {
				return nil
			}
			chunk.At, chunk.Session = rec.time(), clock.Session
			chunk.Mono = time.Duration(clock.Mono) + time.Duration(rec.at-clock.Wall)*time.Millisecond
			chunk.Data = append(chunk.Data[:0], rec.payload...)
			if rec.kind == kindLine {
				chunk.Data = append(chunk.Data, '\n')
			}
			return fn(chunk)
		})
	})
}

// Events calls fn with the events of a time, in order. Query's Text, Regexp and
// Limit do not count.
func (r Reader) Events(ctx context.Context, since, until time.Time, fn func(serialcon.Event) error) error {
	from, to := milli(since, minMilli), milli(until, maxMilli)
	want := func(_ segment, b block) bool { return b.Max >= from && b.Min < to }
	return r.walk(ctx, want, func(_ block, data []byte) error {
		return records(data, func(rec record) error {
			if rec.kind != kindEvent || rec.at < from || rec.at >= to {
				return nil
			}
			e, err := rec.event()
			if err != nil {
				return nil //nolint:nilerr // a kind of a later version: not for us
			}
			return fn(e)
		})
	})
}

const (
	minMilli = -1 << 62
	maxMilli = 1 << 62
)

// milli is a time in milliseconds of Unix time, or what zero means.
func milli(t time.Time, zero int64) int64 {
	if t.IsZero() {
		return zero
	}
	return t.UnixMilli()
}
