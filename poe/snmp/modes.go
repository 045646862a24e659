package snmp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Modes remembers how ports gave power before they were switched off: static and
// limit of cpeExtPsePortEnable on Cisco's, which RFC 3621's "true" would turn
// into auto, and enableLegacyDevice on Foundry's. Keys are a switch's address and
// a row, as "192.0.2.1 3.29".
type Modes interface {
	// Load returns fs.ErrNotExist for a key that nothing was saved under.
	Load(key string) (mode int, err error)
	Save(key string, mode int) error
}

func (s *Switch) modeKey(p *port) string { return s.cfg.Addr + " " + p.row.String() }

// remember keeps the mode of a port that is to be switched off.
func (s *Switch) remember(ctx context.Context, p *port) error {
	v, err := s.client.Get(ctx, s.layout.mode.Append(p.row...))
	if err != nil {
		return fmt.Errorf("port %q, row %s: how it gives power: %w", p.name, p.row, err)
	}
	mode := int(number(v[0]))
	s.mu.Lock()
	s.modes[p.row.String()] = mode
	s.mu.Unlock()
	if s.cfg.Modes == nil {
		return nil
	}
	if err := s.cfg.Modes.Save(s.modeKey(p), mode); err != nil {
		return fmt.Errorf("port %q, row %s: remember how it gives power: %w", p.name, p.row, err)
	}
	return nil
}

// recall returns the mode of a port before it was switched off, and 0 where
// nobody knows.
func (s *Switch) recall(p *port) (int, error) {
	s.mu.Lock()
	mode, known := s.modes[p.row.String()]
	s.mu.Unlock()
	if known || s.cfg.Modes == nil {
		return mode, nil
	}
	mode, err := s.cfg.Modes.Load(s.modeKey(p))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("port %q, row %s: recall how it gave power: %w", p.name, p.row, err)
	}
	return mode, nil
}

// FileModes keeps modes in a JSON file, which is replaced as a whole. One process
// at a time may use a file.
type FileModes struct {
	Path string

	mu sync.Mutex // one change at a time
}

var _ Modes = (*FileModes)(nil)

// Load returns a mode that was saved.
func (f *FileModes) Load(key string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	modes, err := f.read()
	if err != nil {
		return 0, err
	}
	mode, ok := modes[key]
	if !ok {
		return 0, fmt.Errorf("snmp: %s: %q: %w", f.Path, key, fs.ErrNotExist)
	}
	return mode, nil
}

// Save keeps a mode, on the disk when it returns.
func (f *FileModes) Save(key string, mode int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	modes, err := f.read()
	if err != nil {
		return err
	}
	if have, ok := modes[key]; ok && have == mode {
		return nil
	}
	modes[key] = mode
	b, err := json.MarshalIndent(modes, "", "\t")
	if err != nil {
		return fmt.Errorf("snmp: %s: %w", f.Path, err)
	}
	return replaceFile(f.Path, slices.Concat(b, []byte("\n")))
}

func (f *FileModes) read() (map[string]int, error) {
	modes := map[string]int{}
	b, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return modes, nil
	}
	if err != nil {
		return nil, fmt.Errorf("snmp: modes: %w", err)
	}
	if err := json.Unmarshal(b, &modes); err != nil {
		return nil, fmt.Errorf("snmp: %s holds no modes: %w", f.Path, err)
	}
	return modes, nil
}

// replaceFile writes a file so that there is the old one or the new one.
func replaceFile(path string, b []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("snmp: modes: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("snmp: modes: %w", err), os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(b)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
