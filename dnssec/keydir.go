package dnssec

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// KeyDir is a folder of key files as BIND's dnssec-keygen writes them:
// K<zone>+<algorithm>+<tag>.key and .private.
type KeyDir struct {
	// Path is the folder, which must exist.
	Path string
}

// maxKeyFile is more than any key's file has.
const maxKeyFile = 64 << 10

// Save writes both files, of mode 0600, each whole or not at all and on the disk
// before it returns; the private one first. It writes again a key that is there, and
// refuses another key of the same tag with an error that wraps [fs.ErrExist].
func (d KeyDir) Save(k *Key) error {
	old, err := d.read(k.base())
	switch {
	case err == nil && !bytes.Equal(old.public, k.public):
		return fmt.Errorf("dnssec: save %v: another key has these files: %w", k, fs.ErrExist)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("dnssec: save %v over one that cannot be read: %w", k, err)
	}
	if err != nil && !d.own(k) {
		return fmt.Errorf("dnssec: save %v: a private file of another key is there, without the public one: %w", k, fs.ErrExist)
	}
	private, err := k.MarshalPrivate()
	if err != nil {
		return err
	}
	if err := d.write(k.base()+".private", private); err != nil {
		return fmt.Errorf("dnssec: save %v: %w", k, err)
	}
	if err := d.write(k.base()+".key", k.MarshalPublic()); err != nil {
		return fmt.Errorf("dnssec: save %v: %w", k, err)
	}
	return nil
}

// own says whether a private file without the public one is that of k, or there is
// none.
func (d KeyDir) own(k *Key) bool {
	private, err := readSmall(filepath.Join(d.Path, k.base()+".private"), true)
	if err == nil {
		_, err = ParseKey(k.MarshalPublic(), private)
	}
	return err == nil || errors.Is(err, fs.ErrNotExist)
}

// write puts a file in place by a rename, and syncs it and the folder.
func (d KeyDir) write(name string, data []byte) (err error) {
	f, err := os.CreateTemp(d.Path, ".new-*") // of mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(d.Path, name)); err != nil {
		return err
	}
	return d.sync()
}

func (d KeyDir) sync() error {
	dir, err := os.Open(d.Path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Load reads a key. A missing one is an error that wraps [fs.ErrNotExist].
func (d KeyDir) Load(zone Name, alg Algorithm, tag uint16) (*Key, error) {
	base := fmt.Sprintf("K%s+%03d+%05d", fileName(zone), alg, tag)
	k, err := d.read(base)
	if err != nil {
		return nil, fmt.Errorf("dnssec: load %s: %w", base, err)
	}
	return k, nil
}

// List reads all keys of a zone, in the order of their files' names. One that cannot
// be read is an error, not one key less: who signs with too few makes the zone bogus.
func (d KeyDir) List(zone Name) ([]*Key, error) {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return nil, fmt.Errorf("dnssec: list keys: %w", err)
	}
	var keys []*Key
	for _, e := range entries {
		base, ok := strings.CutSuffix(e.Name(), ".key")
		if !ok || !strings.HasPrefix(base, "K"+fileName(zone)+"+") {
			continue
		}
		k, err := d.read(base)
		if err != nil {
			return nil, fmt.Errorf("dnssec: list keys of %q: %s: %w", zone, base, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// Remove removes both files; the public one first, so that half a removal leaves no
// key for [KeyDir.List]. Files that are gone already are no error.
func (d KeyDir) Remove(k *Key) error {
	for _, end := range []string{".key", ".private"} {
		if err := os.Remove(filepath.Join(d.Path, k.base()+end)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("dnssec: remove %v: %w", k, err)
		}
	}
	if err := d.sync(); err != nil {
		return fmt.Errorf("dnssec: remove %v: %w", k, err)
	}
	return nil
}

// read reads the files of a key, and refuses them if they are not named as it is.
func (d KeyDir) read(base string) (*Key, error) {
	public, err := readSmall(filepath.Join(d.Path, base+".key"), false)
	if err != nil {
		return nil, err
	}
	private, err := readSmall(filepath.Join(d.Path, base+".private"), true)
	if err != nil {
		return nil, err
	}
	k, err := ParseKey(public, private)
	if err != nil {
		return nil, err
	}
	if k.base() != base {
		return nil, fmt.Errorf("the key in it is %v", k)
	}
	return k, nil
}

// readSmall reads a file that is no longer than a key's. A secret one must be its
// owner's only.
func readSmall(path string, secret bool) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("is not a key's file")}
	}
	if secret && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf(
			"mode %#o lets others than the owner at it: chmod 0600", info.Mode().Perm())}
	}
	return os.ReadFile(path)
}

// CheckTags refuses two keys of one tag, as they are or revoked.
func CheckTags(keys []*Key) error {
	for i, k := range keys {
		if o := k.clash(keys[:i]); o != nil {
			return fmt.Errorf("dnssec: %v and %v have one tag, now or when revoked: replace one of them", o, k)
		}
	}
	return nil
}
