package hook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// stateLife is how long an order takes at most. What is older is of one that failed.
const stateLife = time.Hour

// progress is what the calls of an order have added so far.
type progress struct {
	Remaining int       `json:"remaining"` // after the last call
	Time      time.Time `json:"time"`      // of the last call
	Records   []record  `json:"records"`
}

// remember adds a record to those of an order. When none remain it forgets them, and
// returns those of the calls before.
func (h *Hook) remember(order string, remaining int, r record) ([]record, error) {
	sum := sha256.Sum256([]byte(order))
	path := filepath.Join(h.State, "certbot-"+hex.EncodeToString(sum[:])+".json")
	p, err := readProgress(path)
	if err != nil {
		return nil, err
	}
	if p.Remaining != remaining+1 || time.Since(p.Time) > stateLife {
		p.Records = nil // of another order of these names
	}
	if remaining == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return p.Records, nil
	}
	p = progress{Remaining: remaining, Time: time.Now(), Records: append(p.Records, r)}
	return nil, writeProgress(path, p)
}

// readProgress takes a file that is missing, or that no program wrote whole, for none.
func readProgress(path string) (progress, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return progress{}, nil
	}
	if err != nil {
		return progress{}, err
	}
	var p progress
	if json.Unmarshal(text, &p) != nil || slices.ContainsFunc(p.Records, record.bad) {
		p = progress{}
	}
	return p, nil
}

// bad says that no call has written the record.
func (r record) bad() bool {
	checked, err := newRecord(r.Name, r.Value)
	return err != nil || checked != r
}

func writeProgress(path string, p progress) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "certbot-*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
