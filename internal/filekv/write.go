package filekv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

// Put implements [kv.Store].
func (s *Store) Put(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
	rev, err := s.put(ctx, key, val, ifRev)
	return rev, kv.Wrap(ctx, "filekv", "put", key, err)
}

func (s *Store) put(ctx context.Context, key string, val []byte, ifRev int64) (rev int64, err error) {
	if err := kv.CheckKey(key); err != nil {
		return 0, err
	}
	if err := kv.CheckValue(val); err != nil {
		return 0, err
	}
	if err := s.fences(ctx); err != nil {
		return 0, err
	}
	p := s.stripe(key)
	if err := p.lock(ctx); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.unlock()) }()
	if err := s.fences(ctx); err != nil { // perhaps it took long
		return 0, err
	}
	file := fileName(key)
	old, err := s.revision(file)
	switch {
	case err != nil:
		return 0, err
	case ifRev >= 0 && old != ifRev:
		return 0, fmt.Errorf("revision %d was expected and %d found: %w", ifRev, old, fs.ErrExist)
	case val == nil && old == 0:
		return 0, nil
	case val == nil:
		return old + 1, s.remove(ctx, file, old+1)
	}
	if old == 0 {
		if old, err = s.readFloor(); err != nil {
			return 0, err
		}
	}
	return old + 1, s.replace(p, file, record(val, old+1))
}

// revision is that of the value in a file, 0 if there is none.
func (s *Store) revision(file string) (int64, error) {
	f, err := s.root.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	rev, err := readRevision(f)
	return rev, errors.Join(err, f.Close())
}

// at calls the hook of tests.
func (s *Store) at(step string) error {
	if s.step == nil {
		return nil
	}
	return s.step(step)
}

// replace gives a file new contents, at once and durably. The stripe is locked.
func (s *Store) replace(p *stripe, file string, data []byte) error {
	if err := s.at("make folders"); err != nil {
		return err
	}
	if err := s.makeFolders(path.Dir(file)); err != nil {
		return err
	}
	if err := s.writeTemp(p.temp, data); err != nil {
		return err
	}
	if err := s.at("rename"); err != nil {
		return err
	}
	if err := s.root.Rename(p.temp, file); err != nil {
		return err
	}
	return s.flush(path.Dir(file))
}

func (s *Store) writeTemp(temp string, data []byte) (err error) {
	if err := s.at("create temporary"); err != nil {
		return err
	}
	f, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	half := len(data) / 2
	for _, part := range [][]byte{data[:half], data[half:]} {
		if err := s.at("write"); err != nil {
			return err
		}
		if _, err := f.Write(part); err != nil {
			return err
		}
	}
	if err := s.at("flush file"); err != nil {
		return err
	}
	return f.Sync()
}

// remove deletes a file, once the floor is as high as its last revision.
func (s *Store) remove(ctx context.Context, file string, rev int64) error {
	if err := s.raiseFloor(ctx, rev); err != nil {
		return err
	}
	if err := s.at("remove"); err != nil {
		return err
	}
	if err := s.root.Remove(file); err != nil {
		return err
	}
	return s.flush(path.Dir(file))
}

// floorFile has the revision above which new keys begin.
const floorFile = private + "/floor"

func (s *Store) readFloor() (int64, error) {
	rev, err := s.revision(floorFile)
	if err != nil {
		err = fmt.Errorf("%s: %w", floorFile, err)
	}
	return rev, err
}

func (s *Store) raiseFloor(ctx context.Context, rev int64) (err error) {
	if err := s.floor.lock(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.floor.unlock()) }()
	floor, err := s.readFloor()
	if err != nil || floor >= rev {
		return err
	}
	return s.replace(&s.floor, floorFile, record(nil, rev))
}

// flush makes what was done in a folder durable.
func (s *Store) flush(folder string) error {
	if err := s.at("flush folder"); err != nil {
		return err
	}
	f, err := s.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// makeFolders makes a folder and those above it. The entry of each is flushed when this
// store sees it first, whoever made it.
func (s *Store) makeFolders(folder string) error {
	if folder == "." || s.isDurable(folder) {
		return nil
	}
	parent := path.Dir(folder)
	if err := s.makeFolders(parent); err != nil {
		return err
	}
	if err := s.root.Mkdir(folder, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := s.flush(parent); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.durable[folder] = true
	return nil
}

func (s *Store) isDurable(folder string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.durable[folder]
}
