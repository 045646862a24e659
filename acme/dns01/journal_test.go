package dns01_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

func open(t *testing.T, path string) *dns01.FileJournal {
	t.Helper()
	j, err := dns01.OpenJournal(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func journalled(t *testing.T, d *acmetest.DNS, path string) (*dns01.Solver, *dns01.FileJournal) {
	t.Helper()
	s, j := quick(d), open(t, path)
	s.Journal = j
	return s, j
}

// R4: what a crash between Present and CleanUp left behind goes at the next start,
// and nothing else does.
func TestOrphansGoAtTheNextStart(t *testing.T) {
	const name = "_acme-challenge.example.com."
	for what, start := range map[string]func(s *dns01.Solver) error{
		"by the first Present": func(s *dns01.Solver) error {
			p, err := s.Present(t.Context(), challenge("www.example.com", "new"))
			if err != nil {
				return err
			}
			return p.CleanUp(t.Context())
		},
		"by Recover": func(s *dns01.Solver) error { return s.Recover(t.Context()) },
	} {
		t.Run(what, func(t *testing.T) {
			d, path := acmetest.NewDNS(t, acmetest.DNSOptions{}), filepath.Join(t.TempDir(), "journal")
			require.NoError(t, d.AddTXT(t.Context(), dns01.TXT{Name: name, Value: "another's"}))
			crashes, j := journalled(t, d, path)
			present(t, crashes, challenge("example.com", "orphan"))
			present(t, crashes, challenge("example.com", "orphan-2"))
			require.NoError(t, present(t, crashes, challenge("example.com", "cleaned")).CleanUp(t.Context()))
			require.Len(t, d.TXT(name), 3)
			require.NoError(t, j.Close()) // as the end of a process does

			s, next := journalled(t, d, path)
			require.NoError(t, start(s))
			require.Equal(t, []string{"another's"}, d.TXT(name))
			left, err := next.List(t.Context())
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// Records in use are no orphans, and what cannot be deleted is tried again.
func TestRecover(t *testing.T) {
	d, path := acmetest.NewDNS(t, acmetest.DNSOptions{}), filepath.Join(t.TempDir(), "journal")
	s, j := journalled(t, d, path)
	used := present(t, s, challenge("example.com", "used"))
	stuck := present(t, s, challenge("example.com", "stuck"))
	down := errors.New("503")
	d.FailWrites(func(string, dns01.TXT) error { return down })
	require.ErrorIs(t, stuck.CleanUp(t.Context()), down)
	require.ErrorIs(t, s.Recover(t.Context()), down)
	d.FailWrites(nil)
	require.NoError(t, s.Recover(t.Context()))
	require.Equal(t, []string{"used"}, d.TXT("_acme-challenge.example.com."))
	require.NoError(t, used.CleanUp(t.Context()))
	left, err := j.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, left)
}

// What cannot be put on file is not added.
func TestNothingIsAddedWithoutTheJournal(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	s, j := journalled(t, d, filepath.Join(t.TempDir(), "journal"))
	present(t, s, challenge("example.com", "v"))
	require.NoError(t, j.Close())
	_, err := s.Present(t.Context(), challenge("www.example.com", "v"))
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorContains(t, err, "write the journal, without which nothing is added")
	require.Empty(t, d.TXT("_acme-challenge.www.example.com."))
}

func TestJournalIsForOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := open(t, path)
	_, err := dns01.OpenJournal(path)
	require.ErrorIs(t, err, dns01.ErrJournalInUse)
	require.NoError(t, j.Close())
	require.NoError(t, j.Close())
	open(t, path)
	_, err = dns01.OpenJournal(filepath.Join(t.TempDir(), "no", "folder"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestJournalKeepsWhatItHas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := open(t, path)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			r := dns01.TXT{Zone: "example.com.", Name: "_acme-challenge.example.com.", Value: fmt.Sprintf("%02d", i)}
			if err := j.Add(context.Background(), r, r); err != nil {
				t.Error(err)
			}
			if i%2 == 0 {
				if err := j.Remove(context.Background(), r, dns01.TXT{Value: "unknown"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, j.Close())
	_, err := j.List(t.Context())
	require.ErrorIs(t, err, fs.ErrClosed)
	have, err := open(t, path).List(t.Context())
	require.NoError(t, err)
	require.Len(t, have, 25)
	require.Equal(t, dns01.TXT{Zone: "example.com.", Name: "_acme-challenge.example.com.", Value: "01"}, have[0])
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
}

// A file that is cut off, as by another program, is not taken for an empty one; what
// a crash left of a new file is.
func TestDamagedJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	require.NoError(t, os.WriteFile(path, []byte(`{"records": [{"zo`), 0o600))
	_, err := dns01.OpenJournal(path)
	require.ErrorContains(t, err, "delete the file if")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.WriteFile(path+".new", []byte(`{"rec`), 0o600))
	j := open(t, path)
	require.NoError(t, j.Add(t.Context(), dns01.TXT{Name: "a.", Value: "v"}))
	have, err := j.List(t.Context())
	require.NoError(t, err)
	require.Len(t, have, 1)
	require.NoError(t, os.Mkdir(path+".new", 0o700))
	require.ErrorContains(t, j.Add(t.Context(), dns01.TXT{Name: "b.", Value: "v"}), "write the journal")
	have, err = j.List(t.Context())
	require.NoError(t, err)
	require.Len(t, have, 1, "what could not be written")
}
