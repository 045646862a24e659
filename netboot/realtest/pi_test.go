package realtest

import (
	"crypto/sha256"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// Emulated Pis load the firmware of real ones and Debian's kernel, by frames on
// a real interface.
func TestRealPiFirmware(t *testing.T) {
	for _, tt := range []struct {
		model    rpi.Model
		rxBug    bool
		firmware netboot.Firmware // of the first DISCOVER
		files    []string
	}{
		{rpi.Model3B, true, netboot.FirmwarePiROM, []string{"bootcode.bin", "start.elf", "fixup.dat", "config.txt"}},
		{rpi.Model4, false, netboot.FirmwarePiEEPROM, []string{"start4.elf", "fixup4.dat", "config.txt"}},
	} {
		t.Run(tt.model.String(), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			kernel := l.piTree(tt.model)
			pi := netboottest.Pi{Model: tt.model, RxBug: tt.rxBug, OS: true}
			err := l.neighbor().Do(func() (err error) {
				pi.Link, err = netboottest.ListenPacket("c0")
				return err
			})
			require.NoError(t, err)
			defer pi.Link.Close()
			s := l.serve(serverConf{Machines: []machineConf{{
				Name: "pi", Interface: labBridge, Addr: netip.MustParsePrefix(labMachine + "/24"),
			}}})
			boot, err := pi.Run(t.Context())
			require.NoError(t, err)
			t.Logf("booted %s in %s", boot.Kernel, boot.Took)
			require.Equal(t, labMachine, boot.OSAddr.String())
			require.Equal(t, tt.firmware.String(), s.first(t, netboot.Discovered).Firmware)
			require.Equal(t, tt.rxBug, len(s.find(netboot.Nudged.String())) > 0)
			l.requireGot(boot, append(tt.files, kernel)...)
		})
	}
}

// piTree puts a Pi's boot files among the lab's, and returns the kernel's name.
func (l *lab) piTree(model rpi.Model) string {
	l.t.Helper()
	tree := netboottest.BootTree(model, 1<<20)
	require.NoError(l.t, os.CopyFS(l.dir, tree))
	kernels, err := fs.Glob(tree, "kernel*.img")
	require.NoError(l.t, err)
	require.NotEmpty(l.t, kernels)
	l.copy(kernels[0], peer.DebFile(l.t, armKernel, "boot/vmlinuz-*"))
	bootcode, ok := tryDebFile(l.t, "raspi-firmware", "usr/lib/raspi-firmware/bootcode.bin")
	if !ok {
		l.t.Log("made-up firmware files are used: Debian's non-free-firmware cannot be reached")
		return kernels[0]
	}
	real, err := filepath.Glob(filepath.Join(filepath.Dir(bootcode), "*"))
	require.NoError(l.t, err)
	for _, path := range real {
		l.copy(filepath.Base(path), path)
	}
	return kernels[0]
}

// requireGot checks that the named files were received, and that whatever was
// is what is on the disk.
func (l *lab) requireGot(boot *netboottest.Boot, names ...string) {
	l.t.Helper()
	got := make(map[string]bool)
	for _, f := range boot.Files {
		if f.Outcome != netboottest.Got {
			continue
		}
		name := f.Name
		if _, err := os.Stat(filepath.Join(l.dir, filepath.FromSlash(name))); err != nil {
			_, name, _ = strings.Cut(f.Name, "/") // without the serial number
		}
		data, err := os.ReadFile(filepath.Join(l.dir, filepath.FromSlash(name)))
		require.NoError(l.t, err)
		require.Equal(l.t, sha256.Sum256(data), f.SHA256, f.Name)
		got[name] = true
	}
	for _, name := range names {
		require.True(l.t, got[name], "%s was not received: %v", name, got)
	}
}

// tryDebFile is peer.DebFile for what there is a stand-in for.
func tryDebFile(t testing.TB, pkg, path string) (file string, ok bool) {
	found := make(chan string, 1)
	go func() {
		defer close(found)
		found <- peer.DebFile(quiet{t}, pkg, path)
	}()
	file, ok = <-found
	return file, ok
}

// quiet ends the goroutine where the test would fail or be skipped.
type quiet struct{ testing.TB }

func (q quiet) Skip(args ...any)                  { q.end(args...) }
func (q quiet) Fatalf(format string, args ...any) { q.end(append([]any{format}, args...)...) }

func (q quiet) end(args ...any) {
	q.Log(args...)
	runtime.Goexit()
}
