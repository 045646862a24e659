package capture_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/capture"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

var (
	piMAC  = net.HardwareAddr{0xb8, 0x27, 0xeb, 1, 2, 3}
	srvMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	srv    = netip.MustParseAddr("10.0.0.1")
	other  = netip.MustParseAddr("10.0.0.9")
	pi     = netip.MustParseAddr("10.0.0.2")
)

// tape records frames at given moments.
type tape struct {
	t   testing.TB
	buf bytes.Buffer
	w   *pcapgo.Writer
	now time.Time
}

func record(t testing.TB) *tape {
	tp := &tape{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	tp.w = pcapgo.NewWriter(&tp.buf)
	require.NoError(t, tp.w.WriteFileHeader(65536, layers.LinkTypeEthernet))
	return tp
}

func (tp *tape) after(d time.Duration) *tape { tp.now = tp.now.Add(d); return tp }

func (tp *tape) frame(ls ...gopacket.SerializableLayer) {
	b := gopacket.NewSerializeBuffer()
	require.NoError(tp.t, gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...))
	ci := gopacket.CaptureInfo{Timestamp: tp.now, CaptureLength: len(b.Bytes()), Length: len(b.Bytes())}
	require.NoError(tp.t, tp.w.WritePacket(ci, b.Bytes()))
}

func (tp *tape) udp(src, dst netip.AddrPort, payload []byte) {
	eth := &layers.Ethernet{SrcMAC: srvMAC, DstMAC: piMAC, EthernetType: layers.EthernetTypeDot1Q}
	tag := &layers.Dot1Q{VLANIdentifier: 17, Type: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
	udp := &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}
	require.NoError(tp.t, udp.SetNetworkLayerForChecksum(ip))
	tp.frame(eth, tag, ip, udp, gopacket.Payload(payload))
}

func (tp *tape) discover(id rpi.Identity) {
	guid := id.GUID()
	m, err := dhcpv4.New(dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover), dhcpv4.WithHwAddr(piMAC),
		dhcpv4.WithTransactionID(dhcpv4.TransactionID{0x26, 0xf3, 0x03, 0x39}),
		dhcpv4.WithGeneric(dhcpv4.OptionClientMachineIdentifier, append([]byte{0}, guid[:]...)),
		dhcpv4.WithGeneric(dhcpv4.OptionClassIdentifier, []byte("PXEClient:Arch:00000:UNDI:002001")))
	require.NoError(tp.t, err)
	tp.udp(netip.AddrPortFrom(netip.IPv4Unspecified(), 68), netip.MustParseAddrPort("255.255.255.255:67"), m.ToBytes())
}

func (tp *tape) offer(from, next netip.Addr, text string) {
	m, err := dhcpv4.New(dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), dhcpv4.WithHwAddr(piMAC), dhcpv4.WithReply(&dhcpv4.DHCPv4{OpCode: dhcpv4.OpcodeBootRequest, ClientHWAddr: piMAC}),
		dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), dhcpv4.WithYourIP(pi.AsSlice()), dhcpv4.WithServerIP(next.AsSlice()))
	require.NoError(tp.t, err)
	if text != "" {
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionVendorSpecificInformation, rpi.VendorOptions(text)))
	}
	tp.udp(netip.AddrPortFrom(from, 67), netip.AddrPortFrom(pi, 68), m.ToBytes())
}

func (tp *tape) rrq(port uint16, name string) {
	tp.udp(netip.AddrPortFrom(pi, port), netip.AddrPortFrom(srv, 69), fmt.Appendf(nil, "\x00\x01%s\x00octet\x00", name))
}

func (tp *tape) data(port, block uint16, n int) {
	b := binary.BigEndian.AppendUint16([]byte{0, 3}, block)
	tp.udp(netip.AddrPortFrom(srv, 50000), netip.AddrPortFrom(pi, port), append(b, make([]byte, n)...))
}

func (tp *tape) ack(port, block uint16) {
	tp.udp(netip.AddrPortFrom(pi, port), netip.AddrPortFrom(srv, 50000), binary.BigEndian.AppendUint16([]byte{0, 4}, block))
}

func (tp *tape) whoHas() {
	tp.frame(&layers.Ethernet{SrcMAC: srvMAC, DstMAC: piMAC, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation: layers.ARPRequest, SourceHwAddress: srvMAC, SourceProtAddress: srv.AsSlice(), DstHwAddress: make([]byte, 6), DstProtAddress: pi.AsSlice()})
}

func (tp *tape) bpdu() {
	bpdu := append([]byte{0x42, 0x42, 3, 0, 0, 0, 0, 0}, make([]byte, 31)...)
	tp.frame(&layers.Ethernet{SrcMAC: srvMAC, DstMAC: net.HardwareAddr{1, 0x80, 0xc2, 0, 0, 0}, Length: uint16(len(bpdu))}, gopacket.Payload(bpdu))
}

var (
	mask3B   = rpi.Identity{Model: rpi.Model3B}
	bootcode = rpi.Identity{Serial: 0x01020304}
	model4   = rpi.Identity{Model: rpi.Model4, Revision: 0xc03111, Serial: 7}
)

func TestDiagnosis(t *testing.T) {
	tests := []struct {
		name string
		play func(*tape)
		code string
	}{
		{"ROM receive bug", func(tp *tape) {
			for range 5 {
				tp.discover(mask3B)
				tp.offer(srv, srv, rpi.BootText)
				tp.after(5 * time.Second)
			}
		}, "rom-receive-bug"},
		{"no three spaces", func(tp *tape) {
			tp.discover(mask3B)
			tp.offer(srv, srv, "Raspberry Pi Boot")
		}, "no-three-spaces"},
		{"no boot option", func(tp *tape) {
			tp.discover(bootcode)
			tp.offer(srv, srv, "")
		}, "no-boot-option"},
		{"siaddr names another host", func(tp *tape) {
			tp.discover(mask3B)
			tp.offer(srv, other, rpi.BootText)
		}, "siaddr-ignored"},
		{"second server", func(tp *tape) {
			tp.discover(mask3B)
			tp.offer(srv, srv, rpi.BootText)
			tp.offer(other, other, "")
		}, "other-server"},
		{"nobody answers", func(tp *tape) { tp.discover(mask3B) }, "no-offer"},
		{"spanning tree", func(tp *tape) {
			tp.bpdu()
			tp.after(30 * time.Second).discover(mask3B)
		}, "stp"},
		{"ARP-mute", func(tp *tape) {
			tp.discover(bootcode)
			tp.offer(srv, srv, rpi.BootText)
			tp.rrq(49152, "start.elf")
			tp.data(49152, 1, 512)
			tp.ack(49152, 1)
			tp.after(8 * time.Second).whoHas()
		}, "arp-mute"},
		{"slow retransmit", func(tp *tape) {
			tp.discover(bootcode)
			tp.offer(srv, srv, rpi.BootText)
			tp.rrq(49152, "start.elf")
			tp.data(49152, 1, 512)
			tp.after(1200*time.Millisecond).data(49152, 1, 512)
			tp.rrq(49153, "fixup.dat")
		}, "slow-retransmit"},
		{"missing file", func(tp *tape) {
			tp.discover(model4)
			tp.offer(srv, srv, rpi.BootText)
			tp.rrq(49152, "start4.elf")
			tp.udp(netip.AddrPortFrom(srv, 50000), netip.AddrPortFrom(pi, 49152), []byte("\x00\x05\x00\x01not found\x00"))
		}, "missing-file"},
		{"good boot", func(tp *tape) {
			tp.discover(bootcode)
			tp.offer(srv, srv, rpi.BootText)
			tp.rrq(49152, "kernel8.img")
			tp.data(49152, 1, 512)
			tp.ack(49152, 1)
			tp.data(49152, 2, 100)
			tp.ack(49152, 2)
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp := record(t)
			tt.play(tp)
			boots, err := capture.Read(&tp.buf)
			require.NoError(t, err)
			require.Len(t, boots, 1)
			require.Equal(t, piMAC, boots[0].MAC)
			require.NotEmpty(t, boots[0].Timeline)
			require.Equal(t, tt.code, boots[0].Diagnosis.Code, "%+v", boots[0].Evidence)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	_, err := capture.Read(bytes.NewReader([]byte("certainly no recording, is it")))
	require.ErrorContains(t, err, "not a pcap")
	var wifi bytes.Buffer
	require.NoError(t, pcapgo.NewWriter(&wifi).WriteFileHeader(65536, layers.LinkTypeIEEE802_11))
	_, err = capture.Read(&wifi)
	require.ErrorContains(t, err, "record Ethernet")
	var huge bytes.Buffer
	require.NoError(t, pcapgo.NewWriter(&huge).WriteFileHeader(1<<31, layers.LinkTypeEthernet))
	_, err = capture.Read(&huge)
	require.ErrorContains(t, err, "snapshot length")
}

func TestReadKeepsWhatACutRecordingHas(t *testing.T) {
	tp := record(t)
	tp.discover(mask3B)
	tp.offer(srv, srv, "")
	boots, err := capture.Read(bytes.NewReader(tp.buf.Bytes()[:tp.buf.Len()-5]))
	require.Error(t, err)
	require.Len(t, boots, 1)
	require.Equal(t, netboot.FirmwarePiROM, boots[0].Client.Firmware)
}

func FuzzRead(f *testing.F) {
	tp := record(f)
	tp.discover(bootcode)
	tp.offer(srv, srv, rpi.BootText)
	tp.rrq(49152, "start.elf")
	tp.data(49152, 1, 512)
	tp.whoHas()
	tp.bpdu()
	f.Add(tp.buf.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		boots, _ := capture.Read(bytes.NewReader(b))
		for _, b := range boots {
			if len(b.MAC) != 6 {
				t.Fatalf("client with address %v", b.MAC)
			}
		}
	})
}

func ExampleRead() {
	tp := record(&testing.B{})
	for range 5 {
		tp.discover(mask3B)
		tp.offer(srv, srv, rpi.BootText)
		tp.after(5 * time.Second)
	}
	boots, err := capture.Read(&tp.buf)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range boots {
		fmt.Println(b.MAC, b.Client.Firmware, b.Diagnosis.Code)
	}
	// Output: b8:27:eb:01:02:03 Pi ROM rom-receive-bug
}
