package deb_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/deb"
)

// Debian's own archives, for an architecture that is not this machine's, with a
// package of a component that the machine's lists need not have.
func TestRealDebian(t *testing.T) {
	peer.Need(t, "apt-get", "apt-cache", "dpkg-deb")
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	for suite, release := range map[string]string{"bookworm": "6.1.0-", "trixie": "6.12."} {
		t.Run(suite, func(t *testing.T) {
			src := &deb.Source{Dir: filepath.Join(cache, "hostkit", "deb", suite+"-arm64"), Suite: suite, Arch: nfsroot.ARM64}
			kernel, err := src.Kernel(t.Context(), "linux-image-arm64")
			if err != nil {
				peer.Skip(t, "needs Debian's mirrors: %v", err)
			}
			require.True(t, strings.HasPrefix(kernel.Name, "linux-image-"+release), kernel.Name)
			newest, err := src.Package(t.Context(), "linux-image-"+release+"*-arm64")
			require.NoError(t, err)
			require.Equal(t, kernel, newest, "the metapackage depends on the newest")

			path, version, err := src.Fetch(t.Context(), "raspi-firmware")
			require.NoError(t, err)
			require.NotEmpty(t, version)
			dir := filepath.Join(t.TempDir(), "tree")
			require.NoError(t, deb.Unpack(t.Context(), path, dir))
			require.FileExists(t, filepath.Join(dir, "usr/lib/raspi-firmware/bootcode.bin"))
			t.Logf("%s: kernel %s, %d bytes; raspi-firmware %s", suite, kernel.Name, kernel.Size, version)
		})
	}
}
