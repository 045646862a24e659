package conlog

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Sync makes all that was written before durable. Writes go on meanwhile. An
// error says that something is not, or waits in memory for the disk.
func (l *Log) Sync() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	retired, file, err := l.toSync()
	for _, f := range retired {
		err = errors.Join(err, l.sync(f), f.Close())
	}
	if file != nil {
		err = errors.Join(err, l.sync(file))
	}
	if err != nil {
		return fmt.Errorf("conlog: sync %s: %w", l.dir, err)
	}
	return nil
}

// toSync takes what is to be made durable, after a try to write what waits.
func (l *Log) toSync() (retired []*os.File, file *os.File, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, nil
	}
	t := &l.trouble
	if len(l.marks) > 0 || t.err != nil && !time.Now().Before(t.retry) {
		_ = l.put(time.Now(), nil, 0, 0) // what it says is in trouble
	}
	err = t.err
	retired, l.retired = l.retired, nil
	if l.dirty {
		file = l.file
	}
	l.dirty = false
	return retired, file, err
}

func (l *Log) sync(f *os.File) error {
	err := dataSync(f)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Syncs++
	if err != nil {
		l.dirty = true
	}
	return err
}
