package dnssec

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// KeyFiles is a [KeyStore] of the files of [KeyDir], which BIND's and Knot's programs
// read as well.
type KeyFiles struct {
	// Path is the folder, which must exist.
	Path string
	// Folders puts the keys of each zone into a folder of its own under Path, made
	// with its first key. Without it, each look at a zone reads the names of all
	// zones' files.
	Folders bool
}

// dir is where the keys of a zone are.
func (f KeyFiles) dir(zone Name) KeyDir {
	if f.Folders {
		return KeyDir{Path: filepath.Join(f.Path, "K"+fileName(zone))}
	}
	return KeyDir{Path: f.Path}
}

// Generate makes a key of a tag that no other key of the zone has, in the folder or in
// o.Others, and writes its files.
func (f KeyFiles) Generate(ctx context.Context, zone Name, o KeyOptions) (*Key, error) {
	dir := f.dir(zone)
	if f.Folders {
		if err := makeFolder(dir.Path); err != nil {
			return nil, fmt.Errorf("dnssec: a folder for keys of %q: %w", zone, err)
		}
	}
	have, err := f.List(ctx, zone)
	if err != nil {
		return nil, err
	}
	o.Others = append(have, o.Others...)
	k, err := GenerateKey(zone.String(), o)
	if err != nil {
		return nil, err
	}
	return k, dir.Save(k)
}

// makeFolder makes a folder that survives a crash.
func makeFolder(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	return KeyDir{Path: filepath.Dir(path)}.sync()
}

// List reads all keys of a zone.
func (f KeyFiles) List(ctx context.Context, zone Name) ([]*Key, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dnssec: list keys of %q: %w", zone, err)
	}
	keys, err := f.dir(zone).List(zone)
	if f.Folders && errors.Is(err, fs.ErrNotExist) {
		if _, missing := os.Stat(f.Path); missing == nil {
			return keys, f.none(zone)
		}
	}
	return keys, err
}

// none is an error if a zone's folder is there.
func (f KeyFiles) none(zone Name) error {
	_, err := os.Stat(f.dir(zone).Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("dnssec: list keys of %q: a file of a key is missing: %w", zone, errors.Join(err, fs.ErrNotExist))
}

// Save writes the files of a key again.
func (f KeyFiles) Save(_ context.Context, k *Key) error { return f.dir(k.zone).Save(k) }

// Remove removes the files of a key.
func (f KeyFiles) Remove(_ context.Context, k *Key) error { return f.dir(k.zone).Remove(k) }
