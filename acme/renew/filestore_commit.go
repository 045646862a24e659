package renew

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// Commit implements [Store]. It refuses a key that is not the certificate's.
func (s *FileStore) Commit(ctx context.Context, name string, b *Bundle) error {
	err := s.commit(ctx, name, b)
	if err != nil {
		return fmt.Errorf("renew: store %q: %w", name, err)
	}
	return nil
}

func (s *FileStore) commit(ctx context.Context, name string, b *Bundle) error {
	if _, err := b.TLS(); err != nil {
		return err
	}
	dir, err := s.make(name)
	if err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	all, err := versions(dir)
	if err != nil {
		return err
	}
	number := 1
	if len(all) > 0 {
		last, err := strconv.Atoi(all[len(all)-1])
		if err != nil {
			return err
		}
		number = last + 1
	}
	if number == 1 { // who made the folder may have been killed before it was on disk
		if err := s.sync(s.Dir); err != nil {
			return err
		}
	}
	version := fmt.Sprintf("%012d", number)
	if err := s.write(dir, version, b); err != nil {
		return err
	}
	if err := s.flip(dir, version); err != nil {
		if now, _ := os.Readlink(filepath.Join(dir, current)); now != version {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, version)))
		}
		return err
	}
	return s.prune(dir, version)
}

// write makes a folder with the files, on disk before it has its name.
func (s *FileStore) write(dir, version string, b *Bundle) error {
	cert, chain, err := b.split()
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, ".new")
	if err := s.removeAll(tmp); err != nil { // of a process that was killed
		return err
	}
	if err := s.mkdir(tmp); err != nil {
		return err
	}
	files := []struct {
		name string
		text []byte
	}{{keyFile, b.KeyPEM}, {certFile, cert}, {chainFile, chain}, {fullFile, b.ChainPEM}}
	for _, f := range files {
		if err := s.create(filepath.Join(tmp, f.name), f.text); err != nil {
			return errors.Join(err, os.RemoveAll(tmp))
		}
	}
	if err := s.sync(tmp); err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	if err := s.rename(tmp, filepath.Join(dir, version)); err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	return nil
}

// flip makes a version the current one. The last rename is the moment of the change.
func (s *FileStore) flip(dir, version string) error {
	for _, file := range []string{keyFile, certFile, chainFile, fullFile} {
		if err := s.link(dir, file, filepath.Join(current, file)); err != nil {
			return err
		}
	}
	tmp := filepath.Join(dir, ".current")
	if err := s.removeAll(tmp); err != nil {
		return err
	}
	if err := s.do("symlink "+tmp, func() error { return os.Symlink(version, tmp) }); err != nil {
		return err
	}
	if err := s.sync(dir); err != nil {
		return err
	}
	if err := s.rename(tmp, filepath.Join(dir, current)); err != nil {
		return err
	}
	return s.sync(dir)
}

// prune removes old versions but the last few, and what failed before.
func (s *FileStore) prune(dir, version string) error {
	all, err := versions(dir)
	if err != nil {
		return err
	}
	for i, v := range all {
		if v != version && i < len(all)-1-or(max(s.Keep, 0), 2) {
			if err := s.removeAll(filepath.Join(dir, v)); err != nil {
				return err
			}
		}
	}
	return nil
}

// link makes a link if it is missing.
func (s *FileStore) link(dir, name, target string) error {
	path := filepath.Join(dir, name)
	if now, err := os.Readlink(path); err == nil && now == target {
		return nil
	}
	tmp := filepath.Join(dir, ".link")
	if err := s.removeAll(tmp); err != nil {
		return err
	}
	if err := s.do("symlink "+tmp, func() error { return os.Symlink(target, tmp) }); err != nil {
		return err
	}
	return s.rename(tmp, path)
}

// replace writes a file anew.
func (s *FileStore) replace(dir, name string, text []byte) error {
	tmp := filepath.Join(dir, "."+name)
	if err := s.removeAll(tmp); err != nil {
		return err
	}
	if err := s.create(tmp, text); err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	if err := s.rename(tmp, filepath.Join(dir, name)); err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	return s.sync(dir)
}

// create writes a new file that others can not read at any time, and syncs it.
func (s *FileStore) create(path string, text []byte) error {
	return s.do("write "+path, func() error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(text)
		if s.GroupReadable && err == nil {
			err = f.Chmod(0o640)
		}
		if err == nil {
			err = f.Sync()
		}
		return errors.Join(err, f.Close())
	})
}

func (s *FileStore) mkdir(path string) error {
	if _, err := os.Stat(path); err == nil {
		return fs.ErrExist
	}
	return s.do("mkdir "+path, func() error {
		if err := os.Mkdir(path, 0o700); err != nil || !s.GroupReadable {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.Chmod(path, info.Mode()&fs.ModeSetgid|0o750)
	})
}

func (s *FileStore) rename(from, to string) error {
	return s.do("rename "+from, func() error { return os.Rename(from, to) })
}

func (s *FileStore) removeAll(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.do("remove "+path, func() error { return os.RemoveAll(path) })
}

func (s *FileStore) sync(dir string) error {
	return s.do("sync "+dir, func() error {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

// do makes one change on disk.
func (s *FileStore) do(what string, change func() error) error {
	if s.step != nil {
		if err := s.step(what); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return change()
}
