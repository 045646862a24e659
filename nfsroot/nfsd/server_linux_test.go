package nfsd_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/internal/nfsclient"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsd"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
)

var loopback = netip.MustParsePrefix("127.0.0.1/32")

// share is a directory as a farm lays it out, and what exports it.
func share(t *testing.T) (root string, x export.Export) {
	t.Helper()
	dir := t.TempDir()
	root = filepath.Join(dir, "root")
	require.NoError(t, os.Mkdir(root, 0o755))
	return root, export.Export{ID: 1, Path: dir, Client: loopback}
}

// serve starts a server of the exports and returns its address. It ends with the
// test, or when stop is called.
func serve(t *testing.T, s *nfsd.Server) (addr string, stop func()) {
	t.Helper()
	s.InsecurePorts = true
	return serveStrictly(t, s)
}

// serveStrictly is serve for clients that have ports below 1024.
func serveStrictly(t *testing.T, s *nfsd.Server) (addr string, stop func()) {
	t.Helper()
	peer.NeedRoot(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		require.NoError(t, <-done)
	}
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

func dial(t *testing.T, addr string) *nfsclient.Conn {
	t.Helper()
	return dialFrom(t, addr, nil)
}

func dialFrom(t *testing.T, addr string, from net.IP) *nfsclient.Conn {
	t.Helper()
	c, err := nfsclient.Dial(t.Context(), addr, nfsclient.Options{From: from})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// mounted is a connection to a server of a new share, and the handle of its root.
func mounted(t *testing.T, change ...func(*nfsd.Server)) (c *nfsclient.Conn, fh nfsclient.Handle, root string) {
	t.Helper()
	root, x := share(t)
	s := &nfsd.Server{Exports: []export.Export{x}, Async: true}
	for _, fn := range change {
		fn(s)
	}
	addr, _ := serve(t, s)
	c = dial(t, addr)
	fh, err := c.Mount(t.Context(), root)
	require.NoError(t, err)
	return c, fh, root
}

func TestFiles(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()

	f, attr, err := c.Create(ctx, fh, "f", nfsclient.Guarded, nfsclient.Set{Mode: new(uint32(0o4764))}, 0)
	require.NoError(t, err)
	require.EqualValues(t, 0o4764, attr.Mode)
	require.EqualValues(t, nfsclient.Regular, attr.Type)

	n, v1, err := c.Write(ctx, f, 0, []byte("hello, world"), 0)
	require.NoError(t, err)
	require.EqualValues(t, 12, n)
	v2, err := c.Commit(ctx, f)
	require.NoError(t, err)
	require.Equal(t, v1, v2)

	data, eof, err := c.Read(ctx, f, 7, 100)
	require.NoError(t, err)
	require.True(t, eof)
	require.Equal(t, "world", string(data))
	data, eof, err = c.Read(ctx, f, 0, 5)
	require.NoError(t, err)
	require.False(t, eof)
	require.Equal(t, "hello", string(data))
	data, eof, err = c.Read(ctx, f, 1<<40, 5)
	require.NoError(t, err)
	require.True(t, eof)
	require.Empty(t, data)

	got, err := os.ReadFile(filepath.Join(root, "f"))
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(got))

	again, attr, err := c.Lookup(ctx, fh, "f")
	require.NoError(t, err)
	require.Equal(t, f, again)
	require.EqualValues(t, 12, attr.Size)
}
