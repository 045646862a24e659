package racktest

import (
	"net/netip"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// at returns a function for Pi.OnStep that closes the channel at the first
// step of a kind that has to do with a file.
func at(kind netboottest.StepKind, file string) (step func(netboottest.Step), reached chan struct{}) {
	reached = make(chan struct{})
	var once sync.Once
	return func(s netboottest.Step) {
		if s.Kind == kind && s.File != nil && filepath.Base(s.File.Name) == file {
			once.Do(func() { close(reached) })
		}
	}, reached
}

// running boots a Pi while the test does something to it.
func running(t testing.TB, p netboottest.Pi) (wait func() result) {
	done := make(chan result, 1)
	go func() {
		b, err := p.Run(t.Context())
		done <- result{b, err}
	}()
	return func() result { return <-done }
}

// await fails when the Pi ends before it has reached the step.
func await(t testing.TB, reached <-chan struct{}) {
	t.Helper()
	select {
	case <-reached:
	case <-time.After(30 * time.Second):
		t.Fatal("the boot does not get as far as it should")
	}
}

// The interface goes down in mid transfer and comes back.
func TestInterfaceFlaps(t *testing.T) {
	l := newLab(t)
	in := l.plan(1, netboottest.BootTree(rpi.Model4, 2<<20))
	l.plug(in...)
	var s servers
	s.serve(t, in...)
	p := in[0].pi()
	p.Model, p.AckDelay = rpi.Model4, time.Millisecond
	step, reached := at(netboottest.StepProgress, "kernel8.img")
	p.OnStep = step
	wait := running(t, p)
	await(t, reached)
	l.ip(false, "link set "+in[0].iface+" down")
	hold := time.NewTimer(500 * time.Millisecond) // how long it is down
	<-hold.C
	l.ip(false, "link set "+in[0].iface+" up")
	r := wait()
	requireBooted(t, in, []result{r})
	require.Equal(t, 1, r.Discovers, "the transfer went on where it was")
	requireFile(t, r, "kernel8.img", in[0])
}

// requireFile compares what the Pi got with what was to be served.
func requireFile(t testing.TB, r result, name string, s *slot) {
	t.Helper()
	f, ok := r.File(name)
	require.True(t, ok)
	require.Equal(t, netboottest.Got, f.Outcome)
	want, err := s.machine.Open(name)
	require.NoError(t, err)
	defer want.Close()
	require.Equal(t, want.Size(), f.Bytes)
}

// The servers end in mid boot, and new ones start on the same journal.
func TestServersRestart(t *testing.T) {
	for _, tt := range []struct {
		model rpi.Model
		kind  netboottest.StepKind
		file  string
	}{
		{rpi.Model3B, netboottest.StepFile, "bootcode.bin"},     // the ROM has five tries
		{rpi.Model3BPlus, netboottest.StepFile, "bootcode.bin"}, // as the 3B
		{rpi.Model4, netboottest.StepProgress, "start4.elf"},    // the EEPROM starts over
	} {
		t.Run(tt.model.String(), func(t *testing.T) {
			l := newLab(t)
			in := l.plan(1, netboottest.BootTree(tt.model, 1<<20))
			in[0].machine.Addr = netip.Prefix{}
			in[0].machine.Pool = netboot.Pool{First: in[0].addr, Last: in[0].addr, Bits: in[0].bits}
			l.plug(in...)
			journal := filepath.Join(t.TempDir(), "leases")
			old := servers{journal: journal}
			old.serve(t, in...)
			p := in[0].pi()
			p.Model, p.OS = tt.model, true
			step, reached := at(tt.kind, tt.file)
			p.OnStep = step
			wait := running(t, p)
			await(t, reached)
			old.stop()
			renewed := servers{journal: journal}
			renewed.serve(t, in...)
			r := wait()
			if tt.model == rpi.Model4 && r.err != nil {
				r = boot(t, p)[0] // its BOOT_ORDER ends with "start over"
			}
			requireBooted(t, in, []result{r})
			require.Equal(t, in[0].addr, r.OSAddr)
			requireFile(t, r, "kernel8.img", in[0])
			require.NotZero(t, renewed.tftp.Stats().Served)
		})
	}
}

// dnsmasq answers the same DISCOVERs as a proxy, which gives no addresses.
func TestProxyBeside(t *testing.T) {
	dnsmasq := peer.Look(t, "dnsmasq")
	for _, model := range []rpi.Model{rpi.Model3B, rpi.Model4} {
		t.Run(model.String(), func(t *testing.T) {
			l := newLab(t)
			in := l.plan(1, netboottest.BootTree(model, 32<<10))
			place := in[0]
			place.bits = 29
			place.machine.Addr = netip.PrefixFrom(place.addr, place.bits)
			l.plug(place)
			other := netnstest.New(t)
			netnstest.Veth(t, l.pis, "pi", l.pis, "port")
			netnstest.Veth(t, l.pis, "uplink", other, "d0")
			l.pis.Bridge("switch", place.far, "port", "uplink")
			other.AddAddr("d0", netip.PrefixFrom(place.addr.Next().Next(), place.bits))
			proxy := peer.Start(t, other.Command(dnsmasq, "--keep-in-foreground", "--conf-file=/dev/null", "--port=0",
				"--user=root", "--pid-file=", "--log-facility=-", "--log-dhcp", "--interface=d0", "--bind-interfaces",
				"--dhcp-leasefile="+filepath.Join(t.TempDir(), "leases"),
				"--dhcp-range="+place.server.String()+",proxy,255.255.255.248", "--pxe-service=0,Raspberry Pi Boot   "),
				peer.Options{ReadyOutput: regexp.MustCompile(`DHCP, proxy`)})
			var s servers
			s.serve(t, place)
			p := place.pi()
			p.Model, p.Link = model, l.listen("pi")
			r := boot(t, p)
			requireBooted(t, in, r)
			require.Equal(t, place.server, r[0].Server)
			_, err := proxy.WaitOutput(t.Context(), regexp.MustCompile(`PXE\(d0\) `+place.mac().String()+" proxy"))
			require.NoError(t, err)
		})
	}
}
