package ra_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot/ra"
)

// TestRealIPXE boots iPXE beside an IPv4 DHCP server and counts how often it
// asks for a router: again and again when nobody answers, and hardly again
// when we do.
func TestRealIPXE(t *testing.T) {
	qemu, dnsmasq := peer.Look(t, "qemu-system-x86_64"), peer.Look(t, "dnsmasq")
	for _, answered := range []bool{false, true} {
		t.Run(map[bool]string{false: "silence", true: "answered"}[answered], func(t *testing.T) {
			ns := netnstest.New(t)
			ns.Tap("tap0")
			ns.AddAddr("tap0", netip.MustParsePrefix("10.77.0.1/24"))
			peer.Start(t, ns.Command(dnsmasq, "--keep-in-foreground", "--log-facility=-", "--port=0", "--interface=tap0", "--conf-file=/dev/null",
				"--dhcp-range=10.77.0.10,10.77.0.20", "--dhcp-leasefile=/dev/null", "--user=root", "--pid-file="), peer.Options{ReadyOutput: regexp.MustCompile("started")})
			if answered {
				serve(t, ns, new(ra.Server))
			}
			asked := sniffSolicitations(t, ns, "tap0", net.HardwareAddr{0x52, 0x54, 0, 0x77, 0, 2})
			peer.Start(t, ns.Command(qemu, "-accel", "tcg", "-m", "128", "-nodefaults", "-nographic", "-serial", "stdio", "-boot", "n", "-no-reboot",
				"-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no", "-device", "virtio-net-pci,netdev=n0,mac=52:54:00:77:00:02"), peer.Options{})
			first := <-asked
			require.False(t, first.IsZero(), "iPXE never asked for a router")
			count := 0
			for at := range asked {
				if at.Sub(first) > 6*time.Second {
					break
				}
				count++
			}
			if answered {
				require.LessOrEqual(t, count, 1)
			} else {
				require.GreaterOrEqual(t, count, 3)
			}
		})
	}
}

// sniffSolicitations returns when mac sent router solicitations on an
// interface. The channel is closed when ten seconds have passed since the last,
// or a minute without any.
func sniffSolicitations(t *testing.T, ns *netnstest.NS, name string, mac net.HardwareAddr) <-chan time.Time {
	var raw *packet.Conn
	require.NoError(t, ns.Do(func() error {
		ifi, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		raw, err = packet.Listen(ifi, packet.Raw, 0x86dd, nil)
		return err
	}))
	asked, ended := make(chan time.Time, 64), make(chan struct{})
	t.Cleanup(func() { raw.Close(); <-ended })
	go func() {
		defer close(ended)
		defer close(asked)
		wait, buf := time.Minute, make([]byte, 2048)
		deadline := time.Now().Add(wait)
		for {
			if raw.SetReadDeadline(deadline) != nil {
				return
			}
			n, _, err := raw.ReadFrom(buf)
			if err != nil {
				return
			}
			const icmpType = 14 + 40
			if n > icmpType && bytes.Equal(buf[6:12], mac) && binary.BigEndian.Uint16(buf[12:]) == 0x86dd && buf[20] == 58 && buf[icmpType] == 133 {
				asked <- time.Now()
				deadline = time.Now().Add(10 * time.Second)
			}
		}
	}()
	return asked
}
