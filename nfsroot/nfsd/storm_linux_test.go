package nfsd_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
	"github.com/mythic-beasts/hostkit/nfsroot/internal/nfsclient"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsd"
)

// A boot to sshd takes 41 MB in 5200 calls, of which half are GETATTR. The test
// has fewer of each, in the same proportion.
const (
	bootingClients = 96
	bootFiles      = 10
	bootFileSize   = 64 << 10
)

// TestBootStorm has a rack of clients boot at the same time, each from its own
// export, with few files that may be kept open.
func TestBootStorm(t *testing.T) {
	base := t.TempDir()
	exports := make([]export.Export, bootingClients)
	for i := range exports {
		dir := filepath.Join(base, fmt.Sprint("pi", i))
		addr := netip.AddrFrom4([4]byte{127, 0, 1, byte(i + 1)})
		exports[i] = export.Export{ID: uint16(i + 1), Path: dir, Client: netip.PrefixFrom(addr, 32), FSID: export.FSID(dir)}
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "root"), 0o755))
		for f := range bootFiles {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "root", fmt.Sprint("f", f)), content(i, f), 0o644))
		}
	}
	s := &nfsd.Server{Exports: exports, Async: true, MaxOpen: 200}
	addr, _ := serve(t, s)
	var wg sync.WaitGroup
	errs := make([]error, bootingClients)
	for i, x := range exports {
		wg.Go(func() { errs[i] = boot(t.Context(), addr, x, i) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	st := s.Stats()
	require.Zero(t, st.Failed)
	require.EqualValues(t, bootingClients*bootFiles*bootFileSize, st.BytesRead)
	require.LessOrEqual(t, st.Open, 200)
}

func content(client, file int) []byte {
	b := make([]byte, bootFileSize)
	for i := range b {
		b[i] = byte(client ^ file<<4 ^ i>>8)
	}
	return b
}

func boot(ctx context.Context, addr string, x export.Export, i int) error {
	c, err := nfsclient.Dial(ctx, addr, nfsclient.Options{From: net.IP(x.Client.Addr().AsSlice())})
	if err != nil {
		return err
	}
	defer c.Close()
	fh, err := c.Mount(ctx, x.Path+"/root")
	if err != nil {
		return err
	}
	for f := range bootFiles {
		h, _, err := c.Lookup(ctx, fh, fmt.Sprint("f", f))
		if err != nil {
			return err
		}
		for range 4 {
			if _, err := c.GetAttr(ctx, h); err != nil {
				return err
			}
		}
		data, eof, err := c.Read(ctx, h, 0, 1<<20)
		if err != nil {
			return err
		}
		if !eof || string(data) != string(content(i, f)) {
			return fmt.Errorf("client %d file %d: not its own content", i, f)
		}
	}
	_, err = c.Access(ctx, fh, 0x3f)
	return err
}

// TestNoDescriptorsLeak counts what is open before and after.
func TestNoDescriptorsLeak(t *testing.T) {
	root, x := share(t)
	before := descriptors(t)
	addr, stop := serve(t, &nfsd.Server{Exports: []export.Export{x}, Async: true, MaxOpen: 10})
	ctx := t.Context()
	c, err := nfsclient.Dial(ctx, addr, nfsclient.Options{})
	require.NoError(t, err)
	fh, err := c.Mount(ctx, root)
	require.NoError(t, err)
	for i := range 50 {
		name := fmt.Sprint("f", i)
		f, _, err := c.Create(ctx, fh, name, 0, nfsclient.Set{}, 0)
		require.NoError(t, err)
		_, _, err = c.Write(ctx, f, 0, []byte("x"), 0)
		require.NoError(t, err)
		_, _, err = c.Read(ctx, f, 0, 1)
		require.NoError(t, err)
		_, _, err = c.As(alice, alice).Read(ctx, f, 0, 1)
		require.NoError(t, err)
		_, _, _, err = c.ReadDir(ctx, fh, 0, 0, 4096, true)
		require.NoError(t, err)
		_, _, err = c.Lookup(ctx, fh, "..")
		require.NoError(t, err)
		if i%2 == 0 {
			_, err = c.Remove(ctx, fh, name)
			require.NoError(t, err)
		}
	}
	require.Less(t, descriptors(t), before+50)
	c.Close()
	stop()
	require.Eventually(t, func() bool { return descriptors(t) <= before }, waitLong, tick)
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(list)
}
