package conlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// due reports whether the open segment is to be closed.
func (l *Log) due() bool {
	if l.size == 0 || time.Now().Before(l.again) {
		return false
	}
	return l.fresh || l.size >= l.opts.SegmentSize || l.opts.SegmentAge > 0 && time.Since(l.born) >= l.opts.SegmentAge
}

// begin makes the next segment the open one: create, fsync of the folder,
// switch. A crash before the switch leaves an empty segment, which is then the
// open one. What the port says next is in it.
func (l *Log) begin(at time.Time) error {
	if l.torn { // or the cut-off records would be there twice
		if err := l.file.Truncate(l.size); err != nil {
			return err
		}
		l.torn = false
	}
	f, seq, err := l.create()
	if err != nil {
		return err
	}
	if err := l.durable(); err != nil {
		_ = f.Close()
		if !errors.Is(err, errCut) {
			_ = os.Remove(f.Name())
		}
		return err
	}
	if l.file != nil {
		l.retired = append(l.retired, l.file)
		l.note(serialcon.Event{Kind: serialcon.EventRotated, At: at, Text: plainName(seq)})
	}
	l.file, l.seq, l.size, l.born, l.fresh = f, seq, 0, time.Now(), false
	l.stats.Segments++
	l.markClock(at, 0)
	return l.steps("switch")
}

// create makes the file of the next number that is free: what a failure left
// stays as it is.
func (l *Log) create() (f *os.File, seq int64, err error) {
	for seq = l.seq + 1; seq <= min(l.seq+100, maxSeq); seq++ {
		name := filepath.Join(l.dir, plainName(seq))
		f, err = os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL|noFollow, 0o640)
		if !errors.Is(err, fs.ErrExist) {
			return f, seq, err
		}
	}
	return nil, 0, fmt.Errorf("no number after %d is free: %w", l.seq, fs.ErrExist)
}

// durable makes a new name in the folder so.
func (l *Log) durable() error {
	if err := l.steps("create"); err != nil {
		return err
	}
	if err := l.folder.Sync(); err != nil {
		return err
	}
	return l.steps("fsync folder")
}
