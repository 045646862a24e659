package conlog

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// ErrInUse means that another process, or another Log of this one, writes to
// the folder.
var ErrInUse = errors.New("conlog: the log is in use")

// Log keeps what one console says in the segments of a folder. It may be
// used by several goroutines at once.
type Log struct {
	dir     string
	opts    Options
	session string
	opened  time.Time
	folder  *os.File // for its lock and its fsync
	steps   func(step string) error
	fsync   func(*os.File) error
	write   func(*os.File, []byte) (int, error)
	mem     *sync.Pool           // of *[]byte, maybe shared with other logs
	relief  func() (freed int64) // removes the oldest segments for a full disk

	syncing sync.Mutex // held by Sync, taken before mu
	keeping sync.Mutex // held by Keep, taken before syncing

	mu       sync.Mutex // guards what follows, and the order of bytes in the file
	file     *os.File
	seq      int64
	size     int64 // of whole records in file
	torn     bool  // the file may hold more than size bytes
	born     time.Time
	again    time.Time  // when to try to begin a segment after that failed
	retired  []*os.File // closed segments that are not durable yet
	dirty    bool
	promised int64 // of stats.Bytes, as far as any Sync went
	unsynced int64 // of these, while Syncs fail
	doubt    bool  // Syncs fail
	fresh    bool  // a new segment is due: the kernel forgot bytes of this one
	closed   bool
	stamp    stamper
	clock    clock
	marks    []byte // records of our own for the next write
	trouble  trouble
	stats    Stats
}

// Stats are counts since Open.
type Stats struct {
	Bytes    int64 // of the port, that are in the file
	Writes   int64 // calls of write(2)
	Syncs    int64 // of files
	Lost     int64 // bytes that a full or failing disk did not take
	Unsynced int64 // bytes in the file that a Sync could not make durable
	Pending  int   // bytes in memory, waiting for the disk
	Segments int64 // begun
	Failing  bool  // the disk does not take bytes now
}

var _ serialcon.Log = (*Log)(nil)

// Open opens the log in the folder, which it makes if it is not there; its
// parent must be. It mends what a crash left. Nothing runs by itself: a Store,
// or calls of Sync and Keep, make bytes durable and close, compress and remove
// segments.
func Open(dir string, o Options) (*Log, error) { return openLog(dir, o, new(sync.Pool)) }

func openLog(dir string, o Options, mem *sync.Pool) (*Log, error) {
	l := &Log{dir: filepath.Clean(dir), opts: o.withDefaults(), opened: time.Now(), session: rand.Text(), mem: mem}
	l.steps = func(string) error { return nil }
	l.fsync, l.write = dataSync, (*os.File).Write
	l.relief = func() int64 { return dropOldest(l.dir) }
	if l.opts.Console == "" {
		l.opts.Console = filepath.Base(l.dir)
	}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("conlog: open %s: %w", l.dir, err)
	}
	return l, nil
}

func (l *Log) open() error {
	if err := os.Mkdir(l.dir, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	folder, err := openDir(l.dir)
	if err != nil {
		return err
	}
	l.folder = folder
	if err := l.recover(); err != nil {
		return errors.Join(err, folder.Close())
	}
	return nil
}

// recover brings the folder in order and opens the newest segment.
func (l *Log) recover() error {
	segments, err := tidy(l.dir)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, s := range segments {
		if s.zstd {
			continue
		}
		cut, mended, err := mend(filepath.Join(l.dir, s.name()))
		if err != nil {
			return fmt.Errorf("mend %s: %w", s.name(), err)
		}
		if mended {
			l.note(serialcon.Event{Kind: serialcon.EventMended, At: now, Text: s.name(), N: cut})
		}
	}
	n := len(segments)
	if n == 0 || segments[n-1].zstd {
		if n > 0 {
			l.seq = segments[n-1].seq
		}
		return l.begin(now)
	}
	return l.resume(segments[n-1], now)
}

// resume appends to a segment of before.
func (l *Log) resume(s segment, now time.Time) error {
	f, err := os.OpenFile(filepath.Join(l.dir, s.name()), os.O_RDWR|os.O_APPEND|noFollow, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.file, l.seq, l.size, l.born = f, s.seq, info.Size(), now
	head := make([]byte, headLen)
	if n, _ := f.ReadAt(head, 0); n == headLen {
		if r, ok := parse(head); ok {
			l.born = now.Add(-max(0, now.Sub(r.time())))
		}
	}
	l.markClock(now, 0)
	return nil
}

// Write keeps what the port said at that time, by one write(2). If the disk is
// full or fails, the bytes are held in memory; an error means that they are
// lost, and counted: a mark with their number is the first thing the disk
// takes afterwards.
func (l *Log) Write(at time.Time, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checkClock(at)
	buf := l.take()
	defer l.give(buf)
	*buf = l.stamp.data((*buf)[:0], at, p)
	return l.put(at, *buf, len(p), 0)
}

// maxMem is how much room for records is kept for the next Write.
const maxMem = 128 << 10

// take and give lend room for the records of one call: many logs share it, as
// each needs it for a moment only.
func (l *Log) take() *[]byte {
	if buf, ok := l.mem.Get().(*[]byte); ok {
		return buf
	}
	return new([]byte)
}

func (l *Log) give(buf *[]byte) {
	if cap(*buf) <= maxMem {
		l.mem.Put(buf)
	}
}

// Event keeps an event. serialcon.EventLogResumed with the number of bytes that
// a Console did not even offer stands for the mark of the log's own.
func (l *Log) Event(e serialcon.Event) error {
	e.Text, e.Who = clip(e.Text, maxText), clip(e.Who, maxWho)
	if e.At.IsZero() {
		e.At = time.Now()
	}
	at := e.At
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checkClock(at)
	rec, err := l.stamp.json(nil, at, kindEvent, e)
	if err != nil {
		return fmt.Errorf("conlog: event of %s: %w", l.opts.Console, err)
	}
	var told int64
	if e.Kind == serialcon.EventLogResumed {
		told = e.N
	}
	return l.put(at, rec, 0, told)
}

const (
	maxText = 8 << 10
	maxWho  = 256
)

// clip bounds what an event takes in the log.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

// note adds an event of the log's own to the next write.
func (l *Log) note(e serialcon.Event) {
	e.Console = l.opts.Console
	if marks, err := l.stamp.json(l.marks, e.At, kindEvent, e); err == nil {
		l.marks = marks
	}
}

// Dir is the log's folder.
func (l *Log) Dir() string { return l.dir }

// Stats returns the counts.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Lost += l.trouble.lost
	s.Pending = len(l.trouble.pending)
	s.Failing = l.trouble.err != nil
	return s
}

// Close writes what waits, makes it durable and lets go of the folder.
func (l *Log) Close() error {
	err := l.Sync()
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	for _, f := range append(l.retired, l.file, l.folder) {
		err = errors.Join(err, f.Close())
	}
	return err
}
