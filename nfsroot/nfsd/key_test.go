package nfsd_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/nfsd"
)

func TestLoadKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := nfsd.LoadKey(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	require.Len(t, keys[0], nfsd.KeySize)
	for _, key := range keys {
		require.Equal(t, keys[0], key, "all take the one that was first")
	}
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1)

	require.NoError(t, os.Chmod(path, 0o640))
	_, err = nfsd.LoadKey(path)
	require.ErrorContains(t, err, "others may read")
	require.NoError(t, os.WriteFile(path, []byte("short"), 0o600))
	require.NoError(t, os.Chmod(path, 0o600))
	_, err = nfsd.LoadKey(path)
	require.ErrorContains(t, err, "has 5 bytes")
	_, err = nfsd.LoadKey(filepath.Join(path, "below"))
	require.Error(t, err)
}

func TestBadServers(t *testing.T) {
	err := (&nfsd.Server{Key: []byte("short")}).SetExports(nil)
	require.Error(t, err)
}
