package realtest_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

const nfs = 2049

// The addresses of the shelf, by thePlan.
var (
	server1, pi1 = netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("10.77.0.2")
	server2, pi2 = netip.MustParseAddr("10.77.0.5"), netip.MustParseAddr("10.77.0.6")
	management   = netip.MustParseAddr("192.0.2.7")
)

// An attack is something that Pi 1 tries against the file server or Pi 2.
type attack struct {
	name string
	// try reports whether it worked.
	try func(*attacker) bool
	// These say whether it works without hardening, with the kernel settings
	// alone, with the packet filter alone and with both.
	open, sysctls, filter, both bool
}

var attacks = []attack{
	{"own server address", func(a *attacker) bool { return a.datagram(pi1, server1) }, true, true, true, true},
	{"asks who has the other VLAN's address", func(a *attacker) bool { return a.asks(server2) }, true, false, true, false},
	{"reaches the other VLAN's address", func(a *attacker) bool { return a.datagram(pi1, server2) }, true, true, false, false},
	{"reaches the management address", func(a *attacker) bool { return a.datagram(pi1, management) }, true, true, false, false},
	{"as Pi 2, to the other VLAN's address", func(a *attacker) bool { return a.datagram(pi2, server2) }, true, false, false, false},
	{"as Pi 2, to the own server address", func(a *attacker) bool { return a.datagram(pi2, server1) }, true, false, false, false},
	{"as the server itself", func(a *attacker) bool { return a.datagram(server2, server1) }, false, false, false, false},
	{"as a stranger", func(a *attacker) bool { return a.datagram(netip.MustParseAddr("198.51.100.9"), server1) }, true, false, false, false},
	{"through the server to Pi 2", func(a *attacker) bool { return a.forwarded(pi1) }, true, false, false, false},
}

// What the first Pi reaches and as whom, by how the file server is hardened.
func TestRealReach(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.serve()
	s.apply()
	s.addresses()
	a := newAttacker(t, s)
	for _, level := range []struct {
		name            string
		sysctls, filter bool
		works           func(attack) bool
	}{
		{"open", false, false, func(a attack) bool { return a.open }},
		{"sysctls", true, false, func(a attack) bool { return a.sysctls }},
		{"filter", false, true, func(a attack) bool { return a.filter }},
		{"both", true, true, func(a attack) bool { return a.both }},
	} {
		t.Run(level.name, func(t *testing.T) {
			s.t, a.t = t, t
			s.harden(level.sysctls, level.filter)
			for _, attack := range attacks {
				require.Equal(t, level.works(attack), attack.try(a), "%s: %s", level.name, attack.name)
			}
			s.pi2IsServed(t)
		})
	}
}

// addresses gives the Pis theirs, and the file server one that is no Pi's business.
// Forwarding is on, as it is on a server that also routes or runs containers.
func (s *shelf) addresses() {
	s.t.Helper()
	for i, pi := range s.plan.Pis {
		s.pis[i].AddAddr("eth0", netip.PrefixFrom(pi.Addr, pi.Net.Bits()))
	}
	require.Equal(s.t, []netip.Addr{server1, pi1, server2, pi2},
		[]netip.Addr{s.plan.Pis[0].Server, s.plan.Pis[0].Addr, s.plan.Pis[1].Server, s.plan.Pis[1].Addr})
	// Known beforehand, so that what the server forwards leaves at once.
	s.fs.IP("neighbour", "replace", pi2.String(), "lladdr", openPort(s.t, s.pis[1], "eth0").mac.String(), "dev", "eth0.12", "nud", "permanent")
	s.fs.AddAddr("lo", netip.PrefixFrom(management, 32))
}

// harden makes the file server as systems come, and then puts on it what is asked
// of the texts that are rendered from the plan.
func (s *shelf) harden(sysctls, filter bool) {
	s.t.Helper()
	s.nft("flush ruleset")
	lines := text(s.t, "sysctl", s.plan)
	for line := range strings.Lines(lines) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		if !sysctls {
			value = "0"
		}
		s.sysctl(key, value)
	}
	for _, name := range []string{"all", "eth0.11", "eth0.12"} {
		if !sysctls {
			s.sysctl("net/ipv4/conf/"+name+"/rp_filter", "0")
			s.sysctl("net/ipv4/conf/"+name+"/forwarding", "1")
		}
	}
	if filter {
		s.nft(text(s.t, "nftables", s.plan))
	}
}

// sysctl sets a parameter as sysctl.d(5) writes it where names hold dots: with
// slashes.
func (s *shelf) sysctl(key, value string) {
	s.t.Helper()
	require.NoError(s.t, s.fs.Do(func() error {
		return os.WriteFile("/proc/sys/"+key, []byte(value), 0)
	}), key)
}

func (s *shelf) nft(rules string) {
	s.t.Helper()
	cmd := s.fs.Command(peer.Look(s.t, "nft"), "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, string(out))
}

// pi2IsServed checks that the second Pi, which does nothing wrong, mounts its
// root: a connection to the NFS port of its own server address.
func (s *shelf) pi2IsServed(t *testing.T) {
	t.Helper()
	var listener net.Listener
	require.NoError(t, s.fs.Do(func() (err error) {
		listener, err = net.Listen("tcp", netip.AddrPortFrom(server2, nfs).String())
		return err
	}))
	defer listener.Close()
	var conn net.Conn
	require.NoError(t, s.pis[1].Do(func() (err error) {
		conn, err = net.DialTimeout("tcp", listener.Addr().String(), 20*time.Second)
		return err
	}))
	defer conn.Close()
	require.Equal(t, pi2.String(), conn.LocalAddr().(*net.TCPAddr).IP.String())
}

// attacker is Pi 1 with full power over its network interface.
type attacker struct {
	t        *testing.T
	eth, pi2 *port
	gateway  net.HardwareAddr // the file server's, in VLAN 11
	served   net.PacketConn   // the NFS port
	tryst    *port            // a sender whose frames reach Pi 2
	serial   int
}

func newAttacker(t *testing.T, s *shelf) *attacker {
	t.Helper()
	a := &attacker{
		t: t, eth: openPort(t, s.pis[0], "eth0"), pi2: openPort(t, s.pis[1], "eth0"),
		gateway: openPort(t, s.fs, "eth0.11").mac, tryst: openPort(t, s.fs, "eth0.12"),
	}
	require.NoError(t, s.fs.Do(func() (err error) {
		a.served, err = net.ListenPacket("udp4", fmt.Sprintf(":%d", nfs))
		return err
	}))
	t.Cleanup(func() { a.served.Close() })
	return a
}

// send sends a datagram to the file server's MAC address.
func (a *attacker) send(from, to netip.Addr, payload string) {
	a.t.Helper()
	a.eth.send(frame{dst: a.gateway, kind: typeIPv4, payload: udp(netip.AddrPortFrom(from, 700), netip.AddrPortFrom(to, nfs), payload)})
}

// datagram reports whether a datagram comes in at the NFS port. One that always
// does follows it, and arrives after it.
func (a *attacker) datagram(from, to netip.Addr) bool {
	a.t.Helper()
	mark := a.mark()
	a.send(from, to, mark)
	a.send(pi1, server1, "fence "+mark)
	arrived := false
	for buf := make([]byte, 2048); ; {
		require.NoError(a.t, a.served.SetReadDeadline(time.Now().Add(20*time.Second)))
		n, source, err := a.served.ReadFrom(buf)
		require.NoError(a.t, err)
		switch string(buf[:n]) {
		case mark:
			require.Equal(a.t, from.String(), source.(*net.UDPAddr).IP.String())
			arrived = true
		case "fence " + mark:
			return arrived
		}
	}
}

// asks reports whether the file server answers an ARP request for an address in
// VLAN 11. It always does for its own there.
func (a *attacker) asks(who netip.Addr) bool {
	a.t.Helper()
	a.eth.send(frame{kind: typeARP, payload: arp(a.eth.mac, pi1, who)})
	a.eth.send(frame{kind: typeARP, payload: arp(a.eth.mac, pi1, server1)})
	for answered := false; ; {
		f := a.eth.next()
		if f.kind != typeARP || binary.BigEndian.Uint16(f.payload[6:]) != 2 {
			continue
		}
		switch sender, _ := netip.AddrFromSlice(f.payload[14:18]); sender {
		case who:
			answered = true
		case server1:
			return answered
		}
	}
}

// forwarded reports whether the file server routes a datagram to Pi 2.
func (a *attacker) forwarded(from netip.Addr) bool {
	a.t.Helper()
	mark := a.mark()
	a.send(from, pi2, mark)
	// When this has come in, the one before it was routed or not.
	require.True(a.t, a.datagram(pi1, server1))
	a.tryst.send(frame{kind: typeMark, payload: []byte("fence " + mark)})
	for arrived := false; ; {
		text := string(a.pi2.next().payload)
		if strings.Contains(text, "fence "+mark) {
			return arrived
		}
		arrived = arrived || strings.Contains(text, mark)
	}
}

func (a *attacker) mark() string {
	a.serial++
	return fmt.Sprintf("attack %d.", a.serial)
}
