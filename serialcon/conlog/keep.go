package conlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Keep does what is due: it closes a segment by its age, compresses closed
// ones, and removes those beyond MaxAge and Quota.
func (l *Log) Keep(ctx context.Context) error {
	l.keeping.Lock()
	defer l.keeping.Unlock()
	err := l.keep(ctx)
	if err != nil {
		return fmt.Errorf("conlog: keep %s: %w", l.dir, err)
	}
	return nil
}

func (l *Log) keep(ctx context.Context) error {
	open, err := l.closeOld()
	if err != nil {
		return err
	}
	if err := l.Sync(); err != nil {
		return err
	}
	segments, _, err := list(l.dir)
	if err != nil {
		return err
	}
	for i, s := range segments {
		if s.zstd || s.seq >= open {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.compress(s); err != nil {
			return fmt.Errorf("compress %s: %w", s.name(), err)
		}
		segments[i].zstd = true
	}
	return l.retain(segments, open)
}

// closeOld closes the open segment if it is due, and returns the open one.
func (l *Log) closeOld() (open int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, os.ErrClosed
	}
	if l.trouble.err == nil && l.due() {
		now := time.Now()
		l.checkClock(now)
		err = l.begin(now)
	}
	return l.seq, err
}

// retain removes closed segments that are too old or too many.
func (l *Log) retain(segments []segment, open int64) error {
	var total int64
	for i := range segments {
		info, err := os.Lstat(filepath.Join(l.dir, segments[i].name()))
		if err != nil {
			return err
		}
		segments[i].size = info.Size()
		total += info.Size()
	}
	var errs []error
	for _, s := range segments {
		tooMany := l.opts.Quota > 0 && total > l.opts.Quota
		tooOld := l.opts.MaxAge > 0 && time.Since(s.last) > l.opts.MaxAge
		if s.seq >= open || !tooMany && !tooOld {
			break
		}
		errs = append(errs, os.Remove(filepath.Join(l.dir, s.name())))
		total -= s.size
		l.opts.Logger.Info("conlog: a segment is removed", "dir", l.dir, "segment", s.name(), "old", tooOld, "quota", tooMany)
	}
	return errors.Join(errs...)
}

// dropOldest removes the oldest closed segment of a folder and returns its size.
func dropOldest(dir string) (freed int64) {
	segments, _, err := list(dir)
	if err != nil || len(segments) < 2 {
		return 0
	}
	s := segments[0]
	if os.Remove(filepath.Join(dir, s.name())) != nil {
		return 0
	}
	return max(s.size, 1)
}
