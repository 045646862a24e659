package conlog

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// tidy removes what a crash left of a compression.
func tidy(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), tmpExt); ok {
			if _, ours := parseName(name); ours {
				if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
					return nil, err
				}
			}
		}
	}
	segments, doubled, err := list(dir)
	for _, name := range doubled {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	return segments, err
}

// mend ends a record that a crash cut off. What the port said stays; only what
// is no record, or a part of an event, is cut off. It returns how many bytes
// that were, and whether there was anything to do.
func mend(path string) (cut int64, mended bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|noFollow, 0)
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	tail, start, err := tornTail(f)
	if err != nil || len(tail) == 0 {
		return 0, false, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, false, err
	}
	r, ok := parse(tail)
	if !ok || r.kind == kindEvent || r.kind == kindClock {
		if err := f.Truncate(start); err != nil {
			return 0, false, err
		}
		return size - start, true, f.Sync()
	}
	// First that the line goes on, then its end: a crash in between leaves a
	// tail that is mended again.
	if _, err := f.WriteAt([]byte{kindPart}, start+int64(stampLen)); err != nil {
		return 0, false, err
	}
	if _, err := f.WriteAt([]byte{'\n'}, start+int64(len(tail))); err != nil {
		return 0, false, err
	}
	return 0, true, f.Sync()
}

// maxTail bounds what is looked at for the start of a torn record.
const maxTail = 1 << 20

// tornTail returns what stands behind the last line feed, and where. A tail that
// is longer than any record is given as a byte that begins none.
func tornTail(f *os.File) (tail []byte, start int64, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, err
	}
	start = size
	buf := make([]byte, 64<<10)
	for start > 0 {
		n := min(start, int64(len(buf)))
		if _, err := f.ReadAt(buf[:n], start-n); err != nil {
			return nil, 0, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			start += int64(i) + 1 - n
			break
		}
		start -= n
	}
	if size-start > maxTail {
		return []byte{0}, start, nil
	}
	tail = make([]byte, size-start)
	_, err = f.ReadAt(tail, start)
	return tail, start, err
}
