package dns64_test

import (
	"net/netip"
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy/dns64"
	"github.com/stretchr/testify/require"
)

// The table of RFC 6052, section 2.4.
func TestEmbed(t *testing.T) {
	v4 := netip.MustParseAddr("192.0.2.33")
	tests := []struct{ prefix, want string }{
		{"2001:db8::/32", "2001:db8:c000:221::"},
		{"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
		{"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
		{"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
		{"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
		{"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"},
		{"64:ff9b::/96", "64:ff9b::192.0.2.33"},
	}
	for _, tt := range tests {
		p := netip.MustParsePrefix(tt.prefix)
		require.NoError(t, dns64.ValidatePrefix(p))
		got := dns64.Embed(p, v4)
		require.Equal(t, netip.MustParseAddr(tt.want), got, tt.prefix)
		require.Zero(t, got.As16()[8])
		back, ok := dns64.Extract(p, got)
		require.True(t, ok)
		require.Equal(t, v4, back)

		b := got.As16()
		b[8] = 1
		_, ok = dns64.Extract(p, netip.AddrFrom16(b))
		require.False(t, ok, "bits 64 to 71")
	}
	_, ok := dns64.Extract(dns64.WellKnown, netip.MustParseAddr("64:ff9b:1::1"))
	require.False(t, ok, "another prefix")
	require.Equal(t, dns64.Embed(dns64.WellKnown, v4), dns64.Embed(dns64.WellKnown, netip.MustParseAddr("::ffff:192.0.2.33")))
	require.False(t, dns64.Embed(dns64.WellKnown, netip.MustParseAddr("2001:db8::1")).IsValid())
	require.False(t, dns64.Embed(netip.MustParsePrefix("2001:db8::/33"), v4).IsValid())
}

func TestValidatePrefix(t *testing.T) {
	for prefix, want := range map[string]string{
		"2001:db8::/33":         "length",
		"2001:db8::/128":        "length",
		"::/0":                  "length",
		"192.0.2.0/32":          "not of IPv6",
		"2001:db8::1/96":        "bits behind",
		"2001:db8:0:0:100::/96": "bits 64 to 71",
	} {
		require.ErrorContains(t, dns64.ValidatePrefix(netip.MustParsePrefix(prefix)), want, prefix)
	}
	require.Error(t, dns64.ValidatePrefix(netip.Prefix{}))
	require.Error(t, dns64.ValidatePrefix(netip.PrefixFrom(netip.MustParseAddr("::ffff:0:0"), 96)))
}

func FuzzEmbed(f *testing.F) {
	f.Add([]byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, uint8(32), []byte{192, 0, 2, 33})
	f.Add([]byte{0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, uint8(96), []byte{192, 0, 2, 33})
	f.Fuzz(func(t *testing.T, prefix []byte, bits uint8, v4 []byte) {
		at, ok := netip.AddrFromSlice(prefix)
		ip, ok4 := netip.AddrFromSlice(v4)
		if !ok || !ok4 {
			return
		}
		p := netip.PrefixFrom(at, int(bits))
		got := dns64.Embed(p, ip)
		if got.IsValid() != (dns64.ValidatePrefix(p) == nil && ip.Unmap().Is4()) {
			t.Fatalf("%v in %v: %v", ip, p, got)
		}
		if !got.IsValid() {
			return
		}
		back, ok := dns64.Extract(p, got)
		if !ok || back != ip.Unmap() || !p.Contains(got) || got.As16()[8] != 0 {
			t.Fatalf("%v in %v: %v and back %v", ip, p, got, back)
		}
	})
}
