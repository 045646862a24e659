package filekv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

// Get implements [kv.Store].
func (s *Store) Get(ctx context.Context, key string) ([]byte, int64, error) {
	val, rev, err := s.get(ctx, key)
	return val, rev, kv.Wrap(ctx, "filekv", "get", key, err)
}

func (s *Store) get(ctx context.Context, key string) ([]byte, int64, error) {
	if err := kv.CheckKey(key); err != nil {
		return nil, 0, err
	}
	if err := s.usable(ctx); err != nil {
		return nil, 0, err
	}
	return s.read(fileName(key))
}

// read returns the value in a file, never nil.
func (s *Store) read(file string) ([]byte, int64, error) {
	data, err := s.root.ReadFile(file)
	if err != nil {
		return nil, 0, err
	}
	val, rev, err := parseRecord(data)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", file, err)
	}
	return val, rev, nil
}

// List implements [kv.Store]. It needs memory for the keys, not for the values.
func (s *Store) List(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64) error) error {
	var keys []string
	err := s.walk(ctx, "", ".", prefix, visitor{file: func(key, _ string) error {
		keys = append(keys, key)
		return nil
	}})
	if err != nil {
		return kv.Wrap(ctx, "filekv", "list", prefix, err)
	}
	slices.Sort(keys)
	for _, key := range keys {
		val, rev, err := s.get(ctx, key)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return kv.Wrap(ctx, "filekv", "list", prefix, err)
		}
		if err := fn(key, val, rev); err != nil {
			return err
		}
	}
	return nil
}

// visitor is told of the folders, before what is in them, and of the files of a walk.
type visitor struct {
	folder func(path, prefix string) error // nil: is not told
	file   func(key, path string) error
}

// walk visits the files below a folder, whose keys begin with base, that can have keys
// with the prefix. What vanishes meanwhile is left out.
func (s *Store) walk(ctx context.Context, base, folder, prefix string, v visitor) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	if v.folder != nil {
		if err := v.folder(folder, base); err != nil {
			return err
		}
	}
	entries, err := s.entries(folder)
	if err != nil {
		return err
	}
	for name, isDir := range entries {
		if err := s.visit(ctx, base, path.Join(folder, name), isDir, prefix, v); err != nil {
			return err
		}
	}
	return nil
}

// visit is walk for one name in a folder whose keys begin with base.
func (s *Store) visit(ctx context.Context, base, file string, isDir bool, prefix string, v visitor) error {
	name := path.Base(file)
	if strings.HasPrefix(name, ".") {
		return nil
	}
	if isDir {
		below, ok := folderPrefix(base, name)
		if !ok || strings.HasSuffix(name, suffix) || !related(below, prefix) {
			return nil
		}
		return s.walk(ctx, below, file, prefix, v)
	}
	if key, ok := keyOf(base, file, name); ok && strings.HasPrefix(key, prefix) {
		return v.file(key, file)
	}
	return nil
}

// entries are the names in a folder, and whether each is a folder. On some filesystems
// a name that is replaced while the folder is read can be passed over, so it is read
// again if it has changed.
func (s *Store) entries(folder string) (map[string]bool, error) {
	all := make(map[string]bool)
	for range 3 {
		changed, err := s.readEntries(folder, all)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil || !changed {
			return all, err
		}
	}
	return all, nil
}

func (s *Store) readEntries(folder string, all map[string]bool) (changed bool, err error) {
	f, err := s.root.Open(folder)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	before, err := f.Stat()
	if err != nil {
		return false, err
	}
	entries, err := f.ReadDir(-1)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.IsDir() || e.Type().IsRegular() {
			all[e.Name()] = e.IsDir()
		}
	}
	after, err := f.Stat()
	return err == nil && !after.ModTime().Equal(before.ModTime()), err
}

// sameFile reports whether a file was not replaced: each value is a new file.
func sameFile(a, b os.FileInfo) bool {
	return a != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
