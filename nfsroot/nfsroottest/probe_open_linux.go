package nfsroottest

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

func openFileProbes() []probe {
	return []probe{
		{name: "unlinked-open", ask: unlinkedOpen},
		{name: "rename-open", ask: renameOpen},
		{name: "rename-over-open", ask: renameOverOpen},
		{name: "rename-directory-open", ask: renameDirectoryOpen},
		{name: "open-read-and-write", ask: seesWrites},
	}
}

// readAll reads an open file from its start.
func readAll(f *os.File, text string) error {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	return errors.Join(err, same("contents of the open file", string(b), text))
}

// opened makes a file that holds "one" and is open.
func opened(path string) (*os.File, error) {
	if err := write(path, "one"); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR, 0)
}

func unlinkedOpen(p place) error {
	f, err := opened(p.path("f"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.Remove(p.path("f")); err != nil {
		return err
	}
	_, gone := stat(p.path("f"))
	_, errWrite := f.WriteAt([]byte("two"), 3)
	return errors.Join(want(gone, unix.ENOENT), errWrite, f.Sync(), readAll(f, "onetwo"))
}

func renameOpen(p place) error {
	f, err := opened(p.path("f"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.Rename(p.path("f"), p.path("g")); err != nil {
		return err
	}
	_, errWrite := f.WriteAt([]byte("two"), 3)
	return errors.Join(errWrite, f.Sync(), readAll(f, "onetwo"), contains(p.path("g"), "onetwo"))
}

func renameOverOpen(p place) error {
	f, err := opened(p.path("f"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := errors.Join(write(p.path("g"), "new"), os.Rename(p.path("g"), p.path("f"))); err != nil {
		return err
	}
	return errors.Join(readAll(f, "one"), contains(p.path("f"), "new"))
}

func renameDirectoryOpen(p place) error {
	if err := os.MkdirAll(p.path("d/e"), 0o755); err != nil {
		return err
	}
	f, err := opened(p.path("d/e/f"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.Rename(p.path("d"), p.path("moved")); err != nil {
		return err
	}
	_, errWrite := f.WriteAt([]byte("two"), 3)
	return errors.Join(errWrite, f.Sync(), readAll(f, "onetwo"), contains(p.path("moved/e/f"), "onetwo"))
}

func seesWrites(p place) error {
	f, err := opened(p.path("f"))
	if err != nil {
		return err
	}
	defer f.Close()
	g, err := os.OpenFile(p.path("f"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, errWrite := g.WriteAt([]byte("ONE"), 0)
	return errors.Join(errWrite, readAll(f, "ONE"), g.Close())
}
