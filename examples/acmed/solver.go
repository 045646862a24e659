package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// solver answers challenges by the settings in force. Orders that are on their way
// when those change end with the ones that they began with.
type solver struct {
	dir string // of journals
	log *slog.Logger

	mu       sync.Mutex // guards all below
	now      *dns01.Solver
	journals []*dns01.FileJournal
}

// maxJournals is how many processes and generations of settings can have one.
const maxJournals = 100

// set takes settings.
func (s *solver) set(d *DNSSettings) error {
	next, err := d.solver(s.log)
	if err != nil {
		return err
	}
	journal, err := openJournal(s.dir)
	if err != nil {
		return err
	}
	next.Journal = journal
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.journals = next, append(s.journals, journal)
	return nil
}

// Present answers a challenge.
func (s *solver) Present(ctx context.Context, ch acme.Challenge) (acme.Presented, error) {
	return s.current().Present(ctx, ch)
}

func (s *solver) current() *dns01.Solver {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// close lets other processes have the journals.
func (s *solver) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, j := range s.journals {
		errs = append(errs, j.Close())
	}
	return errors.Join(errs...)
}

// recover deletes the records that processes left behind which are no more.
func (s *solver) recover(ctx context.Context, d *DNSSettings) error {
	errs := []error{s.current().Recover(ctx)}
	for i := range maxJournals {
		path := journalPath(s.dir, i)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		errs = append(errs, s.recoverOne(ctx, d, path))
	}
	return errors.Join(errs...)
}

func (s *solver) recoverOne(ctx context.Context, d *DNSSettings, path string) error {
	journal, err := dns01.OpenJournal(path)
	if errors.Is(err, dns01.ErrJournalInUse) {
		return nil
	}
	if err != nil {
		return err
	}
	of, err := d.solver(s.log)
	if err == nil {
		of.Journal = journal
		err = of.Recover(ctx)
	}
	return errors.Join(err, journal.Close())
}

// openJournal opens the first that no one uses. What another process left in it is
// deleted by the solver that gets it.
func openJournal(dir string) (*dns01.FileJournal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal of TXT records: %w", err)
	}
	for i := range maxJournals {
		journal, err := dns01.OpenJournal(journalPath(dir, i))
		if errors.Is(err, dns01.ErrJournalInUse) {
			continue
		}
		return journal, err
	}
	return nil, fmt.Errorf("all %d journals in %s are in use", maxJournals, dir)
}

func journalPath(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("%02d.json", i)) }
