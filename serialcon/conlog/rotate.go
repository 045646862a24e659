package conlog

import (
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
	return l.size >= l.opts.SegmentSize || l.opts.SegmentAge > 0 && time.Since(l.born) >= l.opts.SegmentAge
}

// begin makes the next segment the open one: create, fsync of the folder,
// switch. A crash before the switch leaves an empty segment, which is then the
// open one. What the port says next is in it.
func (l *Log) begin(now time.Time) error {
	if l.torn { // or the cut-off records would be there twice
		if err := l.file.Truncate(l.size); err != nil {
			return err
		}
		l.torn = false
	}
	name := plainName(l.seq + 1)
	f, err := os.OpenFile(filepath.Join(l.dir, name), os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL|noFollow, 0o640)
	if err != nil {
		return err
	}
	if err := l.durable(); err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return err
	}
	if l.file != nil {
		l.retired = append(l.retired, l.file)
		l.note(serialcon.Event{Kind: serialcon.EventRotated, At: now, Text: name})
	}
	l.file, l.size, l.born = f, 0, now
	l.seq++
	l.stats.Segments++
	l.markClock(now, 0)
	return l.steps("switch")
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
