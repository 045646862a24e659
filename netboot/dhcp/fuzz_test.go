package dhcp_test

import (
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

// seeds are messages as they come in, some of them broken.
func seeds() [][]byte {
	var all [][]byte
	for _, r := range []request{
		{mac: piMAC, kind: discover, mods: []dhcpv4.Modifier{piROM}},
		{mac: pcMAC, kind: discover, mods: []dhcpv4.Modifier{class(7, "PXEClient:Arch:00007:UNDI:003016", "iPXE")}},
		{mac: poolMAC(0), kind: discover},
		{mac: poolMAC(0), kind: req, mods: []dhcpv4.Modifier{wants("10.81.0.10"), serverID("10.81.0.1")}},
		{mac: poolMAC(1), kind: dhcpv4.MessageTypeDecline, mods: []dhcpv4.Modifier{wants("10.81.0.11")}},
		{mac: poolMAC(1), kind: dhcpv4.MessageTypeRelease, mods: []dhcpv4.Modifier{ciaddr("10.81.0.11")}},
		{mac: poolMAC(1), kind: dhcpv4.MessageTypeInform, mods: []dhcpv4.Modifier{ciaddr("10.81.0.11"), opt(57, "\x02\x40")}},
		{mac: poolMAC(50), kind: discover, mods: []dhcpv4.Modifier{relayedBy("10.82.0.1"), circuit("port7")}},
	} {
		b := r.packet().Msg.ToBytes()
		all = append(all, b, b[:len(b)-1])
	}
	reply := seedReply()
	return append(all, reply, nil, make([]byte, 240))
}

func seedReply() []byte {
	m := request{mac: pcMAC, kind: dhcpv4.MessageTypeOffer}.packet().Msg
	m.OpCode = dhcpv4.OpcodeBootReply
	return m.ToBytes()
}

// FuzzPacket sends bytes through the whole path of a packet and checks what
// must hold whatever they are.
func FuzzPacket(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b, "br0", 67)
		f.Add(b, "pi17", 4011)
	}
	f.Fuzz(func(t *testing.T, b []byte, iface string, port int) {
		m, err := dhcp.Parse(b)
		if err != nil {
			return
		}
		if b[0] != 1 {
			t.Fatal("a reply was taken for a request")
		}
		for _, proxy := range []bool{false, true} {
			h := newHandler(t)
			h.ProxyOnly = proxy
			h.Relays = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
			p := request{kind: discover, iface: iface, port: port}.packet()
			p.Msg = m
			for _, a := range replies(h.Handle(t.Context(), p)) {
				checkReply(t, a, proxy || port == dhcp.PXEPort)
			}
		}
	})
}

func checkReply(t *testing.T, a dhcp.Action, proxy bool) {
	r, err := dhcpv4.FromBytes(a.Payload)
	if err != nil {
		t.Fatalf("own reply does not parse: %v", err)
	}
	if r.OpCode != dhcpv4.OpcodeBootReply || len(a.Payload) < 300 || len(a.Payload) > 1472 || a.Payload[240] != 53 {
		t.Fatalf("malformed reply of %d bytes: %v", len(a.Payload), r)
	}
	yi, _ := netip.AddrFromSlice(r.YourIPAddr.To4())
	switch {
	case proxy && !yi.IsUnspecified():
		t.Fatalf("a proxy gave address %s", yi)
	case !yi.IsUnspecified() && !ownAddress(yi):
		t.Fatalf("address %s is none of the inventory's", yi)
	case r.MessageType() == nak && !yi.IsUnspecified():
		t.Fatalf("NAK with address %s", yi)
	}
}

func ownAddress(a netip.Addr) bool {
	for _, p := range []string{"10.80.0.66/32", "10.81.0.5/32", "10.82.0.2/32", "10.81.0.10/31", "10.81.0.12/32"} {
		if netip.MustParsePrefix(p).Contains(a) {
			return true
		}
	}
	return false
}
