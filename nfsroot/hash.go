package nfsroot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// hashed is what the hash is over. Its version changes when the same spec is
// built differently by a newer release of this package.
type hashed struct {
	Version int
	Spec    Spec
	Files   []hashedFile
}

type hashedFile struct {
	Name   string
	Mode   fs.FileMode
	Link   string `json:",omitempty"`
	SHA256 string `json:",omitempty"`
}

const hashVersion = 1

// Hash is a name for the spec: 64 hexadecimal digits that depend on every field
// and on the names, modes and contents of Files, which it reads.
func (s Spec) Hash() (string, error) {
	if err := s.Validate(); err != nil {
		return "", err
	}
	files, err := hashFiles(s.Files)
	if err != nil {
		return "", fmt.Errorf("nfsroot: hash of the files of a spec: %w", err)
	}
	h := hashed{Version: hashVersion, Spec: s, Files: files}
	h.Spec.Files = nil
	h.Spec.Mirrors = s.Archives()
	h.Spec.Snapshot = s.Snapshot.UTC()
	h.Spec.SourceDate = s.SourceDate.UTC()
	text, err := json.Marshal(h)
	if err != nil {
		return "", fmt.Errorf("nfsroot: hash of a spec: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func hashFiles(files fs.FS) ([]hashedFile, error) {
	if files == nil {
		return nil, nil
	}
	var list []hashedFile
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		f, err := hashFile(files, name, d)
		list = append(list, f)
		return err
	})
	return list, err
}

func hashFile(files fs.FS, name string, d fs.DirEntry) (hashedFile, error) {
	info, err := d.Info()
	if err != nil {
		return hashedFile{}, err
	}
	f := hashedFile{Name: name, Mode: info.Mode()}
	switch info.Mode().Type() {
	case fs.ModeDir:
	case fs.ModeSymlink:
		f.Link, err = fs.ReadLink(files, name)
	case 0:
		f.SHA256, err = hashContent(files, name)
	default:
		err = &fs.PathError{Op: "hash", Path: name, Err: errors.New("neither a file, a folder nor a symbolic link")}
	}
	return f, err
}

func hashContent(files fs.FS, name string) (string, error) {
	r, err := files.Open(name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
