package serialcontest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

func TestLinesAreOfOneLength(t *testing.T) {
	for _, name := range []string{"h", "c0001", "a-name-of-24-bytes-at-all"[:24]} {
		for _, n := range []int64{0, 9, 123456789012} {
			require.Len(t, (&serialcontest.Host{Name: name}).Line(n), 64)
		}
	}
}

func TestAHostKeepsItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer cancel()
		var b bytes.Buffer
		lines, err := (&serialcontest.Host{Name: "h", Rate: 11520}).Run(ctx, &b)
		require.NoError(t, err)
		require.EqualValues(t, 1800, lines)
		require.Equal(t, 115200, b.Len())
	})
}

func TestAVerifierFindsWhatIsWrong(t *testing.T) {
	host := &serialcontest.Host{Name: "h"}
	damaged := host.Line(4)
	damaged[30] ^= 1
	v := &serialcontest.Verifier{Name: "h"}
	for _, line := range [][]byte{
		host.Line(1), host.Line(2), host.Line(2), damaged, host.Line(5), []byte("boot\r\n"), []byte("h x\r\n"), host.Line(6)[:10],
	} {
		for i := range line {
			_, err := v.Write(line[i : i+1])
			require.NoError(t, err)
		}
	}
	require.Equal(t, "3 lines, 2 missing, 1 repeated, 2 damaged, 1 foreign", v.String())
	require.EqualValues(t, 6, v.Next())
}

func TestAHostStopsWhenItsLineIsGone(t *testing.T) {
	u := new(serialcontest.UART)
	u.Unplug()
	_, err := (&serialcontest.Host{Name: "h"}).Run(t.Context(), u.Far())
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func TestAnUnpluggedUART(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(serialcontest.UART)
		port, err := u.Open(t.Context())
		require.NoError(t, err)
		_, err = u.Open(t.Context())
		require.ErrorIs(t, err, fs.ErrExist)
		failed := make(chan error, 1)
		go func() {
			_, err := port.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		u.Unplug()
		require.Error(t, <-failed)
		_, err = u.Open(t.Context())
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.Zero(t, u.Say([]byte("into the air")))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, u.Await(ctx), context.DeadlineExceeded)
		u.Plug()
		require.NoError(t, u.Await(t.Context()))
		u.Blind = true
		require.ErrorIs(t, u.Await(t.Context()), errors.ErrUnsupported)
		_, err = u.Open(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, u.Opens())
		require.NoError(t, port.Close(), "the old port does not close the new one")
		require.Equal(t, 1, u.Say([]byte("x")))
	})
}

func TestALogWhoseDiskFillsUp(t *testing.T) {
	var l serialcontest.Log
	l.FillAfter(5, syscall.ENOSPC)
	require.NoError(t, l.Write(time.Now(), []byte("123")))
	require.ErrorIs(t, l.Write(time.Now(), []byte("456")), syscall.ENOSPC)
	require.NoError(t, l.Write(time.Now(), []byte("45")))
	require.ErrorIs(t, l.Event(serialcon.Event{}), syscall.ENOSPC)
	l.Free()
	require.NoError(t, l.Event(serialcon.Event{Kind: serialcon.EventNote}))
	require.Equal(t, "12345", string(l.Bytes()))
	require.Equal(t, 3, l.Refused())
	require.Len(t, l.Events(), 1)
	require.NoError(t, l.Close())
}
