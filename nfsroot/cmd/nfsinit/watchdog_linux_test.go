package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pipeDog is a watchdog whose hardware is a pipe.
func pipeDog(t *testing.T) (*watchdog, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return &watchdog{file: w, done: make(chan struct{}), ended: make(chan struct{})}, r
}

func TestWatchdogIsFed(t *testing.T) {
	dog, hardware := pipeDog(t)
	dog.alive(time.Hour)
	go dog.feed(time.Millisecond)
	signs := make([]byte, 3)
	_, err := io.ReadFull(hardware, signs)
	require.NoError(t, err)
	require.NoError(t, dog.close())
	rest, err := io.ReadAll(hardware)
	require.NoError(t, err)
	require.Equal(t, byte('V'), rest[len(rest)-1], "the magic close")
}

// A step that takes longer than it said is not fed any more.
func TestWatchdogOfAHungMachine(t *testing.T) {
	dog, hardware := pipeDog(t)
	dog.alive(-time.Hour)
	go dog.feed(time.Millisecond)
	require.NoError(t, dog.close())
	signs, err := io.ReadAll(hardware)
	require.NoError(t, err)
	require.Equal(t, "V", string(signs))
}

func TestNoWatchdog(t *testing.T) {
	dog := openWatchdog(&console{}, 0)
	dog.alive(time.Second)
	require.NoError(t, dog.close())
}

func TestConsole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kmsg")
	f, err := os.Create(path)
	require.NoError(t, err)
	con := &console{kmsg: f}
	con.log("one\ntwo")
	require.NoError(t, f.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "<7>nfsinit: one; two\n", string(b))
	require.Positive(t, uptime())
}
