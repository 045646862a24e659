package netboot_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
)

// A server that starts in the middle of a boot counts it once, from whatever it
// sees first, and takes no event that comes late for a step back.
func TestTrackerStartsInMidBoot(t *testing.T) {
	eeprom := netboot.Client{Firmware: netboot.FirmwarePiEEPROM}
	system := netboot.Client{Firmware: netboot.FirmwareOS}
	tests := []struct {
		name   string
		events []netboot.Event
		want   netboot.Stage
	}{
		{"offered before", []netboot.Event{{Kind: netboot.Leased, Client: eeprom}}, netboot.StageOffered},
		{"loading", []netboot.Event{{Kind: netboot.Leased, Client: eeprom}, {Kind: netboot.FileServed, File: "start4.elf"}}, netboot.StageLoading},
		{"operating system", []netboot.Event{
			{Kind: netboot.Discovered, Client: system}, {Kind: netboot.Offered, Client: system}, {Kind: netboot.OSLease, Client: system},
		}, netboot.StageUp},
		{"lease before the kernel's last event", []netboot.Event{
			{Kind: netboot.Leased, Client: eeprom}, {Kind: netboot.OSLease, Client: system}, {Kind: netboot.KernelServed, File: "kernel8.img"},
		}, netboot.StageUp},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tracker netboot.Tracker
			for i, e := range tt.events {
				e.Machine, e.At = "pi", time.Unix(1e9+int64(i), 0)
				tracker.Observe(e)
			}
			s, ok := tracker.Status("pi")
			require.True(t, ok)
			require.Equal(t, tt.want, s.Stage)
			require.Equal(t, 1, s.Boots)
		})
	}
}
