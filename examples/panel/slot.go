package main

import (
	"context"
	"fmt"
	"io/fs"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// slot is a place on the shelf with a simulated Pi in it.
type slot struct {
	name  string
	label string // the model, for people
	link  string // name of the interface that the servers see it on
	addr  netip.Prefix
	files fs.FS
	total int64 // bytes of files
	pi    netboottest.Pi

	dhcpAddr, tftpAddr netip.AddrPort // set before it has power

	switched chan time.Duration // a power cycle, with how much longer than usual it is
}

// kernelSize, and how long each Pi takes for a packet, make a boot that lasts
// about ten seconds at speed 1.
const kernelSize = 2 << 20

// patience is how long a simulated Pi waits for the next packet of a file. A
// real 3B waits for a second, but everything here shares one computer, which
// may be too busy for that.
const patience = 15 * time.Second

// kinds of Pi stand on the shelf in turns.
var kinds = [...]struct {
	label string
	pi    netboottest.Pi
}{
	{"Pi 3B", netboottest.Pi{Model: rpi.Model3B, RxBug: true, AckDelay: 1200 * time.Microsecond}},
	{"Pi 4", netboottest.Pi{Model: rpi.Model4, AckDelay: 3400 * time.Microsecond}},
	{"Pi 3B", netboottest.Pi{Model: rpi.Model3B, RxBug: true, AckDelay: 900 * time.Microsecond}},
	{"Pi 4", netboottest.Pi{Model: rpi.Model4, AckDelay: 2600 * time.Microsecond}},
}

// trees are the boot files by model, which all Pis of a model share.
type trees map[rpi.Model]fs.FS

func newTrees() trees {
	t := make(trees)
	for _, k := range kinds {
		if t[k.pi.Model] == nil {
			t[k.pi.Model] = netboottest.BootTree(k.pi.Model, kernelSize)
		}
	}
	return t
}

func newSlot(i int, t trees) *slot {
	kind := kinds[i%len(kinds)]
	first := netip.AddrFrom4([4]byte{10, 80, byte(4 * i >> 8), byte(4*i + 2)})
	p := &slot{
		name:     fmt.Sprintf("pi-%02d", i+1),
		label:    kind.label,
		link:     fmt.Sprintf("shelf.%d", 100+i),
		addr:     netip.PrefixFrom(first, 30),
		files:    t[kind.pi.Model],
		pi:       kind.pi,
		switched: make(chan time.Duration, 1),
	}
	p.pi.Serial = 0x5e1f0000 + uint32(i)
	p.pi.OS = true
	p.pi.GiveUp = patience
	p.total = treeSize(p.files)
	return p
}

// treeSize returns the bytes in all files of a tree in memory.
func treeSize(tree fs.FS) int64 {
	var total int64
	_ = fs.WalkDir(tree, ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total
}

// cycle asks for a power cycle, unless one is waited for already.
func (p *slot) cycle(longer time.Duration) {
	select {
	case p.switched <- longer:
	default:
	}
}

// plug gives the Pi power. The function it returns takes it away, and returns
// when nothing of the Pi runs any more.
func (p *slot) plug(ctx context.Context, c shelfConfig) (unplug func()) {
	ctx, cancel := context.WithCancel(ctx)
	link := netboottest.NewUDPLink(netboottest.UDPLinkConfig{DHCP: p.dhcpAddr, TFTP: p.tftpAddr})
	pi := p.pi
	pi.Link = link
	pi.AckDelay = time.Duration(float64(pi.AckDelay) / c.speed)
	var running sync.WaitGroup
	running.Go(func() {
		boot, err := pi.Run(ctx) // the page shows what the servers know of it
		c.log.Info("pi ended", "machine", p.name, "kernel", boot.Kernel, "took", boot.Took, "err", err)
	})
	return func() {
		cancel()
		running.Wait()
		link.Close()
	}
}
