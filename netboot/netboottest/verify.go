package netboottest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// Verify compares what b got with files. It returns an error that lists each
// file that came with other bytes, that is in files and was missing to the
// machine (a self-update file may be), or that came and is not in files. The
// machine's own directory is left out of the names.
func (b *Boot) Verify(files fs.FS) error {
	var errs []error
	for _, f := range b.Files {
		name, ours := b.inTree(f.Name)
		if err := f.verify(files, name, ours); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// inTree returns a file's name without the machine's own directory, and whether
// files of that name should be found: not in a directory that the machine
// looked for in vain.
func (b *Boot) inTree(asked string) (name string, ours bool) {
	prefix, name, found := strings.Cut(asked, "/")
	if !found || prefix == "overlays" {
		return asked, true
	}
	for _, f := range b.Files {
		if strings.HasPrefix(f.Name, prefix+"/") && (f.Outcome == Got || f.Outcome == Probed) {
			return name, true
		}
	}
	return name, false
}

func (f *File) verify(files fs.FS, name string, ours bool) error {
	data, err := fs.ReadFile(files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if f.Outcome == Got || f.Outcome == Probed {
			return fmt.Errorf("got %q, which is not there", f.Name)
		}
		return nil
	case err != nil:
		return err
	case f.Outcome == Missing && ours && !rpi.IsUpdate(name):
		return fmt.Errorf("%q is missing: %q", f.Name, f.Message)
	case f.Outcome == Got && sha256.Sum256(data) != f.SHA256:
		return fmt.Errorf("%q came with wrong bytes: %d of them, of %d", f.Name, f.Bytes, len(data))
	}
	return nil
}
