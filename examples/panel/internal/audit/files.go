package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/atomicfile"
)

// files keeps the lines in files of a folder, each named for its first line. The last is
// appended to. Its head is what openFiles found.
type files struct {
	dir    string
	size   int64
	unlock func() error
	head   Head
	last   time.Time

	current *os.File
	written int64
	// sync flushes a file. Tests have it fail.
	sync func(*os.File) error
}

const (
	headFile = "head.json"
	suffix   = ".jsonl"
)

func name(first uint64) string { return fmt.Sprintf("audit-%020d%s", first, suffix) }

func openFiles(dir string, size int64) (_ *files, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f := &files{dir: dir, size: size, sync: (*os.File).Sync}
	if f.unlock, err = atomicfile.Lock(filepath.Join(dir, "lock")); err != nil {
		return nil, err
	}
	if err := f.recover(); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// recover reads the last file, cuts off what was not finished, and makes it current.
func (f *files) recover() error {
	known, err := f.knownHead()
	if err != nil {
		return err
	}
	names, err := f.names()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		if known.Number > 0 {
			return fmt.Errorf("there are no entries, and there were %d: %w", known.Number, ErrDamaged)
		}
		return f.begin(1)
	}
	latest := filepath.Join(f.dir, names[len(names)-1])
	data, err := os.ReadFile(latest)
	if err != nil {
		return err
	}
	kept := whole(data)
	if len(kept) == 0 && len(names) > 1 {
		// The machine stopped between the making of this file and its first line.
		if err := os.Remove(latest); err != nil {
			return err
		}
		return f.recover()
	}
	chain := checker{known: known}
	if err := chain.add(kept); err != nil {
		return err
	}
	if err := chain.covers(); err != nil {
		return err
	}
	if chain.head.Number > known.Number+1 {
		return fmt.Errorf("the log ends with entry %d, and had %d: %w", chain.head.Number, known.Number, ErrDamaged)
	}
	f.head, f.last = chain.head, chain.last
	return f.resume(latest, int64(len(kept)))
}

func (f *files) resume(latest string, size int64) (err error) {
	if f.current, err = os.OpenFile(latest, os.O_WRONLY|os.O_APPEND, 0); err != nil {
		return err
	}
	f.written = size
	if err := f.current.Truncate(size); err != nil {
		return err
	}
	return f.current.Sync()
}

func (f *files) begin(first uint64) (err error) {
	latest := filepath.Join(f.dir, name(first))
	if f.current, err = os.OpenFile(latest, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return err
	}
	f.written = 0
	return atomicfile.SyncDir(f.dir)
}

// knownHead is the head that was kept beside the log. It is written after each line, so
// that it may be one line behind, and never ahead.
func (f *files) knownHead() (h Head, err error) {
	data, err := os.ReadFile(filepath.Join(f.dir, headFile))
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &h)
	}
	if err != nil {
		return h, fmt.Errorf("read %s: %w: %w", headFile, ErrDamaged, err)
	}
	return h, nil
}

// names are those of the files, by their first lines.
func (f *files) names() ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "audit-") && strings.HasSuffix(e.Name(), suffix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

func (f *files) append(text []byte, head Head) error {
	if f.written > 0 && f.written+int64(len(text)) > f.size {
		if err := f.current.Close(); err != nil {
			return err
		}
		if err := f.begin(head.Number); err != nil {
			return err
		}
	}
	if _, err := f.current.Write(text); err != nil {
		return err
	}
	if err := f.sync(f.current); err != nil {
		return err
	}
	f.written += int64(len(text))
	data, err := json.Marshal(head)
	if err != nil {
		return err
	}
	return atomicfile.Replace(filepath.Join(f.dir, headFile), data)
}

func (f *files) chunks(ctx context.Context, latestFirst bool, fn func([]byte) error) error {
	names, err := f.names()
	if err != nil {
		return err
	}
	if latestFirst {
		slices.Reverse(names)
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		data, err := os.ReadFile(filepath.Join(f.dir, name))
		if err != nil {
			return err
		}
		if err := fn(whole(data)); err != nil {
			return err
		}
	}
	return nil
}

func (f *files) close() error {
	var err error
	if f.current != nil {
		err = f.current.Close()
	}
	return errors.Join(err, f.unlock())
}

// backward calls fn for each line, the last first, until it returns false.
func backward(data []byte, fn func(text []byte) bool) {
	for data = bytes.TrimSuffix(data, []byte("\n")); len(data) > 0; {
		i := bytes.LastIndexByte(data, '\n')
		if !fn(data[i+1:]) {
			return
		}
		data = data[:max(i, 0)]
	}
}
