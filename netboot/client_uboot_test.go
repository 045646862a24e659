package netboot_test

import (
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
)

// U-Boot and EDK II write the same class; only one sends a machine identifier,
// which QEMU and cheap boards leave zero.
func TestIdentifyUBootAndUEFI(t *testing.T) {
	class := dhcpv4.WithOption(dhcpv4.OptClassIdentifier("PXEClient:Arch:00011:UNDI:003000"))
	arch := dhcpv4.WithOption(dhcpv4.OptClientArch(iana.EFI_ARM64))
	for _, tt := range []struct {
		name string
		guid []byte
		want netboot.Firmware
	}{
		{"no identifier", nil, netboot.FirmwareUBoot},
		{"zero identifier", make([]byte, 17), netboot.FirmwareUEFIPXE},
		{"identifier", append([]byte{0}, "sixteen byte id."...), netboot.FirmwareUEFIPXE},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := dhcpv4.New(class, arch)
			require.NoError(t, err)
			if tt.guid != nil {
				m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientMachineIdentifier, tt.guid))
			}
			require.Equal(t, tt.want, netboot.Identify(m, netboot.Received{}).Firmware)
		})
	}
}
