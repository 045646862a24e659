package netboot

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Overlay returns a file system that has each file of the first of layers that
// has its name: generated files before a machine's own before firmware that all
// machines share. Directories are merged. A nil layer, and one that has nothing
// of that name, is passed over; any other error of a layer ends the search, so
// that a machine never gets a lower layer's file because a disk failed.
func Overlay(layers ...fs.FS) fs.FS {
	kept := make(overlay, 0, len(layers))
	for _, l := range layers {
		if l != nil {
			kept = append(kept, l)
		}
	}
	return kept
}

type overlay []fs.FS

var _ fs.ReadDirFS = overlay(nil)

// Open opens name in the first layer that has it.
func (o overlay) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	for _, layer := range o {
		f, fi, err := openChecked(layer, name)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !fi.IsDir() {
			return f, nil
		}
		f.Close()
		entries, err := o.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &openDir{info: fi, entries: entries}, nil
	}
	if name == "." { // an overlay of nothing is still a directory
		return &openDir{info: dirInfo(".")}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadDir returns the entries of the directory in all layers, sorted by name;
// the first layer that has a name wins.
func (o overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	var merged []fs.DirEntry
	seen := make(map[string]bool)
	found := name == "."
	for _, layer := range o {
		entries, err := fs.ReadDir(layer, name)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = true
		for _, e := range entries {
			if !seen[e.Name()] {
				seen[e.Name()] = true
				merged = append(merged, e)
			}
		}
	}
	if !found {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	sortEntries(merged)
	return merged, nil
}

// openChecked opens name and returns what it opened. Where fsys can tell what
// name is without opening it, a pipe or a device is not opened at all: that
// could wait for ever or do whatever the device does.
func openChecked(fsys fs.FS, name string) (fs.File, fs.FileInfo, error) {
	if s, ok := fsys.(fs.StatFS); ok {
		fi, err := s.Stat(name)
		if err != nil {
			return nil, nil, err
		}
		if !fi.Mode().IsRegular() && !fi.IsDir() {
			return nil, nil, &fs.PathError{Op: "open", Path: name, Err: errIrregular}
		}
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, nil, err
	}
	fi, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, fi, nil
}

// errIrregular is a missing file that no lower layer may stand in for.
var errIrregular = errors.New("not a regular file")

func sortEntries(entries []fs.DirEntry) {
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
}

// openDir is an open directory whose entries are known.
type openDir struct {
	info    fs.FileInfo
	entries []fs.DirEntry
}

var _ fs.ReadDirFile = (*openDir)(nil)

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.Name(), Err: errors.New("is a directory")}
}

// ReadDir returns the next entries, as [fs.ReadDirFile] says.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.entries) {
		n = len(d.entries)
	}
	out := slices.Clone(d.entries[:n])
	d.entries = d.entries[n:]
	return out, nil
}

// dirInfo describes a directory that is only implied: it is its base name.
type dirInfo string

func (d dirInfo) Name() string       { return string(d) }
func (d dirInfo) Size() int64        { return 0 }
func (d dirInfo) Mode() fs.FileMode  { return fs.ModeDir | 0o555 }
func (d dirInfo) ModTime() time.Time { return time.Time{} }
func (d dirInfo) IsDir() bool        { return true }
func (d dirInfo) Sys() any           { return nil }
