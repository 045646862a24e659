package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// DefaultMaxAge is how long a root of live mirrors is taken from the cache.
const DefaultMaxAge = 24 * time.Hour

// unusedAge is when a root that nobody asked for leaves the cache.
const unusedAge = 30 * 24 * time.Hour

// baseCache keeps finished roots as tar archives, by the hash of their specs and
// the backend: DIR/KEY.tar and DIR/KEY.json.
type baseCache struct{ dir string }

func baseCacheAt(base string) baseCache { return baseCache{filepath.Join(base, "roots")} }

func openBaseCache(base string) (baseCache, error) {
	c := baseCacheAt(base)
	return c, os.MkdirAll(c.dir, 0o700) // a root may hold what Files brought
}

func (c baseCache) tar(key string) string  { return filepath.Join(c.dir, key+".tar") }
func (c baseCache) json(key string) string { return filepath.Join(c.dir, key+".json") }

// find opens a root that is not too old.
func (c baseCache) find(key string, maxAge time.Duration) (*os.File, *nfsroot.Manifest, error) {
	text, err := os.ReadFile(c.json(key))
	if err != nil {
		return nil, nil, err
	}
	m, err := nfsroot.ReadManifest(bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	if maxAge > 0 && time.Since(m.Built) > maxAge {
		return nil, nil, fmt.Errorf("a root of %s is too old: %w", m.Built, fs.ErrNotExist)
	}
	f, err := os.Open(c.tar(key))
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	return f, m, errors.Join(os.Chtimes(c.json(key), now, now))
}

// drop forgets a root that turned out to be damaged.
func (c baseCache) drop(key string) error {
	return errors.Join(os.Remove(c.json(key)), os.Remove(c.tar(key)))
}

// entry is a root on its way into the cache.
type entry struct {
	cache baseCache
	file  *os.File
	sum   hash.Hash
}

func (c baseCache) create() (*entry, error) {
	f, err := os.CreateTemp(c.dir, "new-*.tar")
	if err != nil {
		return nil, err
	}
	return &entry{cache: c, file: f, sum: sha256.New()}, nil
}

func (e *entry) Write(b []byte) (int, error) {
	e.sum.Write(b)
	return e.file.Write(b)
}

func (e *entry) digest() string { return hex.EncodeToString(e.sum.Sum(nil)) }

// commit names the entry: the archive first, so that who finds the manifest
// finds the archive.
func (e *entry) commit(key string, m *nfsroot.Manifest) error {
	var text bytes.Buffer
	if _, err := m.WriteTo(&text); err != nil {
		return err
	}
	temp := e.file.Name() + ".json"
	if err := os.WriteFile(temp, text.Bytes(), 0o600); err != nil {
		return err
	}
	if err := os.Remove(e.cache.json(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(e.file.Name(), e.cache.tar(key)); err != nil {
		return err
	}
	if err := os.Rename(temp, e.cache.json(key)); err != nil {
		return err
	}
	return e.cache.expire()
}

// discard is for an entry that was not committed.
func (e *entry) discard() {
	e.file.Close()
	os.Remove(e.file.Name())
}

// expire removes what nobody asked for in a month, and what killed builds left.
func (c baseCache) expire() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, ierr := e.Info()
		if ierr != nil || time.Since(info.ModTime()) < unusedAge {
			continue
		}
		name := filepath.Join(c.dir, e.Name())
		if key, ok := strings.CutSuffix(name, ".tar"); ok && !olderThan(key+".json", unusedAge) {
			continue // in use by its manifest's time
		}
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// olderThan is true of a file that is not there.
func olderThan(name string, age time.Duration) bool {
	info, err := os.Stat(name)
	return err != nil || time.Since(info.ModTime()) > age
}

// copyChecked copies an archive and fails when it is not what it was when it was
// kept, so that a damaged cache is no root.
func copyChecked(ctx context.Context, r io.Reader, want string, use func(io.Reader) error) error {
	sum := sha256.New()
	tee := io.TeeReader(r, sum)
	if err := use(tee); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, tee); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("%w: a root in the cache", ErrHash)
	}
	return ctx.Err()
}
