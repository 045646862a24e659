package filekv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

var _ kv.Store = (*Store)(nil)

// Store keeps keys in the files of a folder. Several, in one process or more, may be
// open on one folder.
type Store struct {
	dir  string
	root *os.Root
	done chan struct{} // closed by Close

	stripes [stripes]stripe
	floor   stripe

	mu      sync.Mutex // guards all below
	locks   map[*lock]struct{}
	durable map[string]bool // folders whose entry in the one above is flushed

	poll time.Duration      // how often to look where nobody tells of changes; zero: a second
	step func(string) error // for tests: called before each step of a write
}

// Where the store keeps what is no key.
const (
	private  = ".store"
	lockDir  = private + "/locks"
	dirMode  = 0o700
	fileMode = 0o600
)

// New opens the store in a folder, which is made if it is missing. A folder that others
// than its owner may enter is refused.
func New(dir string) (*Store, error) {
	s := &Store{dir: dir, done: make(chan struct{}), locks: make(map[*lock]struct{}), durable: make(map[string]bool)}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("filekv: open %q: %w", dir, err)
	}
	return s, nil
}

func (s *Store) open() error {
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return err
	}
	s.dir = dir
	if err := makeFolder(dir); err != nil {
		return err
	}
	if s.root, err = os.OpenRoot(dir); err != nil {
		return err
	}
	if err := s.prepare(); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// makeFolder makes the folder and those above it, durably.
func makeFolder(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		if open := info.Mode().Perm() & 0o077; open != 0 {
			return fmt.Errorf("the folder has mode %v: secrets may be in it, chmod it to %v", info.Mode().Perm(), fs.FileMode(dirMode))
		}
		return nil
	}
	parent := filepath.Dir(dir)
	if !errors.Is(err, fs.ErrNotExist) || parent == dir {
		return err
	}
	if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.Open(parent) // a folder of the caller's
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// prepare makes the private folder and sweeps it.
func (s *Store) prepare() error {
	for i := range s.stripes {
		s.stripes[i].init(s, fmt.Sprintf("%02d", i))
	}
	s.floor.init(s, "floor")
	if err := s.makeFolders(lockDir); err != nil {
		return err
	}
	for i := range s.stripes {
		if err := s.stripes[i].sweep(); err != nil {
			return err
		}
	}
	if err := s.floor.sweep(); err != nil {
		return err
	}
	_, err := s.readFloor()
	return err
}

// Close ends all use of the store and lets its locks go.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed() {
		s.mu.Unlock()
		return nil
	}
	close(s.done)
	locks := s.locks
	s.locks = nil
	s.mu.Unlock()
	var errs []error
	for l := range locks {
		l.end(fs.ErrClosed)
	}
	for i := range s.stripes {
		errs = append(errs, s.stripes[i].close())
	}
	errs = append(errs, s.floor.close(), s.root.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("filekv: close %q: %w", s.dir, err)
	}
	return nil
}

func (s *Store) closed() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// usable is why nothing can be done.
func (s *Store) usable(ctx context.Context) error {
	if s.closed() {
		return fs.ErrClosed
	}
	return ctx.Err()
}

// pause waits, or returns why not.
func (s *Store) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.done:
	case <-ctx.Done():
	}
	return s.usable(ctx)
}
