package kmod

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/ulikunitz/xz"
)

// MaxSize bounds a module, compressed or not, in bytes. The largest that Debian
// ships has about 30 MiB.
const MaxSize = 128 << 20

// ErrTooLarge is of a module that is larger than [MaxSize], or whose .modinfo is
// larger than any kernel's.
var ErrTooLarge = errors.New("too large for a kernel module")

// readFile reads a file that must not be larger than limit.
func readFile(files fs.FS, name string, limit int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, limit)
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, ErrTooLarge
	}
	return b, nil
}

// compressed reports whether the file must be read as a whole.
func compressed(name string) bool { return path.Ext(name) != ".ko" }

// decompress returns the ELF file in b, by the ending of its name. Plain files
// come back as they are.
func decompress(name string, b []byte) ([]byte, error) {
	switch path.Ext(name) {
	case ".xz":
		return unxz(b)
	case ".gz":
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return readAll(r, MaxSize)
	case ".zst":
		return nil, fmt.Errorf("compressed by zstd, which Debian's kernels are not: %w", errors.ErrUnsupported)
	}
	return b, nil
}

func unxz(b []byte) ([]byte, error) {
	if dict := xzDictionary(b); dict > maxDictionary {
		return nil, fmt.Errorf("xz dictionary of %d bytes: %w", dict, ErrTooLarge)
	}
	r, err := xz.ReaderConfig{SingleStream: true}.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return readAll(r, MaxSize)
}

// maxDictionary bounds the memory of an xz decoder. Kernels are built with
// dictionaries of at most 2 MiB, which is all that the kernel itself takes.
const maxDictionary = 64 << 20

// xzDictionary is the size of the dictionary that the first block asks for, which
// the decoder sets aside at once; zero if there is none. Modules have one block.
// See the xz file format 1.2, sections 3.1 and 5.3.1.
func xzDictionary(b []byte) uint64 {
	const streamHeader, hasCompressedSize, hasSize, filters, lzma2 = 12, 0x40, 0x80, 0x03, 0x21
	if len(b) < streamHeader+2 {
		return 0
	}
	flags, rest := b[streamHeader+1], b[streamHeader+2:]
	for _, flag := range []byte{hasCompressedSize, hasSize} {
		if flags&flag != 0 {
			_, rest = xzInteger(rest)
		}
	}
	for range flags&filters + 1 {
		var id, length uint64
		id, rest = xzInteger(rest)
		length, rest = xzInteger(rest)
		if length >= uint64(len(rest)) {
			return 0
		}
		if id == lzma2 && length == 1 {
			bits := rest[0] & 0x3f
			return (2 | uint64(bits&1)) << (bits/2 + 11)
		}
		rest = rest[length:]
	}
	return 0
}

// xzInteger cuts a variable-length integer, which is encoded as in
// [binary.Uvarint].
func xzInteger(b []byte) (uint64, []byte) {
	v, n := binary.Uvarint(b)
	return v, b[max(n, 0):]
}
