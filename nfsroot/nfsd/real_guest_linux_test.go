package nfsd_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/ganeshatest"
	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/export"
	"github.com/mythic-beasts/hostkit/nfsroot/initramfs"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsd"
)

// The addresses of the guest's network.
const (
	serverAddr = "10.77.0.1"
	guestAddr  = "10.77.0.11"
)

const guestTime = 6 * time.Minute // on a loaded machine

// probeInit is the guest's init: its root answers the probes.
const probeInit = `#!/bin/busybox sh
/bin/busybox mkdir -p /probe
/bin/nfsprobe /probe
/bin/busybox poweroff -f
`

// guestRoot makes a root of busybox and the probes.
func guestRoot(t *testing.T, dir, init string) string {
	t.Helper()
	root := filepath.Join(dir, "root")
	for _, d := range []string{"bin", "sbin", "dev", "proc", "sys", "run", "etc", "tmp"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, d), 0o755))
	}
	busybox, err := os.Open(peer.DebFile(t, "busybox-static:amd64", "bin/busybox"))
	require.NoError(t, err)
	defer busybox.Close()
	to, err := os.OpenFile(filepath.Join(root, "bin/busybox"), os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(to, busybox)
	require.NoError(t, err)
	require.NoError(t, to.Close())
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(root, "bin/nfsprobe"), "../nfsroottest/cmd/nfsprobe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.WriteFile(filepath.Join(root, "sbin/init"), []byte(init), 0o755))
	return root
}

// guest is an emulated PC that runs Debian's kernel on a root over NFS.
type guest struct {
	ns            *netnstest.NS
	image, initrd string
}

func newGuest(t *testing.T) guest {
	t.Helper()
	peer.NeedRoot(t)
	peer.Need(t, "qemu-system-x86_64")
	g := guest{ns: netnstest.New(t), image: peer.DebFile(t, "linux-image-6.1.0-*-cloud-amd64", "boot/vmlinuz-*")}
	g.ns.Tap("tap0")
	g.ns.Bridge("br0", "tap0")
	g.ns.AddAddr("br0", netip.MustParsePrefix(serverAddr+"/24"))

	init, err := initramfs.CompileInit(t.Context(), nfsroot.AMD64)
	require.NoError(t, err)
	version := strings.TrimPrefix(filepath.Base(g.image), "vmlinuz-")
	tree, err := kmod.Open(filepath.Join(filepath.Dir(filepath.Dir(g.image)), "lib/modules", version))
	require.NoError(t, err)
	modules, err := initramfs.Virt().Closure(tree)
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = initramfs.Build(&b, initramfs.Options{Init: init, Modules: modules})
	require.NoError(t, err)
	g.initrd = filepath.Join(t.TempDir(), "initramfs.gz")
	require.NoError(t, os.WriteFile(g.initrd, b.Bytes(), 0o644))
	return g
}

func (g guest) start(t *testing.T, root string) *peer.Process {
	t.Helper()
	return peer.Start(t, g.ns.Command(peer.Look(t, "qemu-system-x86_64"),
		"-accel", "tcg,thread=multi", "-cpu", "max", "-m", "512", "-display", "none", "-nodefaults",
		"-no-reboot", "-serial", "stdio", "-kernel", g.image, "-initrd", g.initrd,
		"-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no",
		"-device", "virtio-net-pci,netdev=n0,romfile=",
		"-append", "console=ttyS0,115200 quiet root=/dev/nfs net.ifnames=0 rw ip="+guestAddr+":"+serverAddr+"::255.255.255.0:pi1:eth0:off nfsroot="+root+",vers=3",
	), peer.Options{Grace: -1})
}

// run boots the guest and returns what it said until it was done.
func (g guest) run(t *testing.T, root string) string {
	t.Helper()
	p := g.start(t, root)
	ctx, cancel := context.WithTimeout(t.Context(), guestTime)
	defer cancel()
	require.NoError(t, p.Wait(ctx), p.Output())
	return p.Output()
}

// serve starts our server in the guest's network. It ends when stop is called.
func (g guest) serve(t *testing.T, s *nfsd.Server) (stop func()) {
	t.Helper()
	var nfs, portmap net.Listener
	require.NoError(t, g.ns.Do(func() (err error) {
		if nfs, err = net.Listen("tcp", serverAddr+":2049"); err == nil {
			portmap, err = net.Listen("tcp", serverAddr+":111")
		}
		return err
	}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- s.Serve(ctx, nfs) }()
	go func() { done <- s.ServePortmap(ctx, portmap, 2049) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, <-done)
	}
}

func guestExport(dir string) []export.Export {
	return []export.Export{{ID: 1, Path: dir, Client: netip.MustParsePrefix(guestAddr + "/32"), FSID: export.FSID("pi1")}}
}

var probeLine = regexp.MustCompile(`(?m)^(ok  |FAIL|no  |skip) ([a-z0-9-]+)(?:: (.*?))?\r?$`)

// answers are the guest's probes by name: "ok", or what was wrong.
func answers(t *testing.T, output string) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, line := range probeLine.FindAllStringSubmatch(output, -1) {
		m[line[2]] = strings.TrimSpace(line[1] + " " + line[3])
	}
	require.Greater(t, len(m), 60, output)
	require.Contains(t, output, "nfsprobe: ", output)
	return m
}

// TestRealGuest boots one guest on this server, which is restarted meanwhile, and
// one on nfs-ganesha: what a root can do on ganesha by NFSv3, it can do here.
func TestRealGuest(t *testing.T) {
	g := newGuest(t)
	dir := t.TempDir()
	root := guestRoot(t, dir, probeInit)
	key, err := nfsd.LoadKey(filepath.Join(t.TempDir(), "key"))
	require.NoError(t, err)
	server := func() *nfsd.Server {
		return &nfsd.Server{Exports: guestExport(dir), Key: key, Async: true, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	}
	ctx, cancel := context.WithTimeout(t.Context(), guestTime)
	defer cancel()
	stop := g.serve(t, server())
	p := g.start(t, root)
	_, err = p.WaitOutput(ctx, regexp.MustCompile("ok   owner-file"))
	stop()
	require.NoError(t, err, p.Output())
	stop = g.serve(t, server())
	err = p.Wait(ctx)
	stop()
	require.NoError(t, err, p.Output())
	ours := answers(t, p.Output())

	var config strings.Builder
	require.NoError(t, export.WriteGanesha(&config, export.Ganesha{}, guestExport(dir)))
	srv := ganeshatest.Start(t, g.ns, netip.MustParseAddr(serverAddr), config.String())
	output := g.run(t, root)
	srv.Stop()
	theirs := answers(t, output)

	var table strings.Builder
	for name, their := range theirs {
		fmt.Fprintf(&table, "%-28s nfsd %-40s ganesha %s\n", name, ours[name], their)
		if their == "ok" {
			require.Equal(t, "ok", ours[name], name)
		}
	}
	t.Logf("probes:\n%s", table.String())
	for name, our := range ours {
		require.False(t, strings.HasPrefix(our, "FAIL"), "%s: %s", name, our)
	}
}
