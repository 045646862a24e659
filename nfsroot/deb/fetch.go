package deb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Fetch returns the path of a package's .deb below Dir, and its version. The
// name is as for [Source.Package]. A file that is there is taken if its hash is
// still the one in the signed lists, so that no network is needed; otherwise it
// is fetched. The file must not be changed, and stays until it is removed.
func (s *Source) Fetch(ctx context.Context, name string) (path, version string, err error) {
	a, err := s.open(ctx, s.maxAge())
	if err != nil {
		return "", "", err
	}
	p, err := a.find(ctx, name)
	if err != nil {
		return "", "", err
	}
	path, err = a.fetch(ctx, p)
	if err != nil {
		return "", "", fmt.Errorf("deb: fetch %s %s: %w", p.Name, p.Version, err)
	}
	return path, p.Version, nil
}

// fetch has a package at DIR/debs/SHA256/FILE.
func (a *apt) fetch(ctx context.Context, p Package) (string, error) {
	path := filepath.Join(a.dir, "debs", p.SHA256, p.file())
	sum, err := fileSum(path)
	if err == nil && sum == p.SHA256 {
		return path, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	temp, err := os.MkdirTemp(a.dir, "fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	if _, err := a.run(ctx, temp, "apt-get", "download", "-q", p.Name+"="+p.Version); err != nil {
		return "", err
	}
	fetched := filepath.Join(temp, p.file())
	if sum, err = fileSum(fetched); err != nil {
		return "", err
	}
	if sum != p.SHA256 {
		return "", fmt.Errorf("%s has SHA256 %s and not %s: %w", p.file(), sum, p.SHA256, ErrHash)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.Rename(fetched, path)
}

func fileSum(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
