package dhcp

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUDPFrame(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	src, dst := netip.MustParseAddrPort("10.0.0.1:67"), netip.MustParseAddrPort("10.0.0.2:68")
	for _, payload := range []string{"", "odd", "even", "\xff\xff"} {
		f, err := udpFrame(mac, mac, src, dst, []byte(payload))
		require.NoError(t, err)
		require.Len(t, f, 42+len(payload))
		require.Equal(t, payload, string(f[42:]))
		require.EqualValues(t, 0xffff, sum16(0, f[14:34]))
		require.EqualValues(t, 0xffff, sum16(uint32(17+8+len(payload)), append(append([]byte(nil), f[26:34]...), f[34:]...)))
	}
	for _, tt := range []struct {
		name     string
		mac      net.HardwareAddr
		src, dst netip.AddrPort
		size     int
	}{
		{"no hardware address", nil, src, dst, 300},
		{"IPv6", mac, src, netip.MustParseAddrPort("[::1]:68"), 300},
		{"no source", mac, netip.AddrPort{}, dst, 300},
		{"too long", mac, src, dst, 1473},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := udpFrame(tt.mac, mac, tt.src, tt.dst, make([]byte, tt.size))
			require.Error(t, err)
		})
	}
}

// A checksum that comes out as zero is sent as all ones: zero says that there
// is none.
func TestUDPFrameZeroChecksum(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	src, dst := netip.MustParseAddrPort("10.0.0.1:67"), netip.MustParseAddrPort("10.0.0.2:68")
	f, err := udpFrame(mac, mac, src, dst, []byte{0, 0})
	require.NoError(t, err)
	check := []byte{f[40], f[41]} // as payload it brings the sum to all ones
	f, err = udpFrame(mac, mac, src, dst, check)
	require.NoError(t, err)
	require.Equal(t, []byte{0xff, 0xff}, f[40:42])
}
