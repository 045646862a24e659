package nfsroot_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

func TestManifestRoundTrip(t *testing.T) {
	want := &nfsroot.Manifest{
		SpecHash: "ab", Suite: "bookworm", Arch: nfsroot.ARM64, Backend: "mmdebstrap",
		SourceDate: time.Unix(1, 0).UTC(), Built: time.Unix(2, 0).UTC(), Digest: "cd", Size: 3, Inodes: 4, Kernel: "6.1.0-40-arm64",
		Packages: []nfsroot.Package{{Name: "apt", Version: "2.6.1", Arch: "arm64", SHA256: "ef", Size: 5}},
	}
	var text bytes.Buffer
	n, err := want.WriteTo(&text)
	require.NoError(t, err)
	require.EqualValues(t, text.Len(), n)
	got, err := nfsroot.ReadManifest(&text)
	require.NoError(t, err)
	require.Equal(t, want, got)

	_, err = nfsroot.ReadManifest(strings.NewReader("{"))
	require.Error(t, err)
}

const status = `Package: zlib1g
Status: install ok installed
Installed-Size: 168
Architecture: amd64
Version: 1:1.2.13.dfsg-1
Description: compression library
 Package: not-a-package
 .
 more

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: adduser
Status: install ok installed
Architecture: all
Version: 3.134
Installed-Size: many
`

func TestInstalled(t *testing.T) {
	root := fstest.MapFS{"var/lib/dpkg/status": {Data: []byte(status)}}
	got, err := nfsroot.Installed(root)
	require.NoError(t, err)
	require.Equal(t, []nfsroot.Package{
		{Name: "adduser", Version: "3.134", Arch: "all"},
		{Name: "zlib1g", Version: "1:1.2.13.dfsg-1", Arch: "amd64", Size: 168 << 10},
	}, got)
}

func TestInstalledNothing(t *testing.T) {
	_, err := nfsroot.Installed(fstest.MapFS{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = nfsroot.Installed(fstest.MapFS{"var/lib/dpkg/status": {}})
	require.ErrorContains(t, err, "no package")
	long := "Package: " + strings.Repeat("x", 2<<20)
	_, err = nfsroot.Installed(fstest.MapFS{"var/lib/dpkg/status": {Data: []byte(long)}})
	require.Error(t, err)
}
