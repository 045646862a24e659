package conlog_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// disk stands for fdatasync(2), which fails while err is set. As the kernel
// does, it tells of a failure once and then forgets the bytes.
type disk struct {
	err   error
	syncs []string // the files' names
}

func (d *disk) sync(f *os.File) error {
	d.syncs = append(d.syncs, f.Name()[strings.LastIndexByte(f.Name(), '/')+1:])
	return d.err
}

// say writes at the clock's own time: nothing else is marked in the log.
func say(t *testing.T, l *conlog.Log, text string) {
	t.Helper()
	require.NoError(t, l.Write(time.Now(), []byte(text)))
}

func TestAFailedSyncIsMarkedAndItsBytesAreNeverCalledDurable(t *testing.T) {
	dir := folder(t)
	var told bytes.Buffer
	l := open(t, dir, conlog.Options{Logger: slog.New(slog.NewTextHandler(&told, nil))})
	d := new(disk)
	l.OnSync(d.sync)
	say(t, l, "safe\n")
	require.NoError(t, l.Sync())
	require.Zero(t, l.Stats().Unsynced)

	d.err = syscall.EIO
	say(t, l, "in doubt\n")
	err := l.Sync()
	require.ErrorIs(t, err, syscall.EIO)
	require.Contains(t, err.Error(), dir)
	require.EqualValues(t, len("in doubt\n"), l.Stats().Unsynced)
	d.err = nil
	say(t, l, "behind it\n")
	require.NoError(t, l.Sync(), "what was written since is durable")
	require.EqualValues(t, len("in doubt\n"), l.Stats().Unsynced, "what was not stays so")

	say(t, l, "next\n")
	require.NoError(t, l.Sync())
	require.Equal(t, "0000000001.log 0000000002.log", names(t, dir), "a new segment: its errors are its own")
	require.Equal(t, "safe\nin doubt\nbehind it\nnext\n", raw(t, dir), "nothing is thrown away for it")
	notes := events(t, dir, serialcon.EventNote)
	require.Len(t, notes, 2)
	require.Equal(t, "conlog", notes[0].Who)
	require.EqualValues(t, len("in doubt\n"), notes[0].N)
	require.Contains(t, notes[0].Text, syscall.EIO.Error())
	require.EqualValues(t, len("in doubt\n"), notes[1].N)
	require.Contains(t, notes[1].Text, "durable again")
	require.Equal(t, 1, strings.Count(told.String(), "level=ERROR"))
	require.Equal(t, 1, strings.Count(told.String(), "durable again"))
}

func TestADiskThatNeverSyncsIsToldOnceAndFillsNoFolder(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{})
	d := &disk{err: syscall.EIO}
	l.OnSync(d.sync)
	said := 0
	for n := range 100 {
		text := fmt.Sprintf("line %d\n", n)
		said += len(text)
		say(t, l, text)
		require.ErrorIs(t, l.Sync(), syscall.EIO)
	}
	require.EqualValues(t, said, l.Stats().Unsynced)
	require.Len(t, events(t, dir, serialcon.EventNote), 1)
	require.Equal(t, "0000000001.log", names(t, dir))
	d.err = nil
	say(t, l, "last\n")
	require.NoError(t, l.Sync())
	require.NoError(t, l.Sync())
	notes := events(t, dir, serialcon.EventNote)
	require.Len(t, notes, 2, "the mark needs no byte of the port to be written")
	require.EqualValues(t, said, notes[1].N)
}

func TestAClosedSegmentThatDoesNotSync(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{SegmentSize: 100})
	d := &disk{err: syscall.EIO}
	l.OnSync(d.sync)
	long := strings.Repeat("x", 120) + "\n"
	say(t, l, long)
	say(t, l, "next\n")
	require.ErrorIs(t, l.Sync(), syscall.EIO)
	require.Equal(t, []string{"0000000001.log", "0000000002.log"}, d.syncs, "in the order of their bytes")
	require.EqualValues(t, len(long)+len("next\n"), l.Stats().Unsynced)
	require.EqualValues(t, 2, l.Stats().Syncs)
	d.err = nil
	require.NoError(t, l.Keep(t.Context()))
	require.Contains(t, names(t, dir), "0000000001.log.zst", "what the kernel still has is written again, and synced")
	require.Equal(t, long+"next\n", raw(t, dir))
}

func TestKeepDoesNotCompressWhatIsNotDurable(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{SegmentSize: 100})
	d := &disk{err: syscall.EIO}
	l.OnSync(d.sync)
	say(t, l, strings.Repeat("x", 120)+"\n")
	say(t, l, "next\n")
	require.ErrorIs(t, l.Keep(t.Context()), syscall.EIO)
	require.NotContains(t, names(t, dir), "zst")
}

func TestCloseSaysThatTheLogWasNotSynced(t *testing.T) {
	l := open(t, folder(t), conlog.Options{})
	d := &disk{err: syscall.EIO}
	l.OnSync(d.sync)
	say(t, l, "x\n")
	require.ErrorIs(t, l.Close(), syscall.EIO)
	require.NoError(t, l.Sync(), "a closed log has nothing to sync")
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Event(serialcon.Event{Kind: serialcon.EventNote}), os.ErrClosed)
	require.ErrorIs(t, l.Keep(t.Context()), os.ErrClosed)
}

func TestAStoreSyncsTheOthersWhenOneFails(t *testing.T) {
	s := &conlog.Store{Dir: t.TempDir()}
	var logs []*conlog.Log
	var disks []*disk
	for i := range 20 {
		l, err := s.Open(fmt.Sprintf("c%02d", i))
		require.NoError(t, err)
		defer l.Close()
		d := new(disk)
		if i%7 == 3 {
			d.err = syscall.EIO
		}
		l.OnSync(d.sync)
		say(t, l, "hello\n")
		logs, disks = append(logs, l), append(disks, d)
	}
	err := s.Sync()
	require.ErrorIs(t, err, syscall.EIO)
	for i, l := range logs {
		require.Len(t, disks[i].syncs, 1)
		require.Equal(t, i%7 == 3, strings.Contains(err.Error(), l.Dir()), "the error names the logs that failed")
	}
}
