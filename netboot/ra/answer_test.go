package ra_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/ndp"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot/ra"
)

var (
	mac      = net.HardwareAddr{0x02, 0, 0, 0, 0, 1}
	linkAddr = netip.MustParseAddr("fe80::1")
)

func solicitation(t testing.TB, from netip.Addr, options ...ndp.Option) ra.Solicitation {
	t.Helper()
	b, err := ndp.MarshalMessage(&ndp.RouterSolicitation{Options: options})
	require.NoError(t, err)
	return ra.Solicitation{Message: b, From: from, HopLimit: 255}
}

// wire sends an advertisement through its encoding.
func wire(t *testing.T, a *ndp.RouterAdvertisement) *ndp.RouterAdvertisement {
	t.Helper()
	b, err := ndp.MarshalMessage(a)
	require.NoError(t, err)
	m, err := ndp.ParseMessage(b)
	require.NoError(t, err)
	return m.(*ndp.RouterAdvertisement)
}

func TestAnswerPromisesNothing(t *testing.T) {
	for _, from := range []netip.Addr{linkAddr, netip.IPv6Unspecified(), netip.MustParseAddr("2001:db8::2")} {
		a, err := ra.Answer(solicitation(t, from), mac, ra.Config{})
		require.NoError(t, err)
		got := wire(t, a)
		require.Zero(t, got.RouterLifetime)
		require.False(t, got.ManagedConfiguration || got.OtherConfiguration)
		require.Equal(t, []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: mac}}, got.Options)
	}
}

func TestAnswerConfig(t *testing.T) {
	cfg := ra.Config{
		Managed: true, Other: true, Router: 30 * time.Minute, MTU: 1400,
		Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::5/64"), netip.MustParsePrefix("2001:db8:2::/80")},
	}
	require.NoError(t, cfg.Validate())
	a, err := ra.Answer(solicitation(t, linkAddr), nil, cfg)
	require.NoError(t, err)
	got := wire(t, a)
	require.True(t, got.ManagedConfiguration)
	require.True(t, got.OtherConfiguration)
	require.Equal(t, 30*time.Minute, got.RouterLifetime)
	require.Len(t, got.Options, 3)
	require.Equal(t, ndp.NewMTU(1400), got.Options[0])
	first, second := got.Options[1].(*ndp.PrefixInformation), got.Options[2].(*ndp.PrefixInformation)
	require.Equal(t, "2001:db8:1::", first.Prefix.String())
	require.EqualValues(t, 64, first.PrefixLength)
	require.True(t, first.OnLink && first.AutonomousAddressConfiguration)
	require.True(t, second.OnLink)
	require.False(t, second.AutonomousAddressConfiguration, "80 bits leave no room for an interface identifier")
}

func TestAnswerDiscards(t *testing.T) {
	good := solicitation(t, linkAddr)
	change := func(fn func(*ra.Solicitation)) ra.Solicitation {
		s := good
		s.Message = append([]byte(nil), good.Message...)
		fn(&s)
		return s
	}
	tests := []struct {
		name string
		s    ra.Solicitation
		want string
	}{
		{"another link", change(func(s *ra.Solicitation) { s.HopLimit = 254 }), "another link"},
		{"short", change(func(s *ra.Solicitation) { s.Message = s.Message[:7] }), "too short"},
		{"empty", ra.Solicitation{From: linkAddr, HopLimit: 255}, "too short"},
		{"advertisement", change(func(s *ra.Solicitation) { s.Message[0] = 134 }), "type 134"},
		{"code", change(func(s *ra.Solicitation) { s.Message[1] = 1 }), "code 1"},
		{"option of no length", change(func(s *ra.Solicitation) { s.Message = append(s.Message, 1, 0, 0, 0, 0, 0, 0, 0) }), "parse"},
		{"option cut short", change(func(s *ra.Solicitation) { s.Message = append(s.Message, 1, 2, 0, 0) }), "parse"},
		{"from a group", change(func(s *ra.Solicitation) { s.From = netip.MustParseAddr("ff02::1") }), "source address"},
		{"from IPv4", change(func(s *ra.Solicitation) { s.From = netip.MustParseAddr("10.0.0.1") }), "source address"},
		{"from nowhere", change(func(s *ra.Solicitation) { s.From = netip.Addr{} }), "source address"},
		{"hardware address of nobody", solicitation(t, netip.IPv6Unspecified(), &ndp.LinkLayerAddress{Direction: ndp.Source, Addr: mac}), "unspecified source"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := ra.Answer(tt.s, mac, ra.Config{})
			require.ErrorContains(t, err, tt.want)
			require.Nil(t, a)
		})
	}
}

func TestConfigValidate(t *testing.T) {
	prefix := func(s string) ra.Config { return ra.Config{Prefixes: []netip.Prefix{netip.MustParsePrefix(s)}} }
	tests := []struct {
		name string
		cfg  ra.Config
		want string
	}{
		{"IPv4 prefix", prefix("10.0.0.0/8"), "Prefixes"},
		{"link-local prefix", prefix("fe80::/64"), "Prefixes"},
		{"group", prefix("ff02::/64"), "Prefixes"},
		{"no prefix", ra.Config{Prefixes: make([]netip.Prefix, 1)}, "Prefixes"},
		{"negative lifetime", ra.Config{Router: -1}, "Router"},
		{"long lifetime", ra.Config{Router: 9001 * time.Second}, "Router"},
		{"small MTU", ra.Config{MTU: 1279}, "MTU"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.ErrorContains(t, tt.cfg.Validate(), tt.want) })
	}
	require.NoError(t, ra.Config{}.Validate())
}

func FuzzAnswer(f *testing.F) {
	f.Add(solicitation(f, linkAddr).Message, 255, linkAddr.AsSlice())
	f.Add(solicitation(f, linkAddr, &ndp.LinkLayerAddress{Direction: ndp.Source, Addr: mac}).Message, 255, netip.IPv6Unspecified().AsSlice())
	f.Add([]byte{133, 0, 0, 0, 0, 0, 0, 0, 3, 4, 64}, 255, []byte{10, 0, 0, 1})
	f.Add([]byte{}, 0, []byte{})
	f.Fuzz(func(t *testing.T, message []byte, hop int, from []byte) {
		addr, _ := netip.AddrFromSlice(from)
		a, err := ra.Answer(ra.Solicitation{Message: message, From: addr, HopLimit: hop}, mac, ra.Config{Managed: true})
		if err != nil {
			return
		}
		if hop != 255 || message[0] != 133 || !addr.Is6() {
			t.Errorf("answered %x from %s with hop limit %d", message, addr, hop)
		}
		if _, err := ndp.MarshalMessage(a); err != nil {
			t.Error(err)
		}
	})
}
