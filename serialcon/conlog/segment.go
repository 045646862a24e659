package conlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	plainExt = ".log"
	zstdExt  = ".log.zst"
	tmpExt   = ".tmp"
	seqLen   = 10
	maxSeq   = 9_999_999_999
)

// A segment is one file of a log; the order of seq is the order of the bytes.
type segment struct {
	seq  int64
	zstd bool
	size int64 // on disk
	last time.Time
}

func plainName(seq int64) string { return fmt.Sprintf("%0*d%s", seqLen, seq, plainExt) }

func zstdName(seq int64) string { return fmt.Sprintf("%0*d%s", seqLen, seq, zstdExt) }

func (s segment) name() string {
	if s.zstd {
		return zstdName(s.seq)
	}
	return plainName(s.seq)
}

// parseName reads a segment's name.
func parseName(name string) (s segment, ok bool) {
	if len(name) < seqLen {
		return s, false
	}
	switch name[seqLen:] {
	case plainExt:
	case zstdExt:
		s.zstd = true
	default:
		return s, false
	}
	s.seq, ok = wideDigits([]byte(name[:seqLen]))
	return s, ok
}

// list returns the segments in order. A segment that is there twice, because
// a crash came between its compression and its removal, counts once; doubled
// are the plain files that are to go.
func list(dir string) (segments []segment, doubled []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		s, ok := parseName(e.Name())
		if !ok || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		s.size, s.last = info.Size(), info.ModTime()
		segments = append(segments, s)
	}
	slices.SortFunc(segments, func(a, b segment) int { return strings.Compare(a.name(), b.name()) })
	out := segments[:0]
	for _, s := range segments {
		if n := len(out); n > 0 && out[n-1].seq == s.seq {
			doubled = append(doubled, out[n-1].name())
			out[n-1] = s
			continue
		}
		out = append(out, s)
	}
	return out, doubled, nil
}

// open opens the segment for reading, compressed meanwhile or not.
func (s segment) open(dir string) (*os.File, segment, error) {
	f, err := os.OpenFile(filepath.Join(dir, s.name()), os.O_RDONLY|noFollow, 0)
	if errors.Is(err, fs.ErrNotExist) && !s.zstd {
		s.zstd = true
		f, err = os.OpenFile(filepath.Join(dir, s.name()), os.O_RDONLY|noFollow, 0)
	}
	return f, s, err
}
