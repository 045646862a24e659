package netboot_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

var (
	addrA = netip.MustParseAddr("10.0.0.2")
	rom   = netboot.Client{MAC: macA, Interface: "vlan17", Firmware: netboot.FirmwarePiROM, Pi: &rpi.Identity{Model: rpi.Model3B}}
	stage = netboot.Client{MAC: macA, Interface: "vlan17", Firmware: netboot.FirmwarePiBootcode, Pi: &rpi.Identity{Serial: 1}}
	linux = netboot.Client{MAC: macA, Interface: "vlan17", Firmware: netboot.FirmwareOS}
	where = netboot.Client{Interface: "vlan17", Addr: addrA} // all that a file request tells
)

// bench runs a tracker in a bubble and keeps the tracker's own events.
type bench struct {
	*netboot.Tracker
	mu   sync.Mutex
	told []netboot.Event
}

func (b *bench) news() []netboot.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.told)
}

func track(t *testing.T, patience netboot.Patience) *bench {
	b := &bench{}
	b.Tracker = &netboot.Tracker{Patience: patience, Next: netboot.ObserverFunc(func(e netboot.Event) {
		if e.Kind == netboot.Stalled || e.Kind == netboot.GaveUp {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.told = append(b.told, e)
		}
	})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
	return b
}

func (b *bench) dhcp(kind netboot.EventKind, c netboot.Client) {
	e := netboot.Event{Kind: kind, Machine: "pi17", Client: c}
	if kind != netboot.Discovered {
		e.Addr = addrA
	}
	b.Observe(e)
}

func (b *bench) file(kind netboot.EventKind, name string, size int64) {
	b.Observe(netboot.Event{Kind: kind, Client: where, File: name, Bytes: size, Size: size})
}

func (b *bench) status(t *testing.T) netboot.Status {
	s, ok := b.Status("pi17")
	require.True(t, ok)
	return s
}

func TestTrackerWholeBootOf3B(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := track(t, netboot.Patience{})
		b.dhcp(netboot.Discovered, rom)
		require.Equal(t, netboot.StageDiscover, b.status(t).Stage)
		b.dhcp(netboot.Offered, rom)
		b.dhcp(netboot.Nudged, rom)
		require.Equal(t, netboot.StageOffered, b.status(t).Stage)
		b.file(netboot.FileServed, "bootcode.bin", 52)
		b.file(netboot.FileMissing, "bootsig.bin", 0)
		require.Equal(t, netboot.StageLoading, b.status(t).Stage)

		advance(3 * time.Second) // bootcode.bin starts
		b.dhcp(netboot.Discovered, stage)
		b.dhcp(netboot.Offered, stage)
		b.file(netboot.FileProbed, "00000001/start.elf", 0)
		b.file(netboot.FileProgress, "00000001/start.elf", 100)
		require.EqualValues(t, 152, b.status(t).Bytes)
		b.file(netboot.FileServed, "00000001/start.elf", 300)
		b.file(netboot.FileServed, "00000001/kernel8.img", 1000)
		b.file(netboot.KernelServed, "00000001/kernel8.img", 1000)
		require.Equal(t, netboot.StageKernel, b.status(t).Stage)
		b.dhcp(netboot.Discovered, linux)
		b.dhcp(netboot.OSLease, linux)
		advance(time.Hour)

		s := b.status(t)
		require.Equal(t, netboot.StageUp, s.Stage)
		require.Equal(t, 1, s.Boots, "bootcode.bin and the OS are stages of one boot")
		require.EqualValues(t, 1352, s.Bytes)
		require.Equal(t, 3, s.Served)
		require.Equal(t, 1, s.Missing)
		require.Equal(t, 1, s.Probed)
		require.Equal(t, 1, s.Nudges)
		require.Empty(t, b.news())

		b.dhcp(netboot.Discovered, rom)
		require.Equal(t, 2, b.status(t).Boots, "a ROM that asks again was power cycled")
		require.Zero(t, b.status(t).Bytes)
	})
}

func TestTrackerGivesUpAfterFiveDiscovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := track(t, netboot.Patience{})
		begin := time.Now()
		for i := range 5 {
			if i > 0 {
				advance(5 * time.Second)
			}
			b.dhcp(netboot.Discovered, rom)
			b.dhcp(netboot.Offered, rom)
		}
		require.Empty(t, b.news())
		advance(10 * time.Second)
		require.Len(t, b.news(), 1)
		require.Equal(t, netboot.GaveUp, b.news()[0].Kind)
		require.Equal(t, "rom-receive-bug", b.news()[0].Diagnosis.Code)
		require.LessOrEqual(t, b.news()[0].At.Sub(begin), 30*time.Second)
		require.Equal(t, netboot.StageDead, b.status(t).Stage)
		advance(time.Hour)
		require.Len(t, b.news(), 1, "told once")
	})
}

func TestTrackerStalls(t *testing.T) {
	eeprom := netboot.Client{MAC: macA, Interface: "vlan17", Firmware: netboot.FirmwarePiEEPROM, Pi: &rpi.Identity{Model: rpi.Model4}}
	uefi := netboot.Client{MAC: macA, Interface: "vlan17", Firmware: netboot.FirmwareUEFIPXE}
	begin := func(b *bench, c netboot.Client) {
		b.dhcp(netboot.Discovered, c)
		b.dhcp(netboot.Offered, c)
	}
	tests := []struct {
		name  string
		steps func(b *bench)
		kinds []netboot.EventKind
		code  string
	}{
		{"mute in mid transfer", func(b *bench) {
			begin(b, rom)
			b.file(netboot.FileProgress, "bootcode.bin", 100)
		}, []netboot.EventKind{netboot.Stalled, netboot.GaveUp}, "arp-mute"},
		{"a late failure changes nothing", func(b *bench) {
			begin(b, rom)
			b.file(netboot.FileProgress, "bootcode.bin", 100)
			advance(30 * time.Second)
			b.file(netboot.FileFailed, "bootcode.bin", 100)
		}, []netboot.EventKind{netboot.Stalled, netboot.GaveUp}, "arp-mute"},
		{"EEPROM takes no offer", func(b *bench) { begin(b, eeprom) },
			[]netboot.EventKind{netboot.Stalled, netboot.GaveUp}, "offer-not-taken"},
		{"no start file", func(b *bench) {
			begin(b, eeprom)
			b.file(netboot.FileMissing, "start4.elf", 0)
		}, []netboot.EventKind{netboot.Stalled, netboot.GaveUp}, "missing-file"},
		{"no kernel", func(b *bench) {
			begin(b, eeprom)
			b.file(netboot.FileServed, "start4.elf", 5)
		}, []netboot.EventKind{netboot.Stalled, netboot.GaveUp}, "no-kernel"},
		{"a PC starts over by itself", func(b *bench) {
			begin(b, uefi)
			b.file(netboot.FileProgress, "snponly.efi", 5)
		}, []netboot.EventKind{netboot.Stalled}, "transfer-stuck"},
		{"power and silence", func(b *bench) { b.dhcp(netboot.PoweredOn, netboot.Client{}) },
			[]netboot.EventKind{netboot.Stalled}, "no-discover"},
		{"a kernel may be silent", func(b *bench) {
			begin(b, eeprom)
			b.file(netboot.KernelServed, "kernel8.img", 5)
		}, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := track(t, netboot.Patience{})
				tt.steps(b)
				advance(time.Hour)
				news := b.news()
				var kinds []netboot.EventKind
				for _, e := range news {
					kinds = append(kinds, e.Kind)
				}
				require.Equal(t, tt.kinds, kinds)
				if tt.code != "" {
					require.Equal(t, tt.code, news[len(news)-1].Diagnosis.Code)
				}
			})
		})
	}
}

func TestTrackerKernelPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := track(t, netboot.Patience{Kernel: time.Minute})
		b.dhcp(netboot.Offered, stage)
		b.file(netboot.KernelServed, "kernel8.img", 1)
		advance(2 * time.Minute)
		require.Len(t, b.news(), 1)
		require.Equal(t, "no-os", b.news()[0].Diagnosis.Code)
	})
}

func TestTrackerWatchAndForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := track(t, netboot.Patience{})
		ctx, cancel := context.WithCancel(t.Context())
		var seen []netboot.Stage
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.Watch(ctx, func(s netboot.Status) { seen = append(seen, s.Stage) })
		}()
		synctest.Wait()
		b.dhcp(netboot.Discovered, rom)
		b.dhcp(netboot.Offered, rom)
		synctest.Wait()
		cancel()
		<-done
		require.Equal(t, []netboot.Stage{netboot.StageDiscover, netboot.StageOffered}, seen)
		require.Len(t, b.All(), 1)
		b.Forget("pi17")
		require.Empty(t, b.All())
		b.file(netboot.FileServed, "x", 1)
		require.Empty(t, b.All(), "the address is forgotten too")
	})
}

func TestRefineTells3BPlus(t *testing.T) {
	require.Equal(t, netboot.FirmwarePi3BPlusROM, netboot.Refine(stage, "bootcode.bin"))
	require.Equal(t, netboot.FirmwarePiBootcode, netboot.Refine(stage, "00000001/start.elf"))
	require.Equal(t, netboot.FirmwarePiROM, netboot.Refine(rom, "bootcode.bin"))
}

// advance lets d pass on the bubble's clock and everything that it wakes run.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
