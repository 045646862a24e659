package peer

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDebFile(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the expected loader is amd64's")
	}
	// A small package, for the machine's architecture and for another one.
	hello := DebFile(t, "hello", "usr/bin/hello")
	out, err := exec.Command(hello).Output()
	require.NoError(t, err)
	require.Equal(t, "Hello, world!\n", string(out))

	foreign := DebFile(t, "hello:arm64", "usr/bin/hell*")
	elf, err := os.ReadFile(foreign)
	require.NoError(t, err)
	const elfMachine, aarch64 = 18, 0xb7
	require.Equal(t, "\x7fELF", string(elf[:4]))
	require.EqualValues(t, aarch64, elf[elfMachine])
}

func TestNewestName(t *testing.T) {
	names := []string{
		"linux-image-6.1.0-9-amd64", "linux-image-6.1.0-10-amd64", "linux-image-6.1.0-10-amd64-dbg",
		"linux-image-6.1.0-11-cloud-amd64", "linux-image-6.1.0-11-rt-amd64", "linux-image-6.1.0-8.1-amd64",
	}
	require.Equal(t, "linux-image-6.1.0-10-amd64", newestName(names, "linux-image-6.1.0-", "-amd64"))
	require.Equal(t, "linux-image-6.1.0-11-cloud-amd64", newestName(names, "linux-image-6.1.0-", "-cloud-amd64"))
	require.Equal(t, "linux-image-6.1.0-8.1-amd64", newestName(names, "linux-image-6.1.0-8", "-amd64"))
	require.Empty(t, newestName(names, "linux-image-6.2.0-", "-amd64"))
}

func TestSourceLines(t *testing.T) {
	targets := `http://mirror.example/debian/ bookworm main $(SIGNED_BY)
http://mirror.example/debian/ bookworm contrib $(SIGNED_BY)
http://mirror.example/debian/ bookworm-updates main /usr/share/keyrings/debian-archive-keyring.gpg
https://vendor.example/node/ nodistro main /etc/vendor.gpg
http://mirror.example/debian/ bookworm main $(SIGNED_BY)
`
	require.Equal(t, `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian/ bookworm-updates main contrib non-free-firmware
deb http://mirror.example/debian/ bookworm main contrib non-free-firmware
`, sourceLines(targets, "bookworm"))
}

func TestSplitPackage(t *testing.T) {
	name, arch := splitPackage("u-boot-rpi:arm64")
	require.Equal(t, "u-boot-rpi arm64", name+" "+arch)
	_, arch = splitPackage("hello")
	require.NotEmpty(t, arch)
}

// An unreachable mirror skips, and leaves the next run free to ask again.
func TestUpdateOffline(t *testing.T) {
	if _, ok := find("apt-get"); !ok {
		t.Skip("needs apt-get")
	}
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	t.Setenv("https_proxy", "http://127.0.0.1:1")
	a := aptIn(t.TempDir(), "amd64")
	_, err := a.unpacked("hello")
	require.Error(t, err)
	require.NoFileExists(t, filepath.Join(a.dir, "sources.list"))
}

func TestCacheWithoutHome(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("HOME", "/dev/null")
	t.Setenv("XDG_CACHE_HOME", "")
	dir, err := cacheDir()
	require.NoError(t, err)
	require.DirExists(t, dir)
	if runtime.GOOS == "linux" {
		require.Equal(t, temp, filepath.Dir(dir))
	}
}
