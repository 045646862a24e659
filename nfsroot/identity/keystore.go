package identity

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

// KeyStore keeps the host keys of many machines in files of one directory,
// outside of their roots, so that a root that is built anew has the keys of the
// one before. It is safe for several processes at once.
type KeyStore struct {
	Dir string // made, of mode 0700, when it is not there
}

const keySuffix = ".key"

// Get returns the keys of a machine, by its host name. The first time it
// generates them, and has them on disk before it returns. A file that others
// can read is an error, as its key may be known.
func (s KeyStore) Get(name string) (*HostKeys, error) {
	if why := hostnameFault(name); why != "" {
		return nil, fmt.Errorf("identity: Name: %q %s", name, why)
	}
	dir, err := s.open()
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	keys, err := load(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(dir, name); err == nil {
			keys, err = load(dir, name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("identity: host keys of %s: %w", name, err)
	}
	return keys, nil
}

// Remove forgets the keys of a machine. It is no error if there are none.
func (s KeyStore) Remove(name string) error {
	if why := hostnameFault(name); why != "" {
		return fmt.Errorf("identity: Name: %q %s", name, why)
	}
	dir, err := s.open()
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := remove(dir, name+keySuffix); err != nil {
		return fmt.Errorf("identity: remove the host keys of %s: %w", name, err)
	}
	return nil
}

func (s KeyStore) open() (*os.Root, error) {
	if s.Dir == "" {
		return nil, errors.New("identity: KeyStore.Dir is empty")
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("identity: key store: %w", err)
	}
	dir, err := os.OpenRoot(s.Dir)
	if err != nil {
		return nil, fmt.Errorf("identity: key store: %w", err)
	}
	return dir, nil
}

func load(dir *os.Root, name string) (*HostKeys, error) {
	fi, err := dir.Lstat(name + keySuffix)
	if err != nil {
		return nil, err
	}
	if fi.Mode().IsRegular() && fi.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o: others can read it", name+keySuffix, fi.Mode().Perm())
	}
	text, err := tree.ReadFile(dir, name+keySuffix, 1<<16)
	if err != nil {
		return nil, err
	}
	return ParseHostKeys(text)
}

// create writes new keys, unless another process was faster: a link is made
// only where there is none, so nobody's keys are replaced.
func create(dir *os.Root, name string) error {
	keys, err := GenerateHostKeys(shortName(name))
	if err != nil {
		return err
	}
	temp := tree.TempName(name)
	f, err := dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(keys.pem)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = dir.Link(temp, name+keySuffix)
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, dir.Remove(temp), syncDir(dir))
}

func syncDir(dir *os.Root) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
