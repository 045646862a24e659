package backend_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/stretchr/testify/require"
)

func TestSourceLeavesItToTheKernel(t *testing.T) {
	for _, s := range []*backend.Source{nil, {}, {FreeBind: true}} {
		addr, freebind := s.Addr(client)
		require.False(t, addr.IsValid())
		require.False(t, freebind)
		require.NoError(t, s.Validate())
		require.NoError(t, s.Bind(-1, client), "no socket is touched")
	}
}

func TestSourceNAT46(t *testing.T) {
	s := &backend.Source{NAT46: netip.MustParsePrefix("64:ff9b:1::/96")}
	require.NoError(t, s.Validate())
	tests := []struct{ client, want string }{
		{"198.51.100.7", "64:ff9b:1::c633:6407"},
		{"0.0.0.0", "64:ff9b:1::"},
		{"255.255.255.255", "64:ff9b:1::ffff:ffff"},
		{"::ffff:192.0.2.33", "64:ff9b:1::c000:221"},
		{"2001:db8::1", ""}, // has an IPv6 address of its own, which cannot be used
	}
	for _, tt := range tests {
		addr, freebind := s.Addr(netip.MustParseAddr(tt.client))
		if tt.want == "" {
			require.False(t, addr.IsValid())
			continue
		}
		require.Equal(t, netip.MustParseAddr(tt.want), addr)
		require.True(t, freebind)
	}
	addr, _ := s.Addr(netip.Addr{})
	require.False(t, addr.IsValid(), "a health check has no client")
}

func TestSourcePool(t *testing.T) {
	for _, bits := range []int{32, 48, 60, 64, 65, 96, 120, 126} {
		prefix := netip.PrefixFrom(netip.MustParseAddr("2001:db8::"), bits)
		s := &backend.Source{Pool: prefix}
		require.NoError(t, s.Validate())
		seen := map[netip.Addr]bool{}
		for i := range 1000 {
			from := netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)})
			addr, freebind := s.Addr(from)
			require.True(t, freebind)
			require.True(t, prefix.Contains(addr), "%v in %v", addr, prefix)
			require.NotEqual(t, prefix.Addr(), addr, "the routers' anycast address")
			again, _ := s.Addr(from)
			require.Equal(t, addr, again)
			seen[addr] = true
		}
		want := 990 // clashes are as good as impossible in a large pool
		switch bits {
		case 120:
			want = 230
		case 126:
			want = 3
		}
		require.GreaterOrEqual(t, len(seen), want, "/%d", bits)
	}
	one := &backend.Source{Pool: netip.MustParsePrefix("2001:db8::5/128")}
	addr, _ := one.Addr(client)
	require.Equal(t, netip.MustParseAddr("2001:db8::5"), addr)
}

func TestSourceList(t *testing.T) {
	s := &backend.Source{Addrs: addrs("2001:db8::1", "2001:db8::2", "2001:db8::3")}
	require.NoError(t, s.Validate())
	seen := map[netip.Addr]int{}
	for i := range 3000 {
		addr, freebind := s.Addr(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}))
		require.False(t, freebind)
		seen[addr]++
	}
	for _, addr := range s.Addrs {
		require.InDelta(t, 1000, seen[addr], 120)
	}
	s.FreeBind = true
	_, freebind := s.Addr(client)
	require.True(t, freebind)
}

// Clients of one network do not meet at one address, neither those of one IPv4 /24
// nor those whose IPv6 addresses differ in few bits.
func TestSourceSpreadsNeighbours(t *testing.T) {
	s := &backend.Source{Addrs: addrs("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4")}
	for _, format := range []string{"192.0.2.%d", "2001:db8:5::%x", "2001:db8:5:%x::1", "2001:db8:%x::1"} {
		seen := map[netip.Addr]int{}
		for i := range 256 {
			addr, _ := s.Addr(netip.MustParseAddr(fmt.Sprintf(format, i)))
			seen[addr]++
		}
		for _, addr := range s.Addrs {
			require.InDelta(t, 64, seen[addr], 32, format)
		}
	}
}

func TestSourceValidate(t *testing.T) {
	prefix := netip.MustParsePrefix
	for want, s := range map[string]*backend.Source{
		"only one of":                     {Addrs: addrs("2001:db8::1"), Pool: prefix("2001:db8::/64")},
		"only one of Addrs":               {NAT46: prefix("64:ff9b:1::/96"), Pool: prefix("2001:db8::/64")},
		"address 192.0.2.1":               {Addrs: addrs("2001:db8::1", "192.0.2.1")},
		"address ::":                      {Addrs: addrs("::")},
		"address ff02::1":                 {Addrs: addrs("ff02::1")},
		"address fe80::1%eth0":            {Addrs: addrs("fe80::1%eth0")},
		"pool 192.0.2.0/24":               {Pool: prefix("192.0.2.0/24")},
		"pool 2001:db8::1/64":             {Pool: prefix("2001:db8::1/64")},
		"NAT46 prefix 64:ff9b:1::/64":     {NAT46: prefix("64:ff9b:1::/64")},
		"NAT46 prefix 64:ff9b:1::1/96":    {NAT46: prefix("64:ff9b:1::1/96")},
		"bits 64 to 71 zero":              {NAT46: prefix("2001:db8:0:0:ff00::/96")},
		"NAT46 prefix ::ffff:192.0.2.0/9": {NAT46: netip.PrefixFrom(netip.MustParseAddr("::ffff:192.0.2.0"), 96)},
	} {
		require.ErrorContains(t, s.Validate(), want)
	}
	wrong := &backend.Source{NAT46: prefix("64:ff9b:1::/64")}
	addr, _ := wrong.Addr(client)
	require.False(t, addr.IsValid())
	wrong = &backend.Source{Pool: prefix("192.0.2.0/24")}
	addr, _ = wrong.Addr(client)
	require.False(t, addr.IsValid())
}
