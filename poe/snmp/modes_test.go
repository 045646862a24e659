package snmp_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

func TestFileModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "modes.json")
	f := &snmp.FileModes{Path: path}
	_, err := f.Load("192.0.2.1 3.29")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, f.Save("192.0.2.1 3.29", 2))
	require.NoError(t, f.Save("192.0.2.1 3.30", 3))
	require.NoError(t, f.Save("192.0.2.1 3.30", 1))
	again := &snmp.FileModes{Path: path}
	for key, want := range map[string]int{"192.0.2.1 3.29": 2, "192.0.2.1 3.30": 1} {
		mode, err := again.Load(key)
		require.NoError(t, err)
		require.Equal(t, want, mode)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "a temporary file stayed")

	require.Error(t, (&snmp.FileModes{Path: filepath.Join(path, "x")}).Save("k", 1))
	_, err = (&snmp.FileModes{Path: filepath.Dir(path)}).Load("k")
	require.Error(t, err)
	require.NotErrorIs(t, err, fs.ErrNotExist)
}

func TestFileModesAtOnce(t *testing.T) {
	f := &snmp.FileModes{Path: filepath.Join(t.TempDir(), "modes.json")}
	var group sync.WaitGroup
	for n := range 20 {
		group.Go(func() {
			if err := f.Save("192.0.2.1 1."+strconv.Itoa(n), n); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for n := range 20 {
		mode, err := f.Load("192.0.2.1 1." + strconv.Itoa(n))
		require.NoError(t, err)
		require.Equal(t, n, mode)
	}
}

// brokenModes fail on one side.
type brokenModes struct{ load, save error }

func (b brokenModes) Load(string) (int, error) { return 0, b.load }
func (b brokenModes) Save(string, int) error   { return b.save }

// A port whose mode cannot be kept stays on; one whose mode cannot be recalled
// stays off, rather than becoming something else.
func TestBrokenModes(t *testing.T) {
	broken := errors.New("the disk is full")
	sw, _, addr := behind(t, poetest.VendorCisco, 4)
	cfg := config(addr)
	cfg.Modes = brokenModes{save: broken}
	s := dial(t, cfg)
	require.ErrorIs(t, s.SetAdmin(t.Context(), "2", false), broken)
	require.True(t, admin(t, sw, "2"))

	cfg.Modes = brokenModes{load: fs.ErrNotExist}
	require.NoError(t, dial(t, cfg).SetAdmin(t.Context(), "2", false))
	cfg.Modes = brokenModes{load: broken}
	require.ErrorIs(t, dial(t, cfg).SetAdmin(t.Context(), "2", true), broken)
	require.False(t, admin(t, sw, "2"))
	cfg.Modes = brokenModes{load: fs.ErrNotExist}
	require.NoError(t, dial(t, cfg).SetAdmin(t.Context(), "2", true))
	require.True(t, admin(t, sw, "2"))
}
