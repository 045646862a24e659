package main

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/acme"
)

// ensureKey reads a key, or makes one and puts it on disk: whole, for its owner alone,
// and never in the place of another.
func ensureKey(path string, t acme.KeyType) (crypto.Signer, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if key, err = acme.NewKey(t); err != nil {
		return nil, err
	}
	text, err := acme.MarshalKey(key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	temporary, err := writeTemporary(path, text)
	if err != nil {
		return nil, err
	}
	err = os.Link(temporary, path)
	if rerr := os.Remove(temporary); rerr != nil && err == nil {
		err = rerr
	}
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return readKey(path)
	}
	if err != nil {
		return nil, err
	}
	return key, syncFolder(path)
}

func readKey(path string) (crypto.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key %s can be read by others: chmod 600 it, or replace it if it was", path)
	}
	key, err := acme.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	return key, nil
}

// writeTemporary writes a file beside another, for its owner alone and on disk.
func writeTemporary(path string, text []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // of mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// replaceFile writes a file anew: after a crash it is the old one or the new one.
func replaceFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary, err := writeTemporary(path, text)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return syncFolder(path)
}

// syncFolder puts on disk which files the folder of a file has.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
