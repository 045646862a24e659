package memnet_test

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"
)

var (
	here  = netip.MustParseAddrPort("192.0.2.1:1000")
	there = netip.MustParseAddrPort("[2001:db8::2]:443")
)

// The suite that Go's own connections pass.
func TestStreamConforms(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		a, b := memnet.Pipe(here, there)
		return a, b, func() { a.Close(); b.Close() }, nil
	})
}

func TestStreamAddresses(t *testing.T) {
	a, b := memnet.Pipe(here, there)
	require.Equal(t, here.String(), a.LocalAddr().String())
	require.Equal(t, there.String(), a.RemoteAddr().String())
	require.Equal(t, here.String(), b.RemoteAddr().String())
	require.Equal(t, there.String(), b.LocalAddr().String())
}

func TestStreamHalfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memnet.Pipe(here, there)
		_, err := client.Write([]byte("request"))
		require.NoError(t, err)
		require.NoError(t, client.CloseWrite())
		_, err = client.Write([]byte("more"))
		require.ErrorIs(t, err, syscall.EPIPE)

		got, err := io.ReadAll(server)
		require.NoError(t, err)
		require.Equal(t, "request", string(got))
		_, err = server.Write([]byte("answer"))
		require.NoError(t, err, "the other direction is still open")
		require.NoError(t, server.Close())

		got, err = io.ReadAll(client)
		require.NoError(t, err)
		require.Equal(t, "answer", string(got))
		require.NoError(t, client.Close())
		require.ErrorIs(t, client.Close(), net.ErrClosed)
	})
}

func TestStreamWriterWaitsForReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memnet.Pipe(here, there)
		sent := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
		wrote := make(chan error, 1)
		go func() {
			_, err := a.Write(sent)
			a.Close()
			wrote <- err
		}()
		synctest.Wait()
		require.Empty(t, wrote, "1 MiB is more than a stream holds")
		got, err := io.ReadAll(b)
		require.NoError(t, err)
		require.True(t, bytes.Equal(sent, got))
		require.NoError(t, <-wrote)
	})
}

func TestStreamDeadlineTakesNoRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := memnet.Pipe(here, there)
		begin := time.Now()
		require.NoError(t, a.SetReadDeadline(begin.Add(time.Hour)))
		_, err := a.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, time.Hour, time.Since(begin))
	})
}

func TestStreamWriteToClosedEnd(t *testing.T) {
	a, b := memnet.Pipe(here, there)
	require.NoError(t, b.Close())
	_, err := a.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EPIPE)
}
