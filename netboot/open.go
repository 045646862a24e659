package netboot

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

const (
	maxName     = 512      // bytes in the name of a file that is asked for
	maxInMemory = 64 << 20 // bytes of a file that can only be read from its start
)

// ErrUpdateRefused is the error of [Machine.Open] for a file that a Pi would
// flash into itself. It is also [fs.ErrNotExist], because a missing update is
// what a Pi takes in its stride.
var ErrUpdateRefused error = updateRefused{}

type updateRefused struct{}

func (updateRefused) Error() string        { return "firmware update refused: AllowUpdate is not set" }
func (updateRefused) Is(target error) bool { return target == fs.ErrNotExist }

// Open opens a file of the machine's view by the name that its firmware asks
// for. It is the one way in for file servers, whose names come from anybody:
//
//   - backslashes are slashes, and leading slashes mean nothing;
//   - a name that is empty, is longer than 512 bytes, or holds "..", a NUL or
//     bytes that are not UTF-8 does not exist;
//   - only a regular file exists: no directory, device or pipe;
//   - a file that a Pi would flash (see [rpi.IsUpdate]) is [ErrUpdateRefused],
//     unless AllowUpdate is set.
//
// When there is no such file, it is looked for without the first directory of
// the name, if that is one of m.Prefixes or looks like a Pi's serial number
// (eight hexadecimal digits) or a MAC address (dashes between bytes). Whose it
// is does not matter, as the view is the machine's own. A Pi that probes for
// SERIAL/start.elf to learn whether it has a directory thus always finds it,
// and asks for everything else there too.
//
// What is not there is [fs.ErrNotExist]. No error has a path of this machine in
// it.
func (m *Machine) Open(name string) (*File, error) {
	f, err := m.open(name)
	if err != nil {
		return nil, fmt.Errorf("netboot: open %.80q: %w", name, err)
	}
	return f, nil
}

func (m *Machine) open(asked string) (*File, error) {
	name, err := cleanName(asked)
	if err != nil {
		return nil, err
	}
	if m.Files == nil {
		return nil, fs.ErrNotExist
	}
	if rpi.IsUpdate(name) && !m.AllowUpdate {
		return nil, ErrUpdateRefused
	}
	f, err := openFile(m.Files, name)
	for _, prefix := range m.Prefixes {
		if rest, ok := strings.CutPrefix(name, strings.Trim(prefix, "/")+"/"); ok && isMissing(err) {
			f, err = openFile(m.Files, rest)
		}
	}
	if first, rest, ok := strings.Cut(name, "/"); ok && isMissing(err) && isOwnDirectory(first) {
		f, err = openFile(m.Files, rest)
	}
	switch {
	case err == nil:
		return f, nil
	case isMissing(err):
		return nil, fs.ErrNotExist
	case errors.Is(err, errIrregular):
		return nil, fmt.Errorf("%w: %w", errIrregular, fs.ErrNotExist)
	}
	return nil, withoutPath(err)
}

func cleanName(name string) (string, error) {
	refuse := func(why string) (string, error) { return "", fmt.Errorf("%s: %w", why, fs.ErrNotExist) }
	if len(name) > maxName {
		return refuse("name is too long")
	}
	name = strings.TrimLeft(strings.ReplaceAll(name, `\`, "/"), "/")
	if name == "" {
		return refuse("name is empty")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return refuse(`name has ".." in it`)
		}
	}
	name = path.Clean(name)
	if strings.ContainsRune(name, 0) || !fs.ValidPath(name) {
		return refuse("name is not valid")
	}
	return name, nil
}

// isOwnDirectory reports whether dir is what Pi firmware calls its own
// directory: 5564247d or b8-27-eb-64-24-7d.
func isOwnDirectory(dir string) bool {
	if len(dir) == 17 {
		for i := 2; i < len(dir); i += 3 {
			if dir[i] != '-' {
				return false
			}
		}
		dir = strings.ReplaceAll(dir, "-", "")
		return len(dir) == 12 && isHex(dir)
	}
	return len(dir) == 8 && isHex(dir)
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// isMissing reports whether err says that there is nothing of that name, in
// any of the ways that a file system says so.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) ||
		errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, syscall.ELOOP) || errors.Is(err, fs.ErrInvalid)
}

func openFile(fsys fs.FS, name string) (*File, error) {
	f, fi, err := openChecked(fsys, name)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		f.Close()
		return nil, errIrregular
	}
	file := &File{name: name, size: fi.Size(), modTime: fi.ModTime(), version: version(fi), data: f}
	if r, ok := f.(io.ReaderAt); ok {
		file.r = r
		return file, nil
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, maxInMemory+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxInMemory {
		return nil, fmt.Errorf("file can only be read from its start and is larger than %d bytes", maxInMemory)
	}
	file.data, file.r, file.size = nil, bytes.NewReader(body), int64(len(body))
	return file, nil
}

// File is an open file of a machine's view. Its methods may be called from many
// goroutines.
type File struct {
	name    string
	size    int64
	modTime time.Time
	version string
	r       io.ReaderAt
	data    io.Closer // nil when the file is in memory
}

// Name returns the file's name in the machine's view, without the directory
// that firmware put before it.
func (f *File) Name() string { return f.name }

// Size returns the file's length in bytes when it was opened: what a transfer
// is announced to have.
func (f *File) Size() int64 { return f.size }

// ModTime returns when the file was last changed, zero when that is not known.
func (f *File) ModTime() time.Time { return f.modTime }

// ReadAt reads as [io.ReaderAt] says, never past Size. A file that became
// shorter since it was opened is [io.ErrUnexpectedEOF].
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("netboot: read before the start of a file")
	}
	if off >= f.size {
		return 0, io.EOF
	}
	atEnd := int64(len(p)) >= f.size-off
	if atEnd {
		p = p[:f.size-off]
	}
	n, err := f.r.ReadAt(p, off)
	switch {
	case n == len(p) && atEnd:
		return n, io.EOF
	case n == len(p):
		return n, nil
	case err == nil || errors.Is(err, io.EOF):
		return n, fmt.Errorf("netboot: %q became shorter while it was read: %w", f.name, io.ErrUnexpectedEOF)
	}
	return n, fmt.Errorf("netboot: read %q: %w", f.name, withoutPath(err))
}

// ETag returns a strong entity tag (RFC 9110 section 8.8.3) with its quotes. A
// file whose modification time is not known is read whole for it; "" means
// that failed.
func (f *File) ETag() string {
	if !f.modTime.IsZero() {
		return fmt.Sprintf(`"%x-%x%s"`, f.size, f.modTime.UnixNano(), f.version)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, f.size)); err != nil {
		return ""
	}
	return fmt.Sprintf(`"%x"`, sum.Sum(nil)[:16])
}

// Close releases the file. It is idempotent.
func (f *File) Close() error {
	if f.data == nil {
		return nil
	}
	if err := f.data.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("netboot: close %q: %w", f.name, withoutPath(err))
	}
	return nil
}
