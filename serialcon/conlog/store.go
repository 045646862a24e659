package conlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// Store keeps the logs of many consoles: a folder for each in Dir, durability
// once a second for all, quotas for each and for the sum. Dir is required, and
// fields are not changed once Open was called.
type Store struct {
	Dir     string
	Options Options // of each log
	// Quota is how many bytes on disk all logs together may take; the oldest
	// closed segments beyond it are removed, whose ever they are. Zero means no
	// limit.
	Quota int64
	// SyncEvery is the time between two syncs. Zero means one second.
	SyncEvery time.Duration
	// KeepEvery is the time between two looks for segments to close, compress
	// or remove. Zero means ten seconds.
	KeepEvery time.Duration

	mem  sync.Pool // of *[]byte: room for the records of one Write
	mu   sync.Mutex
	logs []*Log
}

// Open opens the log of a console, whose name serialcon.CheckName allows. Dir
// is made if its parent is there.
func (s *Store) Open(name string) (*Log, error) {
	if err := serialcon.CheckName(name); err != nil {
		return nil, fmt.Errorf("conlog: open a log: %w", err)
	}
	if err := os.Mkdir(s.Dir, 0o750); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("conlog: open the log of %s: %w", name, err)
	}
	o := s.Options
	o.Console = name
	l, err := openLog(filepath.Join(s.Dir, name), o, &s.mem)
	if err != nil {
		return nil, err
	}
	l.relief = func() int64 { return s.relieve() }
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs = append(s.logs, l)
	return l, nil
}

// Reader returns the reader of a console's log, which need not be open.
func (s *Store) Reader(name string) (Reader, error) {
	if err := serialcon.CheckName(name); err != nil {
		return Reader{}, fmt.Errorf("conlog: read a log: %w", err)
	}
	return Reader{Dir: filepath.Join(s.Dir, name)}, nil
}

// open returns the logs that are not closed.
func (s *Store) open() []*Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs = slices.DeleteFunc(s.logs, (*Log).isClosed)
	return slices.Clone(s.logs)
}

func (l *Log) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Run makes what is written durable, and keeps the segments, until ctx ends.
// It leaves the logs open.
func (s *Store) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { every(ctx, cmp.Or(s.SyncEvery, time.Second), func() { _ = s.Sync() }) })
	wg.Go(func() {
		every(ctx, cmp.Or(s.KeepEvery, 10*time.Second), func() {
			if err := s.Keep(ctx); err != nil && ctx.Err() == nil {
				s.Options.withDefaults().Logger.Error("conlog: keep the logs", "err", err)
			}
		})
	})
	wg.Wait()
	return s.Sync()
}

func every(ctx context.Context, d time.Duration, fn func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			fn()
		case <-ctx.Done():
			return
		}
	}
}

// syncers is how many files are made durable at once: the filesystem's journal
// serves them together.
const syncers = 4

// Sync makes all logs durable.
func (s *Store) Sync() error {
	logs := make(chan *Log)
	errs := make([]error, syncers)
	var wg sync.WaitGroup
	for i := range syncers {
		wg.Go(func() {
			for l := range logs {
				errs[i] = errors.Join(errs[i], l.Sync())
			}
		})
	}
	for _, l := range s.open() {
		logs <- l
	}
	close(logs)
	wg.Wait()
	return errors.Join(errs...)
}

// Keep does what is due for each log, and for the sum.
func (s *Store) Keep(ctx context.Context) error {
	var errs []error
	for _, l := range s.open() {
		if ctx.Err() != nil {
			break
		}
		errs = append(errs, l.Keep(ctx))
	}
	return errors.Join(append(errs, s.retain())...)
}
