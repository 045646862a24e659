package racktest

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// lab is a rack: slots for Pis, whose cables end in this process's network
// namespace. All must be called from the test's goroutine.
type lab struct {
	t    *testing.T
	pis  *netnstest.NS // where the Pis are
	done []*slot       // that were plugged
}

// slot is the place of one Pi: an interface for it alone, and its network.
type slot struct {
	iface   string // the servers' end of the cable, such as eth0.17
	far     string // the Pi's end
	bits    int    // of its network
	server  netip.Addr
	addr    netip.Addr
	serial  uint32
	link    netboottest.Link // open once it is plugged
	machine netboot.Machine
}

// slots numbers the slots of all tests, so that no two are the same.
var slots atomic.Uint32

func newLab(t *testing.T) *lab {
	t.Helper()
	needInside(t)
	l := &lab{t: t, pis: netnstest.New(t)}
	l.ip(false, "link set lo up")
	t.Cleanup(func() { l.unplug(l.done...) })
	return l
}

// plan makes slots whose cables are not there yet. Files of a Pi are those
// of files.
func (l *lab) plan(n int, files fs.FS) []*slot {
	all := make([]*slot, n)
	for i := range all {
		n := slots.Add(1)
		base := 10<<24 | 80<<16 | n<<3
		s := &slot{
			iface: fmt.Sprintf("eth0.%d", n), far: fmt.Sprintf("pi%d", n), bits: 30,
			server: v4(base + 1), addr: v4(base + 2), serial: 0x64240000 + n,
		}
		s.machine = netboot.Machine{Name: s.iface, Addr: netip.PrefixFrom(s.addr, s.bits), Files: files}
		all[i] = s
	}
	return all
}

func v4(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// mac is the hardware address of the slot's Pi, which goes with its serial.
func (s *slot) mac() net.HardwareAddr {
	return net.HardwareAddr{0xb8, 0x27, 0xeb, byte(s.serial >> 16), byte(s.serial >> 8), byte(s.serial)}
}

// plug makes the cables of slots.
func (l *lab) plug(all ...*slot) {
	l.t.Helper()
	var here, there []string
	for _, s := range all {
		here = append(here,
			fmt.Sprintf("link add %s type veth peer name %s netns %s", s.iface, s.far, l.pis.Name()),
			fmt.Sprintf("address add %s/%d brd + dev %s", s.server, s.bits, s.iface),
			fmt.Sprintf("link set %s up", s.iface))
		there = append(there, fmt.Sprintf("link set %s up", s.far))
	}
	l.ip(false, here...)
	l.ip(true, there...)
	for _, s := range all {
		s.link = l.listen(s.far)
		l.done = append(l.done, s)
	}
}

// listen opens a Pi's end of a cable.
func (l *lab) listen(ifname string) netboottest.Link {
	l.t.Helper()
	var link netboottest.Link
	require.NoError(l.t, l.pis.Do(func() (err error) {
		link, err = netboottest.ListenPacket(ifname)
		return err
	}))
	l.t.Cleanup(func() { link.Close() })
	return link
}

// unplug removes the cables of slots.
func (l *lab) unplug(all ...*slot) {
	l.t.Helper()
	var lines []string
	for _, s := range slices.Clone(all) {
		lines = append(lines, "link delete "+s.iface)
		l.done = slices.DeleteFunc(l.done, func(o *slot) bool { return o == s })
	}
	l.ip(false, lines...)
}

// rack plans and plugs slots at once.
func (l *lab) rack(n, kernelSize int) []*slot {
	l.t.Helper()
	all := l.plan(n, tree3B(kernelSize))
	l.plug(all...)
	return all
}

// ip runs the ip program on lines, in this namespace or in that of the Pis.
func (l *lab) ip(there bool, lines ...string) {
	l.t.Helper()
	if len(lines) == 0 {
		return
	}
	cmd := exec.Command(peer.Look(l.t, "ip"), "-batch", "-")
	if there {
		cmd = l.pis.Command(cmd.Path, "-batch", "-")
	}
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	require.NoError(l.t, err, "ip: %s", out)
}

// neighbour sets a parameter of the slot's neighbour table.
func (s *slot) neighbour(t testing.TB, key, value string) {
	t.Helper()
	require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/neigh/"+s.iface+"/"+key, []byte(value), 0))
}

// pi is a Pi 3B in the slot, without a flaw but that it is mute to ARP while it
// loads files, which they all are. It waits longer for a packet than the second
// that a real one does, because it shares the processors with the servers and
// with all other Pis.
func (s *slot) pi() netboottest.Pi {
	return netboottest.Pi{Link: s.link, Serial: s.serial, GiveUp: 5 * time.Second}
}

func tree3B(kernelSize int) fs.FS { return netboottest.BootTree(rpi.Model3B, kernelSize) }

// result is what became of one Pi.
type result struct {
	*netboottest.Boot
	err error
}

// boot powers Pis on together and returns when all have booted or failed.
func boot(t testing.TB, pis ...netboottest.Pi) []result {
	t.Helper()
	all := make([]result, len(pis))
	var running sync.WaitGroup
	for i, p := range pis {
		running.Go(func() { all[i].Boot, all[i].err = p.Run(t.Context()) })
	}
	running.Wait()
	return all
}

// requireBooted fails unless every Pi has booted from its slot.
func requireBooted(t testing.TB, in []*slot, all []result) {
	t.Helper()
	booted := 0
	for i, r := range all[:len(in)] {
		if r.err != nil {
			t.Errorf("%s: %v", in[i].iface, r.err)
			continue
		}
		require.NotEmpty(t, r.Kernel)
		require.Equal(t, in[i].addr, r.Addr)
		booted++
	}
	require.Equal(t, len(in), booted, "that booted")
}
