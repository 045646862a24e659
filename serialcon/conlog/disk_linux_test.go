package conlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// smallDisk mounts a filesystem in memory of that size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	peer.NeedRoot(t)
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size))
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// fill takes the disk's last byte.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
}

// Every byte is in the log, in order, or counted as lost where it is missing.
func TestAFullDiskIsSurvivedAndMarked(t *testing.T) {
	disk := smallDisk(t, "1m")
	dir := filepath.Join(disk, "pi-042")
	l := open(t, dir, conlog.Options{Pending: 4 << 10})
	write(t, l, 0, "before\n")
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	var refused, said int
	line := strings.Repeat("z", 99) + "\n"
	for range 400 {
		said += len(line)
		if err := l.Write(start, []byte(line)); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			refused += len(line)
		}
	}
	require.Positive(t, refused)
	require.Less(t, refused, said, "some fit into the memory and the last page")
	st := l.Stats()
	require.True(t, st.Failing)
	require.EqualValues(t, refused, st.Lost)
	require.LessOrEqual(t, st.Pending, 4<<10)
	require.ErrorIs(t, l.Sync(), syscall.ENOSPC, "it says that bytes are not durable")

	require.NoError(t, os.Remove(ballast))
	require.Eventually(t, func() bool { return l.Sync() == nil }, 10*time.Second, 10*time.Millisecond)
	write(t, l, 0, "again\n")
	text := raw(t, dir)
	require.True(t, strings.HasPrefix(text, "before\n"+line))
	require.True(t, strings.HasSuffix(text, line+"again\n"))
	resumed := events(t, dir, serialcon.EventLogResumed)
	require.Len(t, resumed, 1)
	require.EqualValues(t, refused, resumed[0].N)
	require.Contains(t, resumed[0].Text, syscall.ENOSPC.Error())
	require.Equal(t, len("before\n")+said+len("again\n"), len(text)+refused)
}

// A full disk costs the oldest segments of the log before it costs new bytes.
func TestAFullDiskDropsTheOldestSegments(t *testing.T) {
	disk := smallDisk(t, "1m")
	dir := filepath.Join(disk, "pi-042")
	l := open(t, dir, conlog.Options{SegmentSize: 100 << 10})
	line := strings.Repeat("z", 199) + "\n"
	var last string
	for i := range 20_000 { // 4 MB on a disk of 1 MiB
		last = fmt.Sprintf("%06d %s", i, line)
		require.NoError(t, l.Write(after(time.Duration(i)*time.Millisecond), []byte(last)))
	}
	text := raw(t, dir)
	require.True(t, strings.HasSuffix(text, last))
	require.Greater(t, len(text), 500<<10, "only as much as is needed")
	first := text[:6]
	for i, got := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		var a, b int
		_, err := fmt.Sscan(strings.TrimLeft(first, "0"), &a)
		require.NoError(t, err)
		_, err = fmt.Sscan(strings.TrimLeft(got[:6], "0"), &b)
		require.NoError(t, err)
		require.Equal(t, a+i, b, "nothing is missing in between")
	}
	require.Zero(t, l.Stats().Lost)
	require.NotEmpty(t, events(t, dir, serialcon.EventNote), "it says so")
}

// A Console's own mark of what it lost stands for the log's.
func TestAConsolesMarkStandsForTheLogs(t *testing.T) {
	disk := smallDisk(t, "256k")
	dir := filepath.Join(disk, "pi-042")
	l := open(t, dir, conlog.Options{Pending: -1})
	write(t, l, 0, "before\n")
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	big := []byte(strings.Repeat("q", 8<<10))
	require.ErrorIs(t, l.Write(start, big), syscall.ENOSPC)
	require.NoError(t, os.Remove(ballast))
	resumed := serialcon.Event{Console: "pi-042", Kind: serialcon.EventLogResumed, At: start, N: int64(len(big)) + 1000}
	require.Eventually(t, func() bool { return l.Event(resumed) == nil }, 10*time.Second, 10*time.Millisecond)
	got := events(t, dir, serialcon.EventLogResumed)
	require.Len(t, got, 1)
	require.EqualValues(t, len(big)+1000, got[0].N)
	require.Equal(t, "before\n", raw(t, dir), "nothing of the burst that did not fit")
}

func TestTwoWritersOfALog(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{})
	_, err := conlog.Open(dir, conlog.Options{})
	require.ErrorIs(t, err, conlog.ErrInUse)
	require.NoError(t, l.Close())
	open(t, dir, conlog.Options{})
}
