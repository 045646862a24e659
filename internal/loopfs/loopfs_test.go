package loopfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/loopfs"
	"github.com/stretchr/testify/require"
)

func TestMount(t *testing.T) {
	for _, kind := range []string{"btrfs", "xfs", "ext4", "tmpfs"} {
		t.Run(kind, func(t *testing.T) {
			var dir string
			t.Run("mounted", func(t *testing.T) {
				dir = loopfs.Mount(t, kind, loopfs.Options{})
				require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), nil, 0o644))
				info, err := os.ReadFile("/proc/self/mounts")
				require.NoError(t, err)
				require.Contains(t, string(info), " "+dir+" "+kind+" ")
			})
			info, err := os.ReadFile("/proc/self/mounts")
			require.NoError(t, err)
			require.NotContains(t, string(info), dir)
		})
	}
}

func TestTryMount(t *testing.T) {
	_, err := loopfs.TryMount(t, "ext4", loopfs.Options{Mount: "no-such-option"})
	require.ErrorContains(t, err, "no-such-option")
}
