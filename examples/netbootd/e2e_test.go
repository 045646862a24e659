package main

import (
	"crypto/sha256"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

const kernelSize = 4 << 20

// kernelIs requires that the machine booted the kernel of its own directory.
func kernelIs(t *testing.T, b result, dir string) {
	t.Helper()
	require.NoError(t, b.err)
	f, ok := b.File(b.Kernel)
	require.True(t, ok)
	want, err := os.ReadFile(filepath.Join(dir, filepath.Base(b.Kernel)))
	require.NoError(t, err)
	require.Equal(t, sha256.Sum256(want), f.SHA256)
}

// A 3B with all flaws of its ROM and a 4, each alone on its VLAN, boot at the
// same time, and a third machine joins them while one of them loads.
func TestRack(t *testing.T) {
	l := newLab(t)
	l.cable("vlan1", "10.80.0.65/30")
	l.cable("vlan2", "10.80.0.69/30")
	l.cable("vlan3", "10.80.0.73/30")
	files3, files4 := l.files("files3", rpi.Model3B, kernelSize), l.files("files4", rpi.Model4, kernelSize)
	files5 := l.files("files5", rpi.Model5, kernelSize)
	two := machine("pi3", `interface = "vlan1"`, `address = "10.80.0.66/30"`, files3) +
		machine("pi4", `interface = "vlan2"`, `address = "10.80.0.70/30"`, files4)
	l.configure(two)
	l.start()

	watch := l.watch("up", "pi3", "pi4")
	_, err := watch.WaitOutput(t.Context(), regexp.MustCompile("pi4 off"))
	require.NoError(t, err)
	flawed, other := l.pi("port1", rpi.Model3B), l.pi("port2", rpi.Model4)
	boot3, boot4 := l.boot(flawed), l.boot(other)
	b3, b4 := <-boot3, <-boot4
	kernelIs(t, b3, files3)
	kernelIs(t, b4, files4)
	require.Equal(t, netip.MustParseAddr("10.80.0.66"), b3.Addr)
	require.Equal(t, netip.MustParseAddr("10.80.0.66"), b3.OSAddr)
	require.Equal(t, netip.MustParseAddr("10.80.0.70"), b4.OSAddr)
	require.NoError(t, watch.Wait(t.Context()))
	require.Regexp(t, `(?m)^[0-9:]+ pi3 (discover|offered) Pi ROM`, watch.Output())
	require.Regexp(t, `(?m)^[0-9:]+ pi3 loading .*start\.elf`, watch.Output())
	require.Regexp(t, `(?m)^[0-9:]+ pi4 loading .*kernel8\.img`, watch.Output())
	require.Regexp(t, `(?m)^[0-9:]+ pi4 up`, watch.Output())
	l.metric(`netbootd_machines{stage="up"} 2`)
	l.metric(`netbootd_events_total{kind="kernel served"} 2`)
	l.metric(`netbootd_events_total{kind="OS lease"} 2`)

	var reload sync.Once
	other.OnStep = func(s netboottest.Step) {
		if s.Kind == netboottest.StepProgress && s.File.Bytes > 0 {
			reload.Do(func() {
				l.configure(two, machine("pi5", `interface = "vlan3"`, `address = "10.80.0.74/30"`, files5))
				require.NoError(t, l.daemon.Signal(syscall.SIGHUP))
				l.metric(`hostkit_config_reloads_total{result="ok"} 1`)
			})
		}
	}
	b, err := other.Run(t.Context())
	kernelIs(t, result{b, err}, files4)
	require.Equal(t, 1, b.Discovers, "the boot went on under the reload")
	kernelIs(t, <-l.boot(l.pi("port3", rpi.Model5)), files5)
}

// A daemon that is told to end and starts anew costs a boot a moment; one that
// is killed costs the boot, which begins again.
func TestRestart(t *testing.T) {
	l := newLab(t)
	l.cable("vlan1", "10.80.0.65/30")
	files := l.files("files", rpi.Model4, kernelSize)
	l.configure(machine("pi4", `interface = "vlan1"`, `address = "10.80.0.66/30"`, files))
	l.start()
	pi := l.pi("port1", rpi.Model4)

	// loading returns once a file is on its way.
	loading := func(name string) <-chan result {
		reached := make(chan struct{})
		var once sync.Once
		pi.OnStep = func(s netboottest.Step) {
			if s.Kind == netboottest.StepProgress && filepath.Base(s.File.Name) == name {
				once.Do(func() { close(reached) })
			}
		}
		done := l.boot(pi)
		select {
		case <-reached:
		case b := <-done:
			require.NoError(t, b.err)
			t.Fatalf("%s was not loaded", name)
		}
		return done
	}

	done := loading("start4.elf")
	l.end(syscall.SIGTERM)
	l.start()
	b := <-done
	kernelIs(t, b, files)
	require.Equal(t, 1, b.Discovers, "the boot went on by itself")

	pi.TimeScale = 0.2 // not to sit through the firmware's patience
	done = loading("kernel8.img")
	l.end(syscall.SIGKILL)
	l.start()
	b = <-done
	if b.err != nil {
		require.ErrorIs(t, b.err, netboottest.ErrStalled)
		b = <-l.boot(pi) // its boot order starts over
	}
	kernelIs(t, b, files)
}

// An address that was offered and not yet acknowledged when the daemon is
// killed is the one that the machine gets, and nobody else's.
func TestKilledBetweenOfferAndAck(t *testing.T) {
	l := newLab(t)
	l.cable("vlan1", "10.81.0.1/24")
	files3, files4 := l.files("files3", rpi.Model3B, 1<<16), l.files("files4", rpi.Model4, 1<<16)
	l.configure(machine("a", `mac = "b8:27:eb:00:00:0a"`, `pool = "lab"`, files3),
		machine("b", `mac = "b8:27:eb:00:00:0b"`, `pool = "lab"`, files4))
	l.start()
	a, b := l.pi("port1", rpi.Model3B), l.pi("port1", rpi.Model4)
	a.Serial, b.Serial = 0xa, 0xb
	a.OS = false // its address stands from the OFFER on

	first := <-l.boot(a)
	kernelIs(t, first, files3)
	var offered string
	b.OnStep = func(s netboottest.Step) {
		if s.Kind == netboottest.StepRequest && offered == "" {
			offered = s.Text
			l.end(syscall.SIGKILL)
			l.start()
		}
	}
	boot, err := b.Run(t.Context())
	kernelIs(t, result{boot, err}, files4)
	require.Equal(t, offered, boot.Addr.String())
	require.Equal(t, offered, boot.OSAddr.String())
	require.NotEqual(t, first.Addr, boot.Addr)
	again := <-l.boot(a)
	kernelIs(t, again, files3)
	require.Equal(t, first.Addr, again.Addr)
}
