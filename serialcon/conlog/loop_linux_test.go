package conlog_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// A file system on a block device that fails: the device's own file is sparse,
// and the disk under it full, so that the kernel cannot write pages back. Each
// write(2) succeeds, and fdatasync(2) fails.
func TestADiskThatCannotKeepWhatItTook(t *testing.T) {
	mkfs := peer.Look(t, "mkfs.ext4")
	under := smallDisk(t, "64m")
	image := filepath.Join(under, "image")
	require.NoError(t, os.WriteFile(image, nil, 0o600))
	require.NoError(t, os.Truncate(image, 48<<20))
	run(t, mkfs, "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", image)
	mounted := t.TempDir()
	run(t, "mount", "-o", "loop,errors=continue", image, mounted)
	t.Cleanup(func() { _ = unix.Unmount(mounted, unix.MNT_DETACH) })

	dir := filepath.Join(mounted, "pi-042")
	l := open(t, dir, conlog.Options{})
	say(t, l, "safe\n")
	require.NoError(t, l.Sync())
	ballast := filepath.Join(under, "ballast")
	fill(t, ballast)
	text := strings.Repeat(strings.Repeat("z", 63)+"\n", 1<<15) // 2 MiB
	for at := 0; at < len(text); at += 32 << 10 {
		say(t, l, text[at:at+32<<10])
	}
	err := l.Sync()
	require.True(t, errors.Is(err, unix.EIO) || errors.Is(err, unix.ENOSPC), "the kernel said that it took every byte: %v", err)
	require.EqualValues(t, len(text), l.Stats().Unsynced)
	require.True(t, strings.HasPrefix(raw(t, dir), "safe\n"))

	require.NoError(t, os.Remove(ballast))
	for range 20 { // the file system's journal may have stopped for good
		_ = l.Write(time.Now(), []byte("again\n"))
		if l.Sync() == nil {
			require.NotEmpty(t, events(t, dir, serialcon.EventNote), "it is marked in the log")
		}
	}
	require.GreaterOrEqual(t, l.Stats().Unsynced, int64(len(text)), "what was in doubt stays so")
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
}
