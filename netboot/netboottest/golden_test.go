package netboottest

import (
	"flag"
	"net"
	"os"
	"testing"
	"testing/synctest"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

var update = flag.Bool("update", false, "write the Pis' packets in testdata anew")

func TestIdentifyGolden(t *testing.T) {
	for _, p := range GoldenPackets() {
		t.Run(p.Name, func(t *testing.T) {
			m, err := dhcpv4.FromBytes(p.Data)
			require.NoError(t, err)
			require.Equal(t, dhcpv4.MessageTypeDiscover, m.MessageType())
			c := netboot.Identify(m, netboot.Received{})
			require.Equal(t, p.Firmware, c.Firmware, p.Origin)
			require.Equal(t, p.Arch, c.Arch)
			if p.Pi == (rpi.Identity{}) {
				require.Nil(t, c.Pi)
				return
			}
			require.NotNil(t, c.Pi)
			require.Equal(t, p.Pi, *c.Pi)
		})
	}
}

// TestGoldenPisAreAsPublished holds the packets against what captures of real
// boards show: lengths, order of options, values.
func TestGoldenPisAreAsPublished(t *testing.T) {
	order := []byte{optType, optParameters, optArch, optNIC, optGUID, optClass}
	sizes := map[string]int{"pi3b-rom": 320, "pi3b-bootcode": 322, "pi3bplus-rom": 322, "pi4-2020-01": 322, "pi4": 322, "pi5": 322}
	for name, size := range sizes {
		b := Golden(name)
		require.Len(t, b, size, name)
		var codes []byte
		values := make(map[byte][]byte)
		for _, o := range parseOptions(b[fixedPart+4:], true) {
			codes = append(codes, o.code)
			values[o.code] = o.data
		}
		require.Equal(t, order, codes, name)
		require.Equal(t, "PXEClient:Arch:00000:UNDI:002001", string(values[optClass]), name)
		require.Equal(t, []byte{1, 2, 1}, values[optNIC], name)
		require.Len(t, values[optParameters], size-308, name)
		require.Equal(t, byte(optEnd), b[len(b)-1], name)
	}
	for _, name := range []string{"pi3b-rom", "pi3b-bootcode", "pi3bplus-rom"} {
		require.Equal(t, []byte{0x26, 0xf3, 0x03, 0x39}, Golden(name)[4:8], name)
	}
	require.Contains(t, string(Golden("pi3b-rom")), "\x61\x11\x00DDDDDDDDDDDDDDDD")
	require.Contains(t, string(Golden("pi3b-bootcode")), "\x61\x11\x00\x7d\x24\x64\x55\x7d\x24\x64\x55")
	require.Contains(t, string(Golden("pi4")), "\x61\x11\x00RPi4\x14\x31\xc0\x00\x7d\x24\x64\x32\x7d\x24\x64\x55")
	require.Contains(t, string(Golden("pi5")), "\x61\x11\x00RPi5")
}

// TestEmulatorSendsGolden compares what emulated Pis send with the packets.
func TestEmulatorSendsGolden(t *testing.T) {
	mac4 := net.HardwareAddr{0xdc, 0xa6, 0x32, 0x64, 0x24, 0x7d}
	pis := map[string]Pi{
		"pi3b-rom":     {Model: rpi.Model3B},
		"pi3bplus-rom": {Model: rpi.Model3BPlus},
		"pi4-2020-01":  {Model: rpi.Model4, OldGUID: true, MAC: mac4},
		"pi4":          {Model: rpi.Model4, MAC: mac4},
		"pi5":          {Model: rpi.Model5},
	}
	for name, p := range pis {
		p.Serial = goldenSerial
		check(t, name, discovers(t, p, &server{dead: true})[0])
	}
	boot := discovers(t, Pi{Serial: goldenSerial}, &server{files: BootTree(rpi.Model3B, 1000)})
	require.Len(t, boot, 2)
	check(t, "pi3b-bootcode", boot[1])
}

func check(t *testing.T, name string, sent []byte) {
	if Golden(name)[4] != 0x26 { // its transaction ID is random
		copy(sent[4:8], "\x5a\x01\x02\x03")
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/"+name+".discover", sent, 0o644))
		return
	}
	require.Equal(t, Golden(name), sent, name)
}

// discovers returns what p broadcasts to a server in one boot.
func discovers(t *testing.T, p Pi, s *server) [][]byte {
	var sent [][]byte
	synctest.Test(t, func(t *testing.T) {
		link := &recordingLink{Link: start(t, s)}
		p.Link = link
		_, err := p.Run(t.Context())
		require.Equal(t, s.dead, err != nil)
		sent = link.dhcp
	})
	return sent
}

// recordingLink keeps the DHCP messages that are sent.
type recordingLink struct {
	Link
	dhcp [][]byte
}

func (l *recordingLink) Send(frame []byte) error {
	if d, err := parseDatagram(frame); err == nil && d.dst.Port() == dhcpServerPort {
		l.dhcp = append(l.dhcp, d.payload)
	}
	return l.Link.Send(frame)
}
