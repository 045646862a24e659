package qbridge_test

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/qbridge"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

var communities = qbridge.Credentials{V2c: qbridge.V2c{Read: "public", Write: "private"}}

// dial serves a fake and makes a driver for it.
func dial(t *testing.T, fake *vlantest.QBridge, change ...func(*qbridge.Config)) *qbridge.Switch {
	t.Helper()
	return dialAddr(t, snmptest.Start(t, fake.Agent()), change...)
}

func dialAddr(t *testing.T, addr string, change ...func(*qbridge.Config)) *qbridge.Switch {
	t.Helper()
	c := qbridge.Config{Addr: addr, Credentials: communities, Settle: -1}
	for _, fn := range change {
		fn(&c)
	}
	sw, err := qbridge.Dial(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { sw.Close() })
	return sw
}

func shelf(ports int) []string {
	names := make([]string, ports)
	for i := range names {
		names[i] = fmt.Sprintf("Gi1/0/%d", i+1)
	}
	return names
}

// steps put two Pis into VLANs of their own, by the order of a plan.
func steps(ports []string) []vlan.Step {
	pi1, pi2, trunk := ports[0], ports[1], ports[2]
	return []vlan.Step{
		{Op: vlan.CreateVLAN, VID: 11, Name: "pi1"}, {Op: vlan.CreateVLAN, VID: 12, Name: "pi2"},
		{Op: vlan.CreateVLAN, VID: 131, Name: "public"}, {Op: vlan.CreateVLAN, VID: 4094, Name: "native"},
		{Op: vlan.SetIngress, Port: pi1, On: true}, {Op: vlan.SetIngress, Port: pi2, On: true},
		{Op: vlan.Join, Port: trunk, VID: 11}, {Op: vlan.Join, Port: trunk, VID: 12}, {Op: vlan.Join, Port: trunk, VID: 131},
		{Op: vlan.Join, Port: pi1, VID: 11, Untagged: true}, {Op: vlan.Join, Port: pi2, VID: 12, Untagged: true},
		{Op: vlan.SetPVID, Port: pi1, VID: 11}, {Op: vlan.SetPVID, Port: pi2, VID: 12}, {Op: vlan.SetPVID, Port: trunk, VID: 4094},
		{Op: vlan.Leave, Port: pi1, VID: 1}, {Op: vlan.Leave, Port: pi2, VID: 1}, {Op: vlan.Leave, Port: trunk, VID: 1},
		{Op: vlan.Join, Port: pi1, VID: 131}, {Op: vlan.Join, Port: pi2, VID: 131},
		{Op: vlan.SetFrames, Port: trunk, Frames: vlan.TaggedFrames},
		{Op: vlan.SetEdge, Port: pi1, On: true},
		{Op: vlan.RenameVLAN, VID: 131, Name: "everybody"},
	}
}

// dialects are switches that do things their own way.
var dialects = []struct {
	name string
	fake vlantest.QBridge
}{
	{"as the RFC has it", vlantest.QBridge{}},
	{"a gap in the port numbers", vlantest.QBridge{Gap: 5}},
	{"longer bitmaps", vlantest.QBridge{Octets: 128}},
	{"reversed bits", vlantest.QBridge{Reversed: true}},
	{"lists as text", vlantest.QBridge{Text: true}},
	{"PVID as INTEGER", vlantest.QBridge{IntegerPVID: true}},
	{"no createAndGo", vlantest.QBridge{NoCreateAndGo: true}},
	{"no createAndWait", vlantest.QBridge{NoCreateAndWait: true}},
	{"no names", vlantest.QBridge{NoNames: true}},
	{"no names and no createAndGo", vlantest.QBridge{NoNames: true, NoCreateAndGo: true}},
	{"the PVID's VLAN is kept", vlantest.QBridge{KeepPVID: true}},
	{"moves ports by itself", vlantest.QBridge{Moves: true}},
	{"all at once", vlantest.QBridge{Gap: 9, Octets: 64, Reversed: true, IntegerPVID: true, NoCreateAndGo: true, NoNames: true, KeepPVID: true, Moves: true}},
}

func TestStepsInAllDialects(t *testing.T) {
	for _, c := range dialects {
		for _, batch := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, batch %t", c.name, batch), func(t *testing.T) {
				fake := c.fake
				fake.Ports = shelf(12)
				sw := dial(t, &fake)
				want, err := sw.Read(t.Context())
				require.NoError(t, err)
				require.True(t, fake.State().Ports["Gi1/0/3"].Equal(want.Ports["Gi1/0/3"]))
				all := steps(fake.Ports)
				if fake.NoNames {
					rename := all[len(all)-1]
					all = all[:len(all)-1]
					defer func() { require.ErrorIs(t, sw.Do(t.Context(), rename), vlan.ErrUnsupported) }()
				}
				for _, step := range all {
					want, err = want.After(step)
					require.NoError(t, err)
					if !batch {
						require.NoError(t, sw.Do(t.Context(), step), "%v", step)
					}
				}
				if batch {
					require.NoError(t, sw.DoAll(t.Context(), all))
				}
				got, err := sw.Read(t.Context())
				require.NoError(t, err)
				require.True(t, got.Equal(fake.State()), "the driver reads what the switch does")
				for name, ps := range want.Ports {
					require.True(t, ps.Equal(got.Ports[name]), "%s:\nwant %+v\ngot  %+v", name, ps, got.Ports[name])
				}
				require.Equal(t, !fake.NoNames, got.Can.Has(vlan.CanName))
				if !fake.NoNames {
					require.Equal(t, "everybody", got.VLANs[131])
				}
				require.NoError(t, sw.DoAll(t.Context(), all[:4]), "again")
			})
		}
	}
}

// To apply a plan for 48 Pis takes four messages a Pi at most, besides what is
// read.
func TestFewMessages(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(49)}
	sw := dial(t, fake)
	spec := vlan.Spec{
		Private: netip.MustParsePrefix("10.64.0.0/16"), FileServer: vlan.FileServer{Iface: "eth0"},
		Public:  vlan.Public{VID: 131, Prefix: netip.MustParsePrefix("2001:db8::/64")},
		Shelves: []vlan.Shelf{{Name: "shelf", Switches: []vlan.Switch{{Name: "sw", Uplink: vlan.Uplink{Port: fake.Ports[48]}}}}},
	}
	for i, port := range fake.Ports[:48] {
		spec.Shelves[0].Pis = append(spec.Shelves[0].Pis, vlan.Host{Name: fmt.Sprintf("pi%d", i), Port: port})
	}
	plan, err := vlan.Build(spec, nil)
	require.NoError(t, err)
	config, err := plan.Switch("sw")
	require.NoError(t, err)
	report, err := vlan.Apply(t.Context(), sw, config, vlan.ApplyOptions{NoSave: true})
	require.NoError(t, err)
	for _, m := range config.Ports {
		require.True(t, fake.State().Ports[m.Port].Member(131))
		require.Equal(t, m.PVID, fake.State().Ports[m.Port].PVID)
	}
	stats := fake.Agent().Stats()
	t.Logf("%d steps for 48 Pis: %d writes, %d reads", len(report.Steps), stats.Set, stats.Requests()-stats.Set)
	require.LessOrEqual(t, stats.Set, int64(4*48))
}

// What nobody asked about stays as it is, also when it is changed meanwhile.
func TestOthersKeepTheirMembership(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(8)}
	sw := dial(t, fake)
	_, err := sw.Read(t.Context())
	require.NoError(t, err)
	second := dial(t, fake)
	require.NoError(t, second.DoAll(t.Context(), []vlan.Step{
		{Op: vlan.CreateVLAN, VID: 20, Name: "other"}, {Op: vlan.Join, Port: fake.Ports[6], VID: 20, Untagged: true},
		{Op: vlan.SetPVID, Port: fake.Ports[6], VID: 20}, {Op: vlan.Leave, Port: fake.Ports[6], VID: 1},
	}))
	require.NoError(t, sw.DoAll(t.Context(), []vlan.Step{
		{Op: vlan.Join, Port: fake.Ports[0], VID: 20}, {Op: vlan.Leave, Port: fake.Ports[1], VID: 1},
	}))
	st := fake.State()
	require.True(t, st.Ports[fake.Ports[6]].Equal(vlan.PortState{PVID: 20, Untagged: vlan.VIDs{20}}))
	require.True(t, st.Ports[fake.Ports[5]].Equal(vlan.PortState{PVID: 1, Untagged: vlan.VIDs{1}}))
}

// A forbidden port becomes a member when the plan says so.
func TestForbidden(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(8)}
	sw := dial(t, fake)
	require.NoError(t, sw.Do(t.Context(), vlan.Step{Op: vlan.CreateVLAN, VID: 11, Name: "pi1"}))
	fake.Agent().Set(qForbidden.Append(11), octets(0xff))
	require.NoError(t, sw.Do(t.Context(), vlan.Step{Op: vlan.Join, VID: 11, Port: fake.Ports[0], Untagged: true}))
	require.True(t, fake.State().Ports[fake.Ports[0]].Untagged.Contains(11))
	require.Equal(t, octets(0x7f), fake.Agent().Get(qForbidden.Append(11)))
}

func TestRefusals(t *testing.T) {
	fake := &vlantest.QBridge{Ports: append(shelf(4), "twice", "twice"), NoUntaggedFrames: true, NoEdge: true}
	sw := dial(t, fake)
	do := func(step vlan.Step) error { return sw.Do(t.Context(), step) }
	require.ErrorIs(t, do(vlan.Step{Op: vlan.SetIngress, Port: "absent", On: true}), fs.ErrNotExist)
	require.ErrorIs(t, do(vlan.Step{Op: vlan.SetPVID, Port: "twice", VID: 1}), qbridge.ErrAmbiguous)
	require.ErrorIs(t, do(vlan.Step{Op: vlan.Join, Port: "twice", VID: 1}), qbridge.ErrAmbiguous)
	require.ErrorIs(t, do(vlan.Step{Op: vlan.Join, Port: "Gi1/0/1", VID: 77}), fs.ErrNotExist)
	require.ErrorIs(t, do(vlan.Step{Op: vlan.RenameVLAN, VID: 77, Name: "x"}), fs.ErrNotExist)
	require.ErrorIs(t, do(vlan.Step{Op: vlan.SetIsolated, Port: "Gi1/0/1", On: true}), vlan.ErrUnsupported)
	require.ErrorContains(t, do(vlan.Step{Op: vlan.CreateVLAN, VID: 11, Name: strings.Repeat("x", 33)}), "32")
	require.ErrorContains(t, do(vlan.Step{Op: vlan.CreateVLAN, VID: 4095}), "4095")
	require.ErrorContains(t, do(vlan.Step{Op: vlan.SetPVID, Port: "Gi1/0/1", VID: 77}), "inconsistentValue")
	require.ErrorContains(t, do(vlan.Step{Op: vlan.DeleteVLAN, VID: 1}), "inconsistentValue")
	require.NoError(t, do(vlan.Step{Op: vlan.DeleteVLAN, VID: 77}), "it is not there already")
	require.NoError(t, sw.DoAll(t.Context(), nil))
	err := do(vlan.Step{Op: vlan.SetFrames, Port: "Gi1/0/1", Frames: vlan.UntaggedFrames})
	require.ErrorContains(t, err, "wrongValue")
	require.ErrorIs(t, do(vlan.Step{Op: vlan.SetEdge, Port: "Gi1/0/1", On: true}), vlan.ErrUnsupported)
	st, err := sw.Read(t.Context())
	require.NoError(t, err)
	require.False(t, st.Can.Has(vlan.CanEdge))
	require.NotContains(t, st.Ports, "absent")
}

// A switch that says yes and does nothing.
func TestAcceptsAndIgnores(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(4)}
	sw := dial(t, fake)
	require.NoError(t, sw.Do(t.Context(), vlan.Step{Op: vlan.CreateVLAN, VID: 11, Name: "pi1"}))
	fake.Agent().SetFaults(snmptest.Faults{IgnoreSet: true})
	for _, step := range []vlan.Step{
		{Op: vlan.CreateVLAN, VID: 12, Name: "pi2"},
		{Op: vlan.RenameVLAN, VID: 11, Name: "renamed"},
		{Op: vlan.Join, Port: "Gi1/0/1", VID: 11, Untagged: true},
		{Op: vlan.Leave, Port: "Gi1/0/1", VID: 1},
		{Op: vlan.SetPVID, Port: "Gi1/0/1", VID: 11},
		{Op: vlan.SetIngress, Port: "Gi1/0/1", On: true},
		{Op: vlan.DeleteVLAN, VID: 11},
	} {
		require.ErrorIs(t, sw.Do(t.Context(), step), vlan.ErrNotApplied, "%v", step)
	}
}

// A message that is refused half-way, on a switch that does not undo the half: the
// driver says so, and what it was can be brought back.
func TestHalfDone(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(4), KeepPVID: true}
	fake.Agent().SetFaults(snmptest.Faults{PartialSet: true})
	sw := dial(t, fake)
	before, err := sw.Read(t.Context())
	require.NoError(t, err)
	leave := vlan.Step{Op: vlan.Leave, Port: "Gi1/0/1", VID: 1}
	require.ErrorContains(t, sw.Do(t.Context(), leave), "inconsistentValue")
	require.True(t, fake.State().Ports["Gi1/0/1"].Tagged.Contains(1), "it leaves with a tag now")
	require.NoError(t, sw.Do(t.Context(), leave.Undo(before)))
	require.True(t, before.Equal(fake.State()))
}

// A switch that needs a moment.
func TestSettles(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(4)}
	var wrote atomic.Pointer[context.CancelFunc]
	fake.Agent().Observe = func(r snmptest.Request) {
		if cancel := wrote.Load(); cancel != nil && r.Kind == snmptest.Set {
			(*cancel)()
		}
	}
	sw := dial(t, fake, func(c *qbridge.Config) { c.Settle = time.Minute })
	ingress := qIngress.Append(1)
	var asked atomic.Int32
	fake.Agent().Computed(ingress, func() value {
		if asked.Add(1) < 8 {
			return number(2)
		}
		return number(1)
	})
	require.NoError(t, sw.Do(t.Context(), vlan.Step{Op: vlan.SetIngress, Port: "Gi1/0/1", On: true}))

	asked.Store(-1 << 30)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wrote.Store(&cancel)
	require.ErrorIs(t, sw.Do(ctx, vlan.Step{Op: vlan.SetIngress, Port: "Gi1/0/1", On: true}), context.Canceled)
}

// Many ports in one message, until the switch says that they are too many.
func TestTooBig(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(24)}
	sw := dial(t, fake)
	_, err := sw.Read(t.Context())
	require.NoError(t, err)
	fake.Agent().SetFaults(snmptest.Faults{MaxVarbinds: 5})
	var all []vlan.Step
	for _, port := range fake.Ports {
		all = append(all, vlan.Step{Op: vlan.SetIngress, Port: port, On: true})
	}
	require.NoError(t, sw.DoAll(t.Context(), all))
	for _, ps := range fake.State().Ports {
		require.True(t, ps.Ingress)
	}
}

// Messages that are lost, late or double change nothing about the outcome.
func TestBadNetwork(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(8)}
	fake.Agent().SetFaults(snmptest.Faults{LoseRequest: 0.1, LoseReply: 0.1, Duplicate: 0.2, Seed: 7})
	sw := dial(t, fake, func(c *qbridge.Config) { c.MinTimeout, c.Retries = 20*time.Millisecond, 20 })
	want, err := sw.Read(t.Context())
	require.NoError(t, err)
	all := steps(fake.Ports)
	require.NoError(t, sw.DoAll(t.Context(), all))
	for _, step := range all {
		want, err = want.After(step)
		require.NoError(t, err)
	}
	require.True(t, want.Equal(fake.State()))
}

func TestReadRefusesWhatIsNoSwitch(t *testing.T) {
	for _, c := range []struct {
		name, column, want string
	}{
		{"no bridge", "1.3.6.1.2.1.17.1.4.1.2", "dot1dBasePortTable"},
		{"no VLANs", "1.3.6.1.2.1.17.7.1.4.5.1.1", "dot1qPvid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake := &vlantest.QBridge{Ports: shelf(4)}
			for _, v := range fake.Agent().Below(oid(c.column)) {
				fake.Agent().Delete(v.OID)
			}
			_, err := dial(t, fake).Read(t.Context())
			require.ErrorContains(t, err, c.want)
		})
	}
}

// A table that breaks off is no smaller switch.
func TestTruncatedTable(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(40)}
	fake.Agent().SetFaults(snmptest.Faults{Truncate: []snmptest.Truncation{{Column: qPVID, Rows: 7}}})
	_, err := dial(t, fake).Read(t.Context())
	require.Error(t, err)
}

func TestFallsBackToDescriptions(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(4)}
	for _, v := range fake.Agent().Below(qIfName) {
		fake.Agent().Delete(v.OID)
		fake.Agent().Set(oid("1.3.6.1.2.1.2.2.1.2").Append(v.OID[len(v.OID)-1]), v.Value)
	}
	st, err := dial(t, fake).Read(t.Context())
	require.NoError(t, err)
	require.Contains(t, st.Ports, "Gi1/0/4")
}

// Members by GVRP are seen when asked for.
func TestDynamicMembers(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(8)}
	current := oid("1.3.6.1.2.1.17.7.1.4.2.1")
	fake.Agent().Set(current.Append(4, 0, 12), octets(0x80))
	fake.Agent().Set(current.Append(5, 0, 12), octets(0x00))
	for _, dynamic := range []bool{false, true} {
		st, err := dial(t, fake, func(c *qbridge.Config) { c.Dynamic = dynamic }).Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, dynamic, st.Ports["Gi1/0/1"].Tagged.Contains(12))
	}
}

// Nothing that is printed has a community in it.
func TestSecretsStaySecret(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(4)}
	addr := snmptest.Start(t, fake.Agent())
	c := qbridge.Config{Addr: addr, Credentials: qbridge.Credentials{V2c: qbridge.V2c{Read: "hush-read", Write: "hush-write"}}, MaxTimeout: 20 * time.Millisecond, MinTimeout: 10 * time.Millisecond, Retries: -1}
	sw, err := qbridge.Dial(t.Context(), c)
	require.NoError(t, err)
	defer sw.Close()
	_, err = sw.Read(t.Context())
	require.Error(t, err)
	for _, text := range []string{err.Error(), fmt.Sprintf("%v %+v %#v", c, c, c), fmt.Sprintf("%+v", err)} {
		require.NotContains(t, text, "hush")
	}
	_, err = qbridge.Dial(t.Context(), qbridge.Config{Addr: addr})
	require.ErrorContains(t, err, "neither a community nor a user")
	_, _, err = net.SplitHostPort(addr)
	require.NoError(t, err)
}

func TestReadOnlyCommunity(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(4)}
	sw := dial(t, fake, func(c *qbridge.Config) { c.Credentials.V2c.Write = "public" })
	err := sw.Do(t.Context(), vlan.Step{Op: vlan.CreateVLAN, VID: 11, Name: "pi1"})
	require.ErrorContains(t, err, "noAccess")
	require.NotContains(t, fake.State().VLANs, vlan.VID(11))
}
