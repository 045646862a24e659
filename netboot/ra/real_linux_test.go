package ra_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv6"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot/ra"
)

var names atomic.Int32

// cable joins an interface of server, called ours, to a new one of client,
// whose name no other test has: package net keeps the interface index that goes
// with a name for a minute, whichever namespace it was in.
func cable(t *testing.T, server *netnstest.NS, ours string, client *netnstest.NS) (theirs string) {
	theirs = fmt.Sprintf("eth%d", names.Add(1))
	netnstest.Veth(t, server, ours, client, theirs)
	return theirs
}

// serve runs s in ns until the test ends.
func serve(t *testing.T, ns *netnstest.NS, s *ra.Server) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ns.Do(func() error { return s.Serve(ctx) }) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

// dial opens a neighbour discovery socket on the interface called name, as soon
// as that has an address.
func dial(t *testing.T, ns *netnstest.NS, name string) *ndp.Conn {
	t.Helper()
	var conn *ndp.Conn
	open := func() error {
		nic, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		conn, _, err = ndp.Listen(nic, ndp.LinkLocal)
		return err
	}
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if err = ns.Do(open); err == nil {
			t.Cleanup(func() { conn.Close() })
			require.NoError(t, conn.SetControlMessage(ipv6.FlagHopLimit|ipv6.FlagDst, true))
			return conn
		}
	}
	t.Fatalf("no socket on %s: %v", name, err)
	return nil
}

// solicit asks until an advertisement comes, as a client does.
func solicit(t *testing.T, conn *ndp.Conn) *ndp.RouterAdvertisement {
	t.Helper()
	var err error
	for range 50 {
		err = conn.WriteTo(&ndp.RouterSolicitation{}, nil, netip.MustParseAddr("ff02::2")) // refused while the link comes up
		if a := receive(t, conn, 200*time.Millisecond); a != nil {
			return a
		}
	}
	t.Fatalf("nobody advertised (sent with error %v)", err)
	return nil
}

// receive returns the next advertisement, nil when none comes in time.
func receive(t *testing.T, conn *ndp.Conn, within time.Duration) *ndp.RouterAdvertisement {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(within)))
	for {
		m, cm, _, err := conn.ReadFrom()
		if err != nil {
			return nil
		}
		if a, ok := m.(*ndp.RouterAdvertisement); ok {
			require.Equal(t, 255, cm.HopLimit)
			return a
		}
	}
}

func TestRealSolicitation(t *testing.T) {
	server, client := netnstest.New(t), netnstest.New(t)
	nic, other := cable(t, server, "pi17", client), cable(t, server, "office", client)
	serve(t, server, &ra.Server{Interface: func(name string) (ra.Config, bool) {
		return ra.Config{Managed: true, Other: true, Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8::/64")}}, name == "pi17"
	}})
	a := solicit(t, dial(t, client, nic))
	require.True(t, a.ManagedConfiguration)
	require.Zero(t, a.RouterLifetime)
	require.Len(t, a.Options, 2)

	silent := dial(t, client, other)
	require.NoError(t, silent.WriteTo(&ndp.RouterSolicitation{}, nil, netip.MustParseAddr("ff02::2")))
	require.Nil(t, receive(t, silent, 500*time.Millisecond), "an interface that is not served")
}

func TestRealRdisc6(t *testing.T) {
	rdisc6 := peer.Look(t, "rdisc6")
	server, client := netnstest.New(t), netnstest.New(t)
	nic := cable(t, server, "pi17", client)
	serve(t, server, &ra.Server{Interface: func(string) (ra.Config, bool) {
		return ra.Config{Other: true, MTU: 1400, Router: 10 * time.Minute, Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:7::/64")}}, true
	}})
	solicit(t, dial(t, client, nic)) // it listens now
	out, err := client.Command(rdisc6, "-1", "-w", "3000", nic).CombinedOutput()
	require.NoError(t, err, "%s", out)
	text := strings.Join(strings.Fields(string(out)), " ")
	for _, want := range []string{
		"Stateful address conf. : No", "Stateful other conf. : Yes", "Router lifetime : 600 (0x00000258) seconds",
		"MTU : 1400 bytes (valid)", "Prefix : 2001:db8:7::/64", "Source link-layer address:",
	} {
		require.Contains(t, text, want)
	}
}

// TestRealInterfaces serves 96 interfaces, of which one is added, one removed
// and one renamed while it serves.
func TestRealInterfaces(t *testing.T) {
	server, client := netnstest.New(t), netnstest.New(t)
	const count = 96
	var theirs [count]string
	for i := range theirs {
		theirs[i] = cable(t, server, fmt.Sprintf("pi%d", i), client)
	}
	serve(t, server, &ra.Server{Interface: func(name string) (ra.Config, bool) {
		return ra.Config{MTU: 1280 + uint32(len(name))}, strings.HasPrefix(name, "pi")
	}})
	for _, nic := range theirs {
		solicit(t, dial(t, client, nic))
	}
	late := cable(t, server, "pi-late", client)
	require.Contains(t, solicit(t, dial(t, client, late)).Options, ndp.NewMTU(1287))

	server.IP("link", "del", "pi3")
	solicit(t, dial(t, client, cable(t, server, "pi3", client)))

	server.IP("link", "set", "pi4", "down")
	server.IP("link", "set", "pi4", "name", "pi-renamed")
	server.IP("link", "set", "pi-renamed", "up")
	conn := dial(t, client, theirs[4])
	require.Eventually(t, func() bool {
		a := solicit(t, conn)
		return a.Options[1].(*ndp.MTU).MTU == 1290
	}, 10*time.Second, time.Millisecond)
}

func TestRealRateLimit(t *testing.T) {
	server, client := netnstest.New(t), netnstest.New(t)
	nic := cable(t, server, "pi17", client)
	serve(t, server, new(ra.Server))
	conn := dial(t, client, nic)
	solicit(t, conn)
	start := time.Now()
	for range 500 {
		require.NoError(t, conn.WriteTo(&ndp.RouterSolicitation{}, nil, netip.MustParseAddr("ff02::2")))
	}
	answers := 0
	for receive(t, conn, 300*time.Millisecond) != nil {
		answers++
	}
	require.Positive(t, answers)
	require.LessOrEqual(t, answers, 20+10*int(time.Since(start)/time.Second+1))
}

// TestRealUnspecifiedSource asks as a client does that has no address yet, and
// hears the answer that goes to everybody; of many such only few are given.
func TestRealUnspecifiedSource(t *testing.T) {
	server, client := netnstest.New(t), netnstest.New(t)
	nic := cable(t, server, "pi17", client)
	serve(t, server, new(ra.Server))
	conn := dial(t, client, nic)
	solicit(t, conn)

	var raw *packet.Conn
	require.NoError(t, client.Do(func() error {
		ifi, err := net.InterfaceByName(nic)
		if err != nil {
			return err
		}
		raw, err = packet.Listen(ifi, packet.Raw, 0x86dd, nil)
		return err
	}))
	defer raw.Close()
	for range 5 { // at once: the next answer is due three seconds later
		_, err := raw.WriteTo(unspecifiedFrame(t), &packet.Addr{HardwareAddr: net.HardwareAddr{0x33, 0x33, 0, 0, 0, 2}})
		require.NoError(t, err)
	}
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
	answers := 0
	for {
		_, cm, _, err := conn.ReadFrom()
		if err != nil {
			break
		}
		if cm.Dst.IsMulticast() { // the kernel asks too, from its address
			answers++
		}
	}
	require.Equal(t, 2, answers)
}

// unspecifiedFrame is a router solicitation from :: in an Ethernet frame.
func unspecifiedFrame(t *testing.T) []byte {
	to := netip.MustParseAddr("ff02::2")
	icmp, err := ndp.MarshalMessageChecksum(&ndp.RouterSolicitation{}, netip.IPv6Unspecified(), to)
	require.NoError(t, err)
	b := []byte{0x33, 0x33, 0, 0, 0, 2, 2, 0, 0, 0, 0, 9, 0x86, 0xdd}
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(icmp)))
	b = append(b, 58, 255) // ICMPv6, hop limit
	b = append(b, netip.IPv6Unspecified().AsSlice()...)
	b = append(b, to.AsSlice()...)
	return append(b, icmp...)
}
