package nfsd_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/export"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsd"
)

const (
	waitLong = time.Minute
	tick     = 5 * time.Millisecond
)

// TestRealTools asks by libnfs, showmount and rpcinfo, at the ports that all
// take for granted.
func TestRealTools(t *testing.T) {
	peer.NeedRoot(t)
	ns := netnstest.New(t)
	ns.AddAddr("lo", netip.MustParsePrefix(serverAddr+"/32"))
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	require.NoError(t, os.Mkdir(root, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), content(1, 2), 0o644))

	s := &nfsd.Server{InsecurePorts: true, Exports: []export.Export{{ID: 1, Path: dir, Client: netip.MustParsePrefix(serverAddr + "/32")}}}
	var nfs, portmap net.Listener
	var packets net.PacketConn
	require.NoError(t, ns.Do(func() (err error) {
		if nfs, err = net.Listen("tcp", serverAddr+":2049"); err == nil {
			portmap, err = net.Listen("tcp", serverAddr+":111")
		}
		if err == nil {
			packets, err = net.ListenPacket("udp", serverAddr+":111")
		}
		return err
	}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 3)
	go func() { done <- s.Serve(ctx, nfs) }()
	go func() { done <- s.ServePortmap(ctx, portmap, 2049) }()
	go func() { done <- s.ServePortmapPacket(ctx, packets, 2049) }()
	defer func() {
		cancel()
		for range cap(done) {
			require.NoError(t, <-done)
		}
	}()

	run := func(t *testing.T, program string, args ...string) string {
		t.Helper()
		out, err := output(ns.Command(peer.Look(t, program), args...))
		require.NoError(t, err, out)
		return out
	}
	t.Run("showmount", func(t *testing.T) {
		require.Contains(t, run(t, "showmount", "-e", "--no-headers", serverAddr), dir+" "+serverAddr)
	})
	t.Run("rpcinfo", func(t *testing.T) {
		out := run(t, "rpcinfo", "-p", serverAddr)
		require.Regexp(t, `100003 +3 +tcp +2049`, out)
		require.Regexp(t, `100005 +3 +tcp +2049`, out)
	})
	t.Run("rpcinfo calls", func(t *testing.T) {
		require.Contains(t, run(t, "rpcinfo", "-T", "tcp", serverAddr, "100003", "3"), "ready and waiting")
	})
	url := "nfs://" + serverAddr + root
	t.Run("nfs-ls", func(t *testing.T) {
		require.Contains(t, run(t, "nfs-ls", url), "file")
	})
	t.Run("nfs-cp", func(t *testing.T) {
		to := filepath.Join(t.TempDir(), "copy")
		run(t, "nfs-cp", url+"/file", to)
		got, err := os.ReadFile(to)
		require.NoError(t, err)
		require.Equal(t, content(1, 2), got)
		run(t, "nfs-cp", to, url+"/back")
		got, err = os.ReadFile(filepath.Join(root, "back"))
		require.NoError(t, err)
		require.Equal(t, content(1, 2), got)
	})
	t.Run("nfs-cat", func(t *testing.T) {
		require.Equal(t, string(content(1, 2)), run(t, "nfs-cat", url+"/file"))
	})
}

func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.CombinedOutput()
	return string(out), err
}
