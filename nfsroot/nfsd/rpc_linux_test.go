package nfsd_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
	"github.com/mythic-beasts/hostkit/nfsroot/internal/nfsclient"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsd"
)

// sysCred is AUTH_SYS of root, and no verifier.
var sysCred = []byte{0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

func raw(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	return c
}

func TestRefusedCalls(t *testing.T) {
	c, fh, _ := mounted(t)
	ctx := t.Context()
	for _, tc := range []struct {
		name                   string
		conn                   *nfsclient.Conn
		program, version, proc uint32
		args                   []byte
		want                   nfsclient.RPCError
	}{
		{"program", c, 100227, 3, 0, nil, nfsclient.RPCError{Code: 1}},
		{"portmap here", c, nfsclient.Portmap, 2, 0, nil, nfsclient.RPCError{Code: 1}},
		{"version", c, nfsclient.NFS, 4, 0, nil, nfsclient.RPCError{Code: 2, Detail: 3}},
		{"mount version", c, nfsclient.Mount, 1, 0, nil, nfsclient.RPCError{Code: 2, Detail: 3}},
		{"procedure", c, nfsclient.NFS, 3, 22, nil, nfsclient.RPCError{Code: 3}},
		{"mount procedure", c, nfsclient.Mount, 3, 6, nil, nfsclient.RPCError{Code: 3}},
		{"no arguments", c, nfsclient.NFS, 3, 1, nil, nfsclient.RPCError{Code: 4}},
		{"long handle", c, nfsclient.NFS, 3, 1, append([]byte{0, 0, 0, 68}, make([]byte, 68)...), nfsclient.RPCError{Code: 4}},
		{"cut arguments", c, nfsclient.NFS, 3, 8, append([]byte{0, 0, 0, byte(len(fh))}, fh...), nfsclient.RPCError{Code: 4}},
		{"nobody", c.Anonymous(), nfsclient.NFS, 3, 1, append([]byte{0, 0, 0, byte(len(fh))}, fh...), nfsclient.RPCError{Denied: true, Code: 1, Detail: 5}},
		{"many groups", c.As(0, 0, make([]uint32, 17)...), nfsclient.NFS, 3, 1, nil, nfsclient.RPCError{Denied: true, Code: 1, Detail: 1}},
	} {
		_, err := tc.conn.Call(ctx, tc.program, tc.version, tc.proc, tc.args)
		var got *nfsclient.RPCError
		require.ErrorAs(t, err, &got, tc.name)
		require.Equal(t, tc.want, *got, tc.name)
	}
	_, err := c.Anonymous().Call(ctx, nfsclient.NFS, 3, 0, nil)
	require.NoError(t, err, "anybody may ask whether the server is there")
	_, err = c.GetAttr(ctx, fh)
	require.NoError(t, err)
}

// TestFragments cuts one call into pieces of every size.
func TestFragments(t *testing.T) {
	root, x := share(t)
	addr, _ := serve(t, &nfsd.Server{Exports: []export.Export{x}})
	nc := raw(t, addr)
	var args nfsclient.Encoder
	args.String(root)
	call := nfsclient.Record(7, nfsclient.Mount, 3, 1, sysCred, args.B)[4:]
	for size := 1; size <= len(call); size += 3 {
		var b []byte
		for rest := call; len(rest) > 0; {
			n := min(size, len(rest))
			mark := uint32(n)
			if n == len(rest) {
				mark |= 1 << 31
			}
			b = append(binary.BigEndian.AppendUint32(b, mark), rest[:n]...)
			rest = rest[n:]
		}
		_, err := nc.Write(b)
		require.NoError(t, err)
		reply, err := nfsclient.ReadRecord(nc)
		require.NoError(t, err, size)
		require.EqualValues(t, 7, binary.BigEndian.Uint32(reply))
		require.Len(t, reply, 24+4+4+len(reply[32:]))
	}
}

func TestBadRecordsEndTheConnection(t *testing.T) {
	_, x := share(t)
	addr, _ := serve(t, &nfsd.Server{Exports: []export.Export{x}})
	for name, b := range map[string][]byte{
		"too long":            {0xff, 0xff, 0xff, 0xff},
		"two that are":        {0x00, 0x0f, 0xff, 0xff},
		"empty, and not last": {0, 0, 0, 0},
		"a reply":             {0x80, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 1},
		"nothing":             {0x80, 0, 0, 0},
		"a cut header":        {0x80, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2},
	} {
		nc := raw(t, addr)
		if name == "two that are" {
			b = append(append(b, make([]byte, 0xfffff)...), 0x80, 0x0f, 0xff, 0xff)
		}
		_, err := nc.Write(b)
		require.NoError(t, err)
		_, err = nc.Read(make([]byte, 1))
		require.Error(t, err, name)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, name)
	}
}

// TestReplay sends one call twice, as a client does whose connection broke.
func TestReplay(t *testing.T) {
	root, x := share(t)
	s := &nfsd.Server{Exports: []export.Export{x}, Async: true}
	addr, _ := serve(t, s)
	fh, err := dial(t, addr).Mount(t.Context(), root)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(root+"/f", nil, 0o600))
	var args nfsclient.Encoder
	args.Opaque(fh)
	args.String("f")
	remove := nfsclient.Record(99, nfsclient.NFS, 3, 12, sysCred, args.B)
	var first []byte
	for i := range 3 {
		nc := raw(t, addr)
		_, err := nc.Write(remove)
		require.NoError(t, err)
		reply, err := nfsclient.ReadRecord(nc)
		require.NoError(t, err)
		if i == 0 {
			first = reply
		}
		require.Equal(t, first, reply)
		require.Zero(t, binary.BigEndian.Uint32(reply[24:]), "status")
	}
	require.EqualValues(t, 2, s.Stats().Replayed)
	// Another call with the same number is another call.
	nc := raw(t, addr)
	args.B[len(args.B)-4] = 'g'
	_, err = nc.Write(nfsclient.Record(99, nfsclient.NFS, 3, 12, sysCred, args.B))
	require.NoError(t, err)
	reply, err := nfsclient.ReadRecord(nc)
	require.NoError(t, err)
	require.EqualValues(t, nfsclient.ErrNoEnt, binary.BigEndian.Uint32(reply[24:]))
}

func TestStrangers(t *testing.T) {
	_, x := share(t)
	s := &nfsd.Server{Exports: []export.Export{x}}
	addr, _ := serve(t, s)
	c := dialFrom(t, addr, net.IPv4(127, 0, 0, 9))
	_, err := c.Call(t.Context(), nfsclient.NFS, 3, 0, nil)
	require.Error(t, err)
	require.EqualValues(t, 1, s.Stats().Refused)
}

func TestPrivilegedPorts(t *testing.T) {
	root, x := share(t)
	addr, _ := serveStrictly(t, &nfsd.Server{Exports: []export.Export{x}})
	ctx := t.Context()
	c, err := nfsclient.Dial(ctx, addr, nfsclient.Options{Reserved: true})
	require.NoError(t, err)
	defer c.Close()
	fh, err := c.Mount(ctx, root)
	require.NoError(t, err)
	_, err = c.GetAttr(ctx, fh)
	require.NoError(t, err)

	user := dial(t, addr)
	_, err = user.Mount(ctx, root)
	require.ErrorIs(t, err, nfsclient.ErrAccess)
	_, err = user.GetAttr(ctx, fh)
	var refused *nfsclient.RPCError
	require.ErrorAs(t, err, &refused)
	require.True(t, refused.Denied)
	_, err = user.Call(ctx, nfsclient.NFS, 3, 0, nil)
	require.NoError(t, err, "whether the server is there anybody may ask")
}

func TestConnectionLimit(t *testing.T) {
	root, x := share(t)
	s := &nfsd.Server{Exports: []export.Export{x}, MaxConnsPerClient: 2}
	addr, _ := serve(t, s)
	ctx := t.Context()
	var conns []*nfsclient.Conn
	for range 2 {
		c := dial(t, addr)
		_, err := c.Mount(ctx, root)
		require.NoError(t, err)
		conns = append(conns, c)
	}
	_, err := dial(t, addr).Mount(ctx, root)
	require.Error(t, err)
	conns[0].Close()
	require.Eventually(t, func() bool { return s.Stats().Conns < 2 }, time.Minute, time.Millisecond)
	_, err = dial(t, addr).Mount(ctx, root)
	require.NoError(t, err)
}

// TestPipeline has many calls under way on one connection, large ones among them,
// with little memory for them.
func TestPipeline(t *testing.T) {
	c, fh, _ := mounted(t, func(s *nfsd.Server) { s.MaxInFlight, s.MaxConnsPerClient, s.MaxClientMemory = 4, 1, 1 })
	ctx := t.Context()
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			f, _, err := c.Create(ctx, fh, fmt.Sprint("f", i), nfsclient.Guarded, nfsclient.Set{}, 0)
			if !checkNoError(t, err) {
				return
			}
			data := make([]byte, 1<<20)
			for j := range data {
				data[j] = byte(i + j>>12)
			}
			n, _, err := c.Write(ctx, f, 0, data, 0)
			checkNoError(t, err)
			checkEqual(t, uint32(len(data)), n)
			got, eof, err := c.Read(ctx, f, 0, 1<<20)
			checkNoError(t, err)
			checkEqual(t, true, eof)
			checkEqual(t, string(data), string(got))
		})
	}
	wg.Wait()
}

func checkNoError(t *testing.T, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

func checkEqual[T comparable](t *testing.T, want, got T) {
	if want != got {
		t.Errorf("got something else than what was wanted")
	}
}

// TestEndsWithItsContext leaves connections open.
func TestEndsWithItsContext(t *testing.T) {
	root, x := share(t)
	addr, stop := serve(t, &nfsd.Server{Exports: []export.Export{x}})
	c := dial(t, addr)
	_, err := c.Mount(t.Context(), root)
	require.NoError(t, err)
	nc := raw(t, addr)
	_, err = nc.Write([]byte{0x80, 0, 1, 0})
	require.NoError(t, err)
	stop()
	_, err = nc.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestSetExports(t *testing.T) {
	root, x := share(t)
	_, y := share(t)
	y.ID = 2
	s := &nfsd.Server{Exports: []export.Export{x}}
	addr, _ := serve(t, s)
	ctx := t.Context()
	c := dial(t, addr)
	fh, err := c.Mount(ctx, root)
	require.NoError(t, err)

	require.NoError(t, s.SetExports([]export.Export{x, y}))
	_, err = c.GetAttr(ctx, fh)
	require.NoError(t, err)
	s.Flush()
	require.Zero(t, s.Stats().Open)
	_, err = c.GetAttr(ctx, fh)
	require.NoError(t, err)
	require.Equal(t, 1, s.Stats().Open)

	require.NoError(t, s.SetExports([]export.Export{y}))
	_, err = c.GetAttr(ctx, fh)
	require.Equal(t, nfsclient.ErrStale, err)
	y.ID = x.ID
	require.NoError(t, s.SetExports([]export.Export{y}))
	_, err = c.GetAttr(ctx, fh)
	require.Equal(t, nfsclient.ErrBadHandle, err, "the number belongs to another now")
	require.NoError(t, s.SetExports([]export.Export{x}))
	_, err = c.GetAttr(ctx, fh)
	require.NoError(t, err)

	for name, bad := range map[string]export.Export{
		"relative":           {Path: "srv", Client: loopback},
		"not clean":          {Path: "/srv/../etc", Client: loopback},
		"no client":          {Path: "/srv"},
		"everybody":          {Path: "/srv", Client: netip.MustParsePrefix("0.0.0.0/0"), SquashRoot: true},
		"many who are root":  {Path: "/srv", Client: netip.MustParsePrefix("127.0.0.0/8")},
		"an ID that is used": {ID: x.ID, Path: "/srv", Client: loopback},
	} {
		require.Error(t, s.SetExports([]export.Export{x, bad}), name)
	}
}

func TestStats(t *testing.T) {
	root, x := share(t)
	s := &nfsd.Server{Exports: []export.Export{x}}
	addr, _ := serve(t, s)
	ctx := t.Context()
	c := dial(t, addr)
	fh, err := c.Mount(ctx, root)
	require.NoError(t, err)
	f, _, err := c.Create(ctx, fh, "f", 0, nfsclient.Set{}, 0)
	require.NoError(t, err)
	_, _, err = c.Write(ctx, f, 0, []byte("four"), 2)
	require.NoError(t, err)
	_, _, err = c.Read(ctx, f, 1, 10)
	require.NoError(t, err)
	_, _, err = c.Lookup(ctx, fh, "none")
	require.Error(t, err)
	require.Equal(t, nfsd.Stats{
		Conns: 1, Calls: map[string]uint64{"CREATE": 1, "WRITE": 1, "READ": 1, "LOOKUP": 1},
		Failed: 1, BytesRead: 3, BytesWritten: 4, Open: 2,
	}, s.Stats())
}

func TestPortmapAndLists(t *testing.T) {
	root, x := share(t)
	s := &nfsd.Server{Exports: []export.Export{x}}
	addr, _ := serve(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.ServePortmap(ctx, l, 2049) }()
	c := dial(t, l.Addr().String())
	for _, tc := range []struct{ program, version, protocol, want uint32 }{
		{nfsclient.NFS, 3, 6, 2049}, {nfsclient.Mount, 3, 6, 2049}, {nfsclient.NFS, 4, 6, 0}, {nfsclient.NFS, 3, 17, 0}, {100021, 4, 6, 0},
	} {
		var args nfsclient.Encoder
		for _, v := range []uint32{tc.program, tc.version, tc.protocol, 0} {
			args.Uint32(v)
		}
		d, err := c.Call(ctx, nfsclient.Portmap, 2, 3, args.B)
		require.NoError(t, err)
		require.Equal(t, tc.want, d.Uint32())
	}
	_, err = c.Call(ctx, nfsclient.Portmap, 2, 1, make([]byte, 16))
	require.Error(t, err, "SET")
	cancel()
	require.NoError(t, <-done)

	m := dial(t, addr)
	_, err = m.Mount(t.Context(), root)
	require.NoError(t, err)
	d, err := m.Call(t.Context(), nfsclient.Mount, 3, 2, nil)
	require.NoError(t, err)
	require.EqualValues(t, 1, d.Uint32())
	require.Equal(t, "127.0.0.1", string(d.Opaque()))
	require.Equal(t, root, string(d.Opaque()))
	_, err = m.Call(t.Context(), nfsclient.Mount, 3, 4, nil)
	require.NoError(t, err)
	d, err = m.Call(t.Context(), nfsclient.Mount, 3, 2, nil)
	require.NoError(t, err)
	require.Zero(t, d.Uint32())
}
