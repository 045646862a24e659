package poe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FileStore is a [Store] in a folder of a local file system, for all processes
// of one machine. Each key is a file, replaced in one step and written to the
// disk before Put returns; locks are flock(2) on files beside them. The folder
// is made when first written to, for its owner only.
type FileStore struct {
	Dir string // required
}

var _ Store = (*FileStore)(nil)

const (
	entrySuffix = ".entry"
	lockSuffix  = ".lock"
	maxFileName = 240 // of 255, less the suffixes
)

// Get implements [Store].
func (s *FileStore) Get(ctx context.Context, key string) (val []byte, rev int64, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	name, err := s.file(key, entrySuffix)
	if err != nil {
		return nil, 0, err
	}
	return readEntry(name)
}

// An entry is its revision in decimal, a newline, and the value.
func readEntry(name string) (val []byte, rev int64, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, 0, fmt.Errorf("poe: %w", err)
	}
	head, val, ok := bytes.Cut(data, []byte("\n"))
	rev, err = strconv.ParseInt(string(head), 10, 64)
	if !ok || err != nil || rev < 1 {
		return nil, 0, fmt.Errorf("poe: %s is damaged: look at the port that it names, then remove the file", name)
	}
	return val, rev, nil
}

// Put implements [Store].
func (s *FileStore) Put(ctx context.Context, key string, val []byte, ifRev int64) (rev int64, err error) {
	name, err := s.file(key, entrySuffix)
	if err != nil {
		return 0, err
	}
	_, unlock, err := s.Lock(ctx, "") // of the folder
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	_, have, err := readEntry(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && ifRev >= 0 {
		return 0, err
	}
	if ifRev >= 0 && have != ifRev {
		return 0, lostRace(key, ifRev, have)
	}
	// The time makes revisions grow over a removal too.
	rev = max(have+1, time.Now().UnixNano())
	if val == nil {
		err = os.Remove(name)
		if errors.Is(err, fs.ErrNotExist) {
			return rev, nil
		}
	} else {
		err = replace(name, append(append(strconv.AppendInt(nil, rev, 10), '\n'), val...))
	}
	if err == nil {
		err = syncDir(s.Dir)
	}
	if err != nil {
		return 0, fmt.Errorf("poe: put %q: %w", key, err)
	}
	return rev, nil
}

// replace writes a file beside, and moves it into place once it is on the disk.
// The folder's lock is held, so nobody else uses the name beside.
func replace(name string, data []byte) error {
	beside := name + ".new"
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(beside, name)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// List implements [Store]. A damaged entry does not hide those after it: its
// error comes at the end.
func (s *FileStore) List(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64) error) error {
	files, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("poe: %w", err)
	}
	var keys []string
	for _, f := range files {
		escaped, ok := strings.CutSuffix(f.Name(), entrySuffix)
		key, err := url.PathUnescape(escaped)
		if ok && err == nil && strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var damaged error
	for _, key := range keys {
		val, rev, err := s.Get(ctx, key)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist): // removed since
		case err != nil:
			damaged = errors.Join(damaged, err)
		default:
			if err := fn(key, val, rev); err != nil {
				return err
			}
		}
	}
	return damaged
}

// Lock implements [Store].
func (s *FileStore) Lock(ctx context.Context, name string) (held context.Context, unlock func() error, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	file, err := s.file(name, lockSuffix)
	if err != nil {
		return nil, nil, err
	}
	if err := s.makeDir(); err != nil {
		return nil, nil, fmt.Errorf("poe: %w", err)
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("poe: lock %q: %w", name, err)
	}
	if err := flock(ctx, f); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("poe: lock %q: %w", name, err)
	}
	return ctx, func() error {
		if err := f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			return err
		}
		return nil
	}, nil
}

func (s *FileStore) makeDir() error {
	if _, err := os.Stat(s.Dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(s.Dir))
}

// file is where a key is kept. Escaping leaves no separator, and the suffix no
// name that means another folder.
func (s *FileStore) file(key, suffix string) (string, error) {
	if s.Dir == "" {
		return "", errors.New("poe: FileStore.Dir is empty")
	}
	name := url.PathEscape(key)
	if len(name) > maxFileName {
		return "", fmt.Errorf("poe: key %.40q… is too long for the name of a file: %w", key, fs.ErrInvalid)
	}
	return filepath.Join(s.Dir, name+suffix), nil
}
