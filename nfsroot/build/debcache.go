package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// debCache keeps packages by their content, DIR/SHA256/NAME, and package lists.
// Each build works in folders of its own, filled with links to what is kept, so
// that builds can run beside one another.
type debCache struct{ dir string }

// sourceKey names what comes from the same archives with the same keys for the
// same architecture: apt takes a package that is there for what it looks like by
// name and size, so that others must not be.
func (r *run) sourceKey() string {
	text := fmt.Sprintf("%q %q", r.spec.Arch, r.spec.Archives())
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

func openDebCache(base, key string) (debCache, error) {
	c := debCache{dir: filepath.Join(base, "packages", key)}
	return c, errors.Join(os.MkdirAll(c.debs(), 0o755), os.MkdirAll(c.lists(), 0o755))
}

func (c debCache) debs() string  { return filepath.Join(c.dir, "debs") }
func (c debCache) lists() string { return filepath.Join(c.dir, "lists") }

// fill links the packages into a build's folder, and the lists into another. A
// package that is no longer what it was, as after a crash, is dropped.
func (c debCache) fill(archives, lists string) error {
	sums, err := os.ReadDir(c.debs())
	if err != nil {
		return err
	}
	for _, sum := range sums {
		err = errors.Join(err, c.linkDeb(sum.Name(), archives))
	}
	kept, lerr := os.ReadDir(c.lists())
	err = errors.Join(err, lerr)
	for _, l := range kept {
		err = errors.Join(err, linkOrCopy(filepath.Join(c.lists(), l.Name()), filepath.Join(lists, l.Name())))
	}
	return err
}

func (c debCache) linkDeb(sum, archives string) error {
	dir := filepath.Join(c.debs(), sum)
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(files) == 1 {
		file := filepath.Join(dir, files[0].Name())
		if is, err := fileSum(file); err == nil && is == sum {
			return linkOrCopy(file, filepath.Join(archives, files[0].Name()))
		}
	}
	return os.RemoveAll(dir)
}

// keep takes what a build fetched, and returns the hash of each package by its
// file's name.
func (c debCache) keep(archives, lists string) (map[string]string, error) {
	sums := map[string]string{}
	files, err := filepath.Glob(filepath.Join(archives, "*.deb"))
	for _, f := range files {
		sum, serr := fileSum(f)
		if serr != nil {
			err = errors.Join(err, serr)
			continue
		}
		sums[filepath.Base(f)] = sum
		err = errors.Join(err, c.keepDeb(f, sum))
	}
	entries, lerr := os.ReadDir(lists)
	err = errors.Join(err, lerr)
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != "lock" {
			err = errors.Join(err, replace(filepath.Join(lists, e.Name()), filepath.Join(c.lists(), e.Name())))
		}
	}
	return sums, err
}

// expire drops the packages that no build used in a month.
func (c debCache) expire(used []nfsroot.Package) error {
	now := time.Now()
	for _, p := range used {
		if p.SHA256 != "" {
			if err := os.Chtimes(filepath.Join(c.debs(), p.SHA256), now, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	dirs, err := os.ReadDir(c.debs())
	for _, d := range dirs {
		if dir := filepath.Join(c.debs(), d.Name()); olderThan(dir, unusedAge) {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return err
}

func (c debCache) keepDeb(file, sum string) error {
	dir := filepath.Join(c.debs(), sum)
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	temp, err := os.MkdirTemp(c.dir, "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := linkOrCopy(file, filepath.Join(temp, filepath.Base(file))); err != nil {
		return err
	}
	if err := os.Rename(temp, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// replace puts a link to a file in a name's place.
func replace(from, to string) error {
	temp := to + ".new"
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	if err := linkOrCopy(from, temp); err != nil {
		return err
	}
	return os.Rename(temp, to)
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

// linkOrCopy makes to another name of from, or a copy on another file system.
func linkOrCopy(from, to string) error {
	if err := os.Link(from, to); err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// debNames are the names that apt and debootstrap give to a package's file.
func debNames(p nfsroot.Package) []string {
	names := []string{
		p.Name + "_" + strings.ReplaceAll(p.Version, ":", "%3a") + "_" + p.Arch + ".deb",
		p.Name + "_" + url.QueryEscape(p.Version) + "_" + p.Arch + ".deb",
	}
	return slices.Compact(names)
}
