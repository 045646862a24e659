package realtest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/vlan/realtest"
)

const (
	nfsPort = 2049
	sshPort = 22
	webPort = 443
)

// apart has whoever is in the second port, with full power over all its frames,
// try to reach the first machine.
func (r *rack) apart() {
	r.t.Helper()
	// Untagged it is in its own VLAN, tagged in the public one, and it also sends
	// tags of the first machine's.
	card := realtest.StartOpenVSwitch(r.t, r.second, "br2")
	own, public, foreign := r.pi2.ServerIface(), fmt.Sprintf("eth0.%d", r.plan.Public.VID), r.pi.ServerIface()
	for name, vid := range map[string]int{own: int(r.pi2.VID), public: int(r.plan.Public.VID), foreign: int(r.pi.VID)} {
		card.Internal(name, vid)
		r.second.IP("link", "set", name, "up")
	}
	card.Control("add-port", "br2", "eth0", "vlan_mode=native-untagged", fmt.Sprintf("tag=%d", r.pi2.VID),
		fmt.Sprintf("trunks=%d,%d", r.pi.VID, r.plan.Public.VID))
	r.second.AddAddr(own, netip.PrefixFrom(r.pi2.Addr, r.pi2.Net.Bits()))
	r.second.AddAddr(public, r.pi2.Public)

	// What it may.
	require.NoError(r.t, reaches(r.second, r.pi2.Server, nfsPort), "its own root")
	require.NoError(r.t, reaches(r.second, r.plan.Public.Gateway, r.listen(r.edge, r.plan.Public.Gateway)), "the router")
	require.NoError(r.t, reaches(r.edge, r.pi2.Public.Addr(), r.listen(r.second, r.pi2.Public.Addr())), "the router reaches it")
	require.NoError(r.t, reaches(r.fs, r.pi.Addr, sshPort), "the first machine is there")
	require.NoError(r.t, reaches(r.edge, r.pi.Public.Addr(), webPort), "the first machine's site is there")

	// What it may not.
	require.Error(r.t, reaches(r.second, r.pi.Public.Addr(), webPort), "by the public network, past the router")
	r.second.IP("route", "add", r.pi.Net.String(), "dev", own)
	require.Error(r.t, reaches(r.second, r.pi.Addr, sshPort), "by its own VLAN")
	require.Error(r.t, reaches(r.second, r.pi.Server, nfsPort), "the first machine's root by its own VLAN")
	r.second.IP("route", "del", r.pi.Net.String(), "dev", own)
	r.second.AddAddr(foreign, netip.PrefixFrom(r.pi.Server, r.pi.Net.Bits()))
	require.Error(r.t, reaches(r.second, r.pi.Addr, sshPort), "as the file server, by tags of the first machine's VLAN")
	r.second.IP("address", "flush", "dev", foreign)
	r.second.AddAddr(foreign, netip.PrefixFrom(r.pi.Addr, r.pi.Net.Bits()))
	require.Error(r.t, reaches(r.second, r.pi.Server, nfsPort), "as the first machine, by tags of its VLAN")

	// It is the switch that keeps them apart, and the plan that has it do so.
	r.ovs.Control("set", "port", r.pi2.Port, "protected=false")
	r.ovs.Flush()
	require.NoError(r.t, reaches(r.second, r.pi.Public.Addr(), webPort), "by the public network of a switch that isolates nobody")
	r.apply()
	require.Error(r.t, reaches(r.second, r.pi.Public.Addr(), webPort), "by the public network of a switch that was made right")
	r.say("the second port reaches nothing of the first")
}

// listen listens at an address, and returns the port.
func (r *rack) listen(ns *netnstest.NS, addr netip.Addr) uint16 {
	r.t.Helper()
	var l net.Listener
	require.NoError(r.t, ns.Do(func() (err error) {
		l, err = net.Listen("tcp", netip.AddrPortFrom(addr, 0).String())
		return err
	}))
	r.t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}

// reaches connects by TCP. Whoever is refused has reached somebody.
func reaches(from *netnstest.NS, addr netip.Addr, port uint16) error {
	return from.Do(func() error {
		const patience = 5 * time.Second // neighbours are given up after three
		conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(addr, port).String(), patience)
		switch {
		case err == nil:
			return conn.Close()
		case errors.Is(err, syscall.ECONNREFUSED):
			return nil
		}
		return err
	})
}
