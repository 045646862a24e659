package manager_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/stretchr/testify/require"
)

func TestZoneFiles(t *testing.T) {
	dir := t.TempDir()
	files := manager.ZoneFiles{Path: dir}
	for _, origin := range []string{"example.org.", "0/25.2.0.192.in-addr.arpa.", "."} {
		_, err := files.Load(t.Context(), origin)
		require.ErrorIs(t, err, fs.ErrNotExist)
		z := small(t, origin)
		for range 2 {
			require.NoError(t, files.Save(t.Context(), z))
		}
		got, err := files.Load(t.Context(), origin)
		require.NoError(t, err)
		removed, added := dnssec.Diff(z, got)
		require.Empty(t, append(removed, added...))
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 3, "nothing half written is left")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "zone-example.org."), []byte("@ SOA half"), 0o600))
	_, err = files.Load(t.Context(), "example.org.")
	require.Error(t, err)
	require.Error(t, manager.ZoneFiles{Path: filepath.Join(dir, "none")}.Save(t.Context(), small(t, ".")))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = files.Load(ended, ".")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, files.Save(ended, small(t, ".")), context.Canceled)
}
