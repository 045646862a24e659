package realtest

import (
	"net"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/ovs"
	"github.com/mythic-beasts/hostkit/vlan/qbridge"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// startAgent gives the switch an SNMP agent with Q-BRIDGE-MIB, and the driver that a
// rack's tools reach it by.
func (r *rack) startAgent() {
	r.t.Helper()
	r.bridge = &vlantest.QBridge{Ports: []string{r.pi.Port, r.pi2.Port, "swtrunk"}}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = conn.Close() })
	go func() { _ = r.bridge.Serve(r.t.Context(), conn) }()
	r.snmp, err = qbridge.Dial(r.t.Context(), qbridge.Config{
		Addr:        conn.LocalAddr().String(),
		Credentials: qbridge.Credentials{V2c: qbridge.V2c{Read: "public", Write: "private"}},
		Format:      qbridge.Bitmap,
	})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = r.snmp.Close() })
}

// apply has the plan set by SNMP, whatever the switch was, and proves by what Open
// vSwitch then says of itself that machines are apart.
func (r *rack) apply() {
	r.t.Helper()
	want, err := r.plan.Switch("sw")
	require.NoError(r.t, err)
	_, err = vlan.Apply(r.t.Context(), r.snmp, want, vlan.ApplyOptions{NoSave: true})
	require.NoError(r.t, err)
	after := r.obey(want)
	require.NoError(r.t, vlan.VerifyState(r.plan, map[string]vlan.State{"sw": after}))
}

// obey makes Open vSwitch what the agent's tables say. Q-BRIDGE-MIB has no isolated
// ports: those are switched on beside it, as on a real switch.
func (r *rack) obey(want vlan.SwitchConfig) vlan.State {
	r.t.Helper()
	said := r.bridge.State()
	told := want
	told.VLANs, told.Ports = nil, nil
	for _, v := range want.VLANs {
		if _, is := said.VLANs[v.ID]; is {
			told.VLANs = append(told.VLANs, v)
		}
	}
	for _, p := range want.Ports {
		isolated := p.Isolated
		p.PortState = said.Ports[p.Port]
		p.Isolated = isolated
		told.Ports = append(told.Ports, p)
	}
	driver := &ovs.Switch{Bridge: "br0", Database: r.ovs.Database, Program: peer.Look(r.t, "ovs-vsctl")}
	report, err := vlan.Apply(r.t.Context(), driver, told, vlan.ApplyOptions{})
	require.NoError(r.t, err)
	r.ovs.Flush()
	return report.After
}
