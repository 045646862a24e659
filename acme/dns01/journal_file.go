package dns01

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// FileJournal is a [Journal] in a file of one machine. Each change replaces the whole
// file, flushed before and after, so that a crash leaves the old one or the new one.
type FileJournal struct {
	path string
	lock *os.File

	mu      sync.Mutex // guards what is below, and the file
	records map[entry]struct{}
	closed  bool
}

// entry is a record in the file.
type entry struct {
	Zone  string `json:"zone"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

type journalFile struct {
	Records []entry `json:"records"`
}

var _ Journal = (*FileJournal)(nil)

// ErrJournalInUse is wrapped by the error of [OpenJournal] for a journal that another
// process has open: its records are not ours to delete.
var ErrJournalInUse = errors.New("another process uses the journal")

// OpenJournal opens a journal, which need not be there yet, for this process alone.
// The folder must be there, and on a local filesystem. Beside the file there are one
// with .lock at the end of its name, and for moments one with .new.
func OpenJournal(path string) (*FileJournal, error) {
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("dns01: open the journal: %w", err)
	}
	if err := flock(lock); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("dns01: lock the journal %q: %w", path, err)
	}
	j := &FileJournal{path: path, lock: lock, records: make(map[entry]struct{})}
	if err := j.load(); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("dns01: read the journal %q: %w", path, err)
	}
	return j, nil
}

func (j *FileJournal) load() error {
	data, err := os.ReadFile(j.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	var file journalFile
	if err := json.Unmarshal(data, &file); err != nil {
		return fmt.Errorf("%w: delete the file if TXT records below _acme-challenge need not be cleaned up", err)
	}
	for _, e := range file.Records {
		j.records[e] = struct{}{}
	}
	return nil
}

// Add writes the records to the file.
func (j *FileJournal) Add(_ context.Context, records ...TXT) error {
	return j.change(func(have map[entry]struct{}) {
		for _, r := range records {
			have[entry{r.Zone, r.Name, r.Value}] = struct{}{}
		}
	})
}

// Remove removes the records from the file.
func (j *FileJournal) Remove(_ context.Context, records ...TXT) error {
	return j.change(func(have map[entry]struct{}) {
		for _, r := range records {
			delete(have, entry{r.Zone, r.Name, r.Value})
		}
	})
}

// List are the records in the file, in the order of their zones, names and values.
func (j *FileJournal) List(context.Context) ([]TXT, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, fmt.Errorf("dns01: journal %q: %w", j.path, fs.ErrClosed)
	}
	var records []TXT
	for _, e := range sorted(j.records) {
		records = append(records, TXT{Zone: e.Zone, Name: e.Name, Value: e.Value})
	}
	return records, nil
}

// Close lets other processes open the journal. It is idempotent.
func (j *FileJournal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	return j.lock.Close()
}

func (j *FileJournal) change(edit func(map[entry]struct{})) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return fmt.Errorf("dns01: journal %q: %w", j.path, fs.ErrClosed)
	}
	next := maps.Clone(j.records)
	edit(next)
	if maps.Equal(next, j.records) {
		return nil
	}
	if err := j.write(next); err != nil {
		return fmt.Errorf("dns01: write the journal %q: %w", j.path, err)
	}
	j.records = next
	return nil
}

func (j *FileJournal) write(records map[entry]struct{}) error {
	data, err := json.MarshalIndent(journalFile{Records: sorted(records)}, "", "  ")
	if err != nil {
		return err
	}
	temporary := j.path + ".new"
	if err := writeSynced(temporary, append(data, '\n')); err != nil {
		return err
	}
	if err := os.Rename(temporary, j.path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(j.path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}

func sorted(records map[entry]struct{}) []entry {
	return slices.SortedFunc(maps.Keys(records), func(a, b entry) int {
		return strings.Compare(a.Zone+" "+a.Name+" "+a.Value, b.Zone+" "+b.Name+" "+b.Value)
	})
}
