package conlog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mythic-beasts/hostkit/serialcon"
)

var _ serialcon.Recaller = (*Log)(nil)

// maxRecall bounds how much of the log is looked through for bytes of the port,
// beside what they take themselves: a log of events alone has none.
const maxRecall = 4 << 20

// errMoved means that the open segment was closed and compressed meanwhile.
var errMoved = errors.New("the segment was closed")

// Taken is how many bytes of the port are in the log since Open.
func (l *Log) Taken() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats.Bytes
}

// Recall returns the last n bytes that the port said before the one of that
// number, of which some may be older than Open. They are fewer if the log has no
// more. What waits in memory for a full disk is not among them.
func (l *Log) Recall(ctx context.Context, before int64, n int) (p []byte, err error) {
	for range 3 {
		p, err = l.recall(ctx, before, n)
		if !errors.Is(err, errMoved) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("conlog: recall %s: %w", l.dir, err)
	}
	return p, nil
}

func (l *Log) recall(ctx context.Context, before int64, n int) ([]byte, error) {
	l.mu.Lock()
	seq, size, later := l.seq, l.size, int(max(0, l.stats.Bytes-before))
	l.mu.Unlock()
	segments, _, err := list(l.dir)
	if err != nil {
		return nil, err
	}
	r := recall{want: n + later, most: maxRecall + 4*int64(n)}
	defer r.mem.close()
	for _, s := range slices.Backward(segments) {
		if s.seq > seq {
			continue
		}
		f, err := l.Reader().openSegment(s)
		if err != nil {
			return nil, err
		}
		if s.seq == seq {
			f.blocks = cutBlocks(size)
			if f.zstd {
				err = errMoved
			}
		}
		if err == nil {
			err = r.segment(ctx, f)
		}
		f.close()
		if err != nil {
			return nil, err
		}
	}
	return r.bytes(n, later), nil
}

// recall gathers what the port said, from the end.
type recall struct {
	want  int
	most  int64
	mem   scratch
	parts [][]byte // the newest first
}

func (r *recall) segment(ctx context.Context, f *file) error {
	for _, b := range slices.Backward(f.blocks) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.want <= 0 || r.most <= 0 {
			return nil
		}
		data, err := r.mem.read(f, b)
		if err != nil {
			return err
		}
		text := appendText(nil, data)
		r.want -= len(text)
		r.most -= b.Raw
		r.parts = append(r.parts, text)
	}
	return nil
}

// bytes joins the parts, without the last that are later, and keeps n.
func (r *recall) bytes(n, later int) []byte {
	slices.Reverse(r.parts)
	all := slices.Concat(r.parts...)
	all = all[:max(0, len(all)-later)]
	return all[max(0, len(all)-n):]
}
