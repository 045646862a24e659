package netboot

import (
	"io/fs"
	"path"
	"strings"
	"time"
)

// TextFS returns a file system of generated files, by slash-separated name:
// the layer of an [Overlay] that config.txt and cmdline.txt are in. files is
// copied. A name that [fs.ValidPath] does not accept can never be opened.
func TextFS(files map[string]string) fs.FS {
	t := textFS{files: make(map[string]string, len(files)), dirs: map[string][]fs.DirEntry{".": nil}}
	for name, text := range files {
		if !fs.ValidPath(name) || name == "." {
			continue
		}
		t.files[name] = text
		t.link(path.Dir(name), textInfo{name: path.Base(name), size: int64(len(text))})
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := t.dirs[dir]; !ok {
				t.dirs[dir] = nil
			}
		}
	}
	for dir := range t.dirs {
		if dir != "." {
			t.link(path.Dir(dir), dirInfo(path.Base(dir)))
		}
	}
	for _, entries := range t.dirs {
		sortEntries(entries)
	}
	return t
}

type textFS struct {
	files map[string]string
	dirs  map[string][]fs.DirEntry
}

func (t textFS) link(dir string, fi fs.FileInfo) {
	t.dirs[dir] = append(t.dirs[dir], fs.FileInfoToDirEntry(fi))
}

// Open opens a generated file, or a directory that one is in.
func (t textFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if text, ok := t.files[name]; ok {
		return &textFile{strings.NewReader(text), textInfo{path.Base(name), int64(len(text))}}, nil
	}
	if entries, ok := t.dirs[name]; ok {
		return &openDir{info: dirInfo(path.Base(name)), entries: entries}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

type textFile struct {
	*strings.Reader
	info textInfo
}

func (f *textFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *textFile) Close() error               { return nil }

// textInfo describes a generated file. It has no modification time: the text
// alone says whether it changed.
type textInfo struct {
	name string
	size int64
}

func (i textInfo) Name() string       { return i.name }
func (i textInfo) Size() int64        { return i.size }
func (i textInfo) Mode() fs.FileMode  { return 0o444 }
func (i textInfo) ModTime() time.Time { return time.Time{} }
func (i textInfo) IsDir() bool        { return false }
func (i textInfo) Sys() any           { return nil }
