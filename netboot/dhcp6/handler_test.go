package dhcp6_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp6"
)

var (
	piMAC   = net.HardwareAddr{0xdc, 0xa6, 0x32, 1, 2, 3}
	ourMAC  = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	client  = netip.MustParseAddrPort("[fe80::2%pi1]:546")
	address = netip.MustParsePrefix("fd00:80::2/64")
	server  = netip.MustParsePrefix("fd00:80::1/64")
	ours    = &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: ourMAC}
)

func inventory(t testing.TB, edit func(*netboot.Machine)) netboot.Inventory {
	m := netboot.Machine{
		Name: "pi1", Addr: netip.MustParsePrefix("10.0.0.2/30"), Addr6: address,
		DNS: []netip.Addr{netip.MustParseAddr("10.0.0.53"), netip.MustParseAddr("fd00::53")},
	}
	if edit != nil {
		edit(&m)
	}
	inv, err := netboot.NewStatic(netboot.Reservation{MAC: piMAC, Machine: m})
	require.NoError(t, err)
	return inv
}

// ask makes a message of the given type with the options that it must have.
func ask(t testing.TB, kind dhcpv6.MessageType, opts ...dhcpv6.Option) *dhcpv6.Message {
	m, err := dhcpv6.NewMessage()
	require.NoError(t, err)
	m.MessageType = kind
	m.AddOption(dhcpv6.OptClientID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: piMAC}))
	for _, o := range opts {
		m.AddOption(o)
	}
	return m
}

func from(m dhcpv6.DHCPv6) dhcp6.Packet {
	return dhcp6.Packet{
		Msg: m, Interface: "pi1", IfIndex: 7, MAC: ourMAC, Addrs: []netip.Prefix{netip.MustParsePrefix("fe80::1/64"), server},
		Src: client, Multicast: true, At: time.Unix(1, 0),
	}
}

func association(addrs ...string) *dhcpv6.OptIANA {
	ia := &dhcpv6.OptIANA{IaId: [4]byte{1, 2, 3, 4}}
	for _, a := range addrs {
		ia.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: net.ParseIP(a)})
	}
	return ia
}

// handle returns the answer as a client reads it off the wire.
func handle(t testing.TB, h *dhcp6.Handler, p dhcp6.Packet) *dhcpv6.Message {
	r := h.Handle(t.Context(), p)
	if r == nil {
		return nil
	}
	m, err := dhcpv6.MessageFromBytes(r.Msg.ToBytes())
	require.NoError(t, err)
	return m
}

func TestAddressByMessage(t *testing.T) {
	id := dhcpv6.OptServerID(ours)
	rapid := &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit}
	tests := []struct {
		name string
		m    *dhcpv6.Message
		want dhcpv6.MessageType
	}{
		{"solicit", ask(t, dhcpv6.MessageTypeSolicit, association()), dhcpv6.MessageTypeAdvertise},
		{"solicit with rapid commit", ask(t, dhcpv6.MessageTypeSolicit, association(), rapid), dhcpv6.MessageTypeReply},
		{"request", ask(t, dhcpv6.MessageTypeRequest, association(), id), dhcpv6.MessageTypeReply},
		{"renew", ask(t, dhcpv6.MessageTypeRenew, association("fd00:80::2"), id), dhcpv6.MessageTypeReply},
		{"rebind", ask(t, dhcpv6.MessageTypeRebind, association("fd00:80::2")), dhcpv6.MessageTypeReply},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &dhcp6.Handler{Inventory: inventory(t, nil)}
			r := handle(t, h, from(tt.m))
			require.NotNil(t, r)
			require.Equal(t, tt.want, r.MessageType)
			require.Equal(t, tt.m.TransactionID, r.TransactionID)
			require.True(t, r.Options.ServerID().Equal(ours))
			require.True(t, r.Options.ClientID().Equal(tt.m.Options.ClientID()))
			ia := r.Options.OneIANA()
			require.Equal(t, [4]byte{1, 2, 3, 4}, ia.IaId)
			require.Len(t, ia.Options.Addresses(), 1)
			got := ia.Options.OneAddress()
			require.Equal(t, "fd00:80::2", got.IPv6Addr.String())
			require.Equal(t, time.Hour, got.ValidLifetime)
			require.Equal(t, []net.IP{net.ParseIP("fd00::53")}, r.Options.DNS(), "IPv6 name servers only")
			require.Equal(t, tt.m.GetOneOption(dhcpv6.OptionRapidCommit) != nil, r.GetOneOption(dhcpv6.OptionRapidCommit) != nil)
		})
	}
}

func TestRenumbering(t *testing.T) {
	h := &dhcp6.Handler{Inventory: inventory(t, nil)}
	m := ask(t, dhcpv6.MessageTypeRenew, association("fd00:99::2"), dhcpv6.OptServerID(ours))
	addrs := handle(t, h, from(m)).Options.OneIANA().Options.Addresses()
	require.Len(t, addrs, 2)
	require.Equal(t, "fd00:80::2", addrs[0].IPv6Addr.String())
	require.Equal(t, "fd00:99::2", addrs[1].IPv6Addr.String())
	require.Zero(t, addrs[1].ValidLifetime, "the old one is taken back")
}

func TestOneAddressOnly(t *testing.T) {
	second := association()
	second.IaId = [4]byte{9}
	h := &dhcp6.Handler{Inventory: inventory(t, nil)}
	ias := handle(t, h, from(ask(t, dhcpv6.MessageTypeSolicit, association(), second))).Options.IANA()
	require.Len(t, ias, 2)
	require.Nil(t, ias[0].Options.Status())
	require.Equal(t, iana.StatusNoAddrsAvail, ias[1].Options.Status().StatusCode)

	none := &dhcp6.Handler{Inventory: inventory(t, func(m *netboot.Machine) { m.Addr6 = netip.Prefix{} })}
	ia := handle(t, none, from(ask(t, dhcpv6.MessageTypeSolicit, association()))).Options.OneIANA()
	require.Equal(t, iana.StatusNoAddrsAvail, ia.Options.Status().StatusCode)
}

func TestStatus(t *testing.T) {
	id := dhcpv6.OptServerID(ours)
	tests := []struct {
		name string
		m    *dhcpv6.Message
		want iana.StatusCode
	}{
		{"confirm here", ask(t, dhcpv6.MessageTypeConfirm, association("fd00:80::2")), iana.StatusSuccess},
		{"confirm elsewhere", ask(t, dhcpv6.MessageTypeConfirm, association("fd00:99::2")), iana.StatusNotOnLink},
		{"release", ask(t, dhcpv6.MessageTypeRelease, association("fd00:80::2"), id), iana.StatusSuccess},
		{"decline", ask(t, dhcpv6.MessageTypeDecline, association("fd00:80::2"), id), iana.StatusSuccess},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := handle(t, &dhcp6.Handler{Inventory: inventory(t, nil)}, from(tt.m))
			require.NotNil(t, r)
			require.Equal(t, dhcpv6.MessageTypeReply, r.MessageType)
			require.Equal(t, tt.want, r.Options.Status().StatusCode)
		})
	}
}

func TestSilence(t *testing.T) {
	other := dhcpv6.OptServerID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: piMAC})
	unicast := from(ask(t, dhcpv6.MessageTypeSolicit))
	unicast.Multicast = false
	stranger := ask(t, dhcpv6.MessageTypeSolicit)
	stranger.UpdateOption(dhcpv6.OptClientID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: ourMAC}))
	anonymous := ask(t, dhcpv6.MessageTypeSolicit)
	anonymous.Options.Del(dhcpv6.OptionClientID)
	relayed, err := dhcpv6.EncapsulateRelay(ask(t, dhcpv6.MessageTypeSolicit), dhcpv6.MessageTypeRelayForward, net.ParseIP("fd00:80::fe"), net.ParseIP("fe80::2"))
	require.NoError(t, err)
	tests := map[string]dhcp6.Packet{
		"unicast":                     unicast,
		"unknown client":              from(stranger),
		"no client identifier":        from(anonymous),
		"solicit to one server":       from(ask(t, dhcpv6.MessageTypeSolicit, dhcpv6.OptServerID(ours))),
		"request without server":      from(ask(t, dhcpv6.MessageTypeRequest, association())),
		"request to another server":   from(ask(t, dhcpv6.MessageTypeRequest, association(), other)),
		"confirm without address":     from(ask(t, dhcpv6.MessageTypeConfirm, association())),
		"information with an address": from(ask(t, dhcpv6.MessageTypeInformationRequest, association())),
		"a server's message":          from(ask(t, dhcpv6.MessageTypeReply)),
		"relay that is not named":     from(relayed),
	}
	for name, p := range tests {
		t.Run(name, func(t *testing.T) {
			h := &dhcp6.Handler{Inventory: inventory(t, nil)}
			require.Nil(t, h.Handle(t.Context(), p))
		})
	}
}

func TestBootFileURL(t *testing.T) {
	class := func(s string) dhcpv6.Option {
		return &dhcpv6.OptVendorClass{EnterpriseNumber: 343, Data: [][]byte{[]byte(s)}}
	}
	pxe, http := class("PXEClient:Arch:00007:UNDI:003001"), class("HTTPClient:Arch:00016:UNDI:003001")
	tests := []struct {
		name string
		opts []dhcpv6.Option
		edit func(*netboot.Machine)
		want string
	}{
		{"Pi", []dhcpv6.Option{dhcpv6.OptClientArchType(41)}, nil, "tftp://[fd00:80::1]/"},
		{"UEFI PXE", []dhcpv6.Option{dhcpv6.OptClientArchType(7), pxe}, nil, "tftp://[fd00:80::1]/snponly.efi"},
		{"UEFI PXE with a loader of its own", []dhcpv6.Option{dhcpv6.OptClientArchType(7), pxe}, func(m *netboot.Machine) {
			m.Boot.Loaders = map[netboot.Loader]string{{Firmware: netboot.FirmwareUEFIPXE, Arch: netboot.ArchEFIX64}: "/shim.efi"}
		}, "tftp://[fd00:80::1]/shim.efi"},
		{"UEFI HTTP", []dhcpv6.Option{dhcpv6.OptClientArchType(16), http}, func(m *netboot.Machine) {
			m.Boot.HTTP, m.Boot.HTTP6 = "http://10.0.0.1/", "http://[fd00:80::1]:8080/"
		}, "http://[fd00:80::1]:8080/snponly.efi"},
		{"UEFI HTTP without a URL", []dhcpv6.Option{dhcpv6.OptClientArchType(16), http}, nil, ""},
		{"iPXE", []dhcpv6.Option{dhcpv6.OptClientArchType(7), pxe, &dhcpv6.OptUserClass{UserClasses: [][]byte{[]byte("iPXE")}}}, nil, "tftp://[fd00:80::1]/boot.ipxe"},
		{"another server", []dhcpv6.Option{dhcpv6.OptClientArchType(41)}, func(m *netboot.Machine) { m.Server6 = netip.MustParseAddr("fd00::9") }, "tftp://[fd00::9]/"},
		{"boot switched off", []dhcpv6.Option{dhcpv6.OptClientArchType(41)}, func(m *netboot.Machine) { m.Boot.Disabled = true }, ""},
		{"an operating system", nil, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &dhcp6.Handler{Inventory: inventory(t, tt.edit)}
			r := handle(t, h, from(ask(t, dhcpv6.MessageTypeSolicit, append(tt.opts, association())...)))
			require.Equal(t, tt.want, r.Options.BootFileURL())
			var classes [][]byte
			if tt.name == "UEFI HTTP" {
				classes = [][]byte{[]byte("HTTPClient")}
			}
			require.Equal(t, classes, r.Options.VendorClass(343))
		})
	}
	h := &dhcp6.Handler{Inventory: inventory(t, nil)}
	r := handle(t, h, from(ask(t, dhcpv6.MessageTypeInformationRequest, dhcpv6.OptClientArchType(41))))
	require.Equal(t, "tftp://[fd00:80::1]/", r.Options.BootFileURL())
}

func TestRelayed(t *testing.T) {
	inv, err := netboot.NewStatic(netboot.Reservation{CircuitID: []byte("port 7"), Machine: netboot.Machine{
		Name: "pi7", Addr: netip.MustParsePrefix("10.0.0.2/30"), Addr6: address,
	}})
	require.NoError(t, err)
	inner, err := dhcpv6.EncapsulateRelay(ask(t, dhcpv6.MessageTypeSolicit, association()), dhcpv6.MessageTypeRelayForward, net.ParseIP("fd00:80::fe"), net.ParseIP("fe80::2"))
	require.NoError(t, err)
	inner.AddOption(dhcpv6.OptInterfaceID([]byte("port 7")))
	outer, err := dhcpv6.EncapsulateRelay(inner, dhcpv6.MessageTypeRelayForward, net.ParseIP("fd00:1::1"), net.ParseIP("fd00:80::fe"))
	require.NoError(t, err)
	outer.AddOption(dhcpv6.OptInterfaceID([]byte("uplink")))
	p := from(outer)
	p.Multicast, p.Src = false, netip.MustParseAddrPort("[fd00:1::1]:547")

	h := &dhcp6.Handler{Inventory: inv, Relays: []netip.Prefix{netip.MustParsePrefix("fd00:1::/64")}}
	r := h.Handle(t.Context(), p)
	require.NotNil(t, r)
	require.Equal(t, p.Src, r.To)
	repl, err := dhcpv6.RelayMessageFromBytes(r.Msg.ToBytes())
	require.NoError(t, err)
	require.Equal(t, dhcpv6.MessageTypeRelayReply, repl.MessageType)
	require.Equal(t, []byte("uplink"), repl.Options.InterfaceID())
	m, err := repl.GetInnerMessage()
	require.NoError(t, err)
	require.Equal(t, "fd00:80::2", m.Options.OneIANA().Options.OneAddress().IPv6Addr.String())
}

func TestEvents(t *testing.T) {
	var kinds []netboot.EventKind
	h := &dhcp6.Handler{Inventory: inventory(t, nil), Observer: netboot.ObserverFunc(func(e netboot.Event) {
		require.Equal(t, "pi1", e.Machine)
		kinds = append(kinds, e.Kind)
	})}
	arch := dhcpv6.OptClientArchType(41)
	h.Handle(t.Context(), from(ask(t, dhcpv6.MessageTypeSolicit, association(), arch)))
	h.Handle(t.Context(), from(ask(t, dhcpv6.MessageTypeRequest, association(), arch, dhcpv6.OptServerID(ours))))
	h.Handle(t.Context(), from(ask(t, dhcpv6.MessageTypeRequest, association(), dhcpv6.OptServerID(ours))))
	require.Equal(t, []netboot.EventKind{netboot.Discovered, netboot.Offered, netboot.Leased, netboot.OSLease}, kinds)
}

func FuzzHandle(f *testing.F) {
	f.Add(ask(f, dhcpv6.MessageTypeSolicit, association(), dhcpv6.OptClientArchType(41)).ToBytes())
	relay, _ := dhcpv6.EncapsulateRelay(ask(f, dhcpv6.MessageTypeRequest, association(), dhcpv6.OptServerID(ours)), dhcpv6.MessageTypeRelayForward, net.ParseIP("fd00:1::1"), net.ParseIP("fe80::2"))
	f.Add(relay.ToBytes())
	inv, err := netboot.NewStatic(netboot.Reservation{Interface: "pi1", Machine: netboot.Machine{
		Name: "pi1", Addr: netip.MustParsePrefix("10.0.0.2/30"), Addr6: address,
	}})
	require.NoError(f, err)
	h := &dhcp6.Handler{Inventory: inv, Relays: []netip.Prefix{netip.MustParsePrefix("::/0")}}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := dhcpv6.FromBytes(b)
		if err != nil {
			return
		}
		r := h.Handle(context.Background(), from(m))
		if r == nil {
			return
		}
		again, err := dhcpv6.FromBytes(r.Msg.ToBytes())
		if err != nil {
			t.Fatalf("answer cannot be read: %v", err)
		}
		if inner, err := again.GetInnerMessage(); err != nil || inner.MessageType != dhcpv6.MessageTypeAdvertise && inner.MessageType != dhcpv6.MessageTypeReply {
			t.Fatalf("answered with %v, %v", inner, err)
		}
	})
}

func ExampleHandler() {
	inv, err := netboot.NewStatic(netboot.Reservation{Interface: "eth0.17", Machine: netboot.Machine{
		Name: "pi17", Addr: netip.MustParsePrefix("10.80.0.66/30"), Addr6: netip.MustParsePrefix("fd00:80::2/64"),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := &dhcp6.Handler{Inventory: inv}
	solicit, err := dhcpv6.NewSolicit(net.HardwareAddr{0xdc, 0xa6, 0x32, 1, 2, 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	solicit.AddOption(dhcpv6.OptClientArchType(41)) // a Raspberry Pi
	r := h.Handle(context.Background(), dhcp6.Packet{
		Msg: solicit, Interface: "eth0.17", Multicast: true,
		Addrs: []netip.Prefix{netip.MustParsePrefix("fd00:80::1/64")}, Src: netip.MustParseAddrPort("[fe80::2]:546"),
	})
	m, err := r.Msg.GetInnerMessage()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.MessageType, m.Options.OneIANA().Options.OneAddress().IPv6Addr, m.Options.BootFileURL())
	// Output: ADVERTISE fd00:80::2 tftp://[fd00:80::1]/
}
