package conlog

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// Sync makes all that was written before durable. Writes go on meanwhile. An
// error says that something is not, or waits in memory for the disk. Bytes that
// a disk failed to make durable may be gone though a later Sync succeeds, since
// the kernel forgets them: they are counted (Stats.Unsynced) and marked in the
// log, which goes on in a new segment.
func (l *Log) Sync() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	s, err := l.toSync()
	var failed error
	for _, f := range s.retired {
		failed = errors.Join(failed, s.fsync(f), f.Close())
	}
	if s.file != nil {
		failed = errors.Join(failed, s.fsync(s.file))
	}
	l.synced(s, failed)
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("conlog: sync %s: %w", l.dir, err)
	}
	return nil
}

// syncing is what one Sync makes durable.
type syncing struct {
	fsync   func(*os.File) error
	retired []*os.File
	file    *os.File // nil: nothing was written since the last
	upTo    int64    // Stats.Bytes as of then
}

// toSync takes what is to be made durable, after a try to write what waits.
func (l *Log) toSync() (s syncing, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return s, nil
	}
	t := &l.trouble
	if len(l.marks) > 0 || t.err != nil && !time.Now().Before(t.retry) {
		_ = l.put(time.Now(), nil, 0, 0) // what it says is in trouble
	}
	s.fsync, s.retired, l.retired = l.fsync, l.retired, nil
	if l.dirty {
		s.file = l.file
	}
	l.dirty = false
	s.upTo = l.stats.Bytes
	return s, t.err
}

// synced notes what became of it, and tells once when a disk begins or ends to
// fail.
func (l *Log) synced(s syncing, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(s.retired)
	if s.file != nil {
		n++
	}
	l.stats.Syncs += int64(n)
	since := s.upTo - l.promised
	if n == 0 {
		return
	}
	l.promised = s.upTo
	tell := func(n int64, text string) {
		l.note(serialcon.Event{Kind: serialcon.EventNote, At: time.Now(), Who: "conlog", N: n, Text: text})
	}
	switch {
	case err != nil:
		l.stats.Unsynced += since
		if !l.doubt {
			l.opts.Logger.Error("conlog: the disk makes nothing durable", "dir", l.dir, "err", err)
			tell(since, "the disk failed to make what came before durable: "+err.Error())
		}
		l.unsynced += since
		l.doubt = true
	case l.doubt:
		l.opts.Logger.Info("conlog: the log is durable again", "dir", l.dir, "in doubt", l.unsynced)
		tell(l.unsynced, "what comes now is durable again; that many bytes before it may not be")
		l.unsynced, l.doubt, l.fresh = 0, false, true
	}
}
