package conlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = time.Second
)

// trouble is what is known of a disk that does not take bytes.
type trouble struct {
	err     error // why; nil while all is well
	retry   time.Time
	backoff time.Duration
	pending []byte // records that wait
	bytes   int    // of the port in them
	lost    int64  // bytes that came after them
}

// put writes records of a time that hold n bytes of the port, behind what
// waits. told is how many lost bytes the records themselves tell of. It is
// called with mu held.
func (l *Log) put(at time.Time, rec []byte, n int, told int64) error {
	if l.closed {
		return fmt.Errorf("conlog: write to %s: %w", l.dir, os.ErrClosed)
	}
	t := &l.trouble
	if t.err != nil && time.Now().Before(t.retry) {
		return l.hold(rec, n)
	}
	if l.due() {
		if err := l.begin(at); err != nil {
			l.opts.Logger.Warn("conlog: a segment goes on beyond its size", "dir", l.dir, "err", err)
			l.again = time.Now().Add(maxBackoff)
		}
	}
	err := l.flush(rec, told)
	if noSpace(err) && l.makeRoom() {
		err = l.flush(rec, told)
	}
	if err != nil {
		l.failed(err)
		return l.hold(rec, n)
	}
	l.stats.Bytes += int64(n)
	return nil
}

// flush writes what waits, the mark of what was lost, marks of our own, and rec,
// all at once or nothing.
func (l *Log) flush(rec []byte, told int64) error {
	t := &l.trouble
	data := rec
	if len(t.pending) > 0 || t.lost > 0 || len(l.marks) > 0 {
		data = append([]byte(nil), t.pending...)
		if lost := t.lost - told; lost > 0 {
			now := time.Now()
			data, _ = l.stamp.json(data, now, kindEvent, serialcon.Event{Console: l.opts.Console,
				Kind: serialcon.EventLogResumed, At: now, Text: t.err.Error(), N: lost})
		}
		data = append(append(data, l.marks...), rec...)
	}
	if err := l.append(data); err != nil {
		return err
	}
	l.marks = nil
	if t.err != nil {
		l.opts.Logger.Info("conlog: the disk takes bytes again", "dir", l.dir, "lost", t.lost)
		l.stats.Bytes += int64(t.bytes)
		l.stats.Lost += t.lost
		l.trouble = trouble{}
	}
	return nil
}

// append writes whole records to the file, or nothing.
func (l *Log) append(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if l.torn {
		if err := l.file.Truncate(l.size); err != nil {
			return err
		}
		l.torn = false
	}
	n, err := l.write(l.file, data)
	l.stats.Writes++
	if err == nil {
		l.size += int64(n)
		l.dirty = true
		return nil
	}
	if n > 0 {
		l.torn = true
		if l.file.Truncate(l.size) == nil {
			l.torn = false
		}
	}
	return err
}

func noSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// makeRoom removes the oldest closed segment, and says so in the log.
func (l *Log) makeRoom() bool {
	freed := l.relief()
	if freed == 0 {
		return false
	}
	l.retired = slices.DeleteFunc(l.retired, func(f *os.File) bool { // an open file keeps its room
		_, err := os.Lstat(f.Name())
		return errors.Is(err, fs.ErrNotExist) && f.Close() == nil
	})
	l.opts.Logger.Error("conlog: the disk is full: the oldest segment is gone", "dir", l.dir, "bytes", freed)
	l.note(serialcon.Event{Kind: serialcon.EventNote, At: time.Now(), Who: "conlog", N: freed,
		Text: "the disk is full: the oldest segment was removed"})
	return true
}

// failed notes that the disk takes nothing, and when to try again.
func (l *Log) failed(err error) {
	t := &l.trouble
	if t.err == nil {
		l.opts.Logger.Error("conlog: the disk takes no bytes; they are held in memory", "dir", l.dir, "err", err)
	}
	t.err = err
	t.backoff = min(max(2*t.backoff, minBackoff), maxBackoff)
	t.retry = time.Now().Add(t.backoff)
}

// hold keeps records in memory as far as the limit allows, and counts the rest.
func (l *Log) hold(rec []byte, n int) error {
	t := &l.trouble
	if t.lost == 0 && len(t.pending)+len(l.marks)+len(rec) <= l.opts.Pending {
		t.pending = append(append(t.pending, l.marks...), rec...)
		l.marks = nil
		t.bytes += n
		return nil
	}
	t.lost += int64(n)
	return fmt.Errorf("conlog: write to %s: %w", l.dir, t.err)
}
