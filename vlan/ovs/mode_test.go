package ovs_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/ovs"
)

// tables is what ovs-vsctl prints of a bridge with one port, whose tag, trunks,
// vlan_mode and external_ids are given.
func tables(tag, trunks, mode, ids string) string {
	return `{"data":[[["uuid","b0"],"br0",["set",[["uuid","p0"],["uuid","p1"]]],["map",[["hostkit-vlan-11","pi1"],["hostkit-vlan-x","?"]]]],` +
		`[["uuid","b1"],"other",["uuid","p9"],["map",[]]]],"headings":["_uuid","name","ports","external_ids"]}` + "\n" +
		`{"data":[[["uuid","p1"],"swp1",` + tag + `,` + trunks + `,` + mode + `,false,["map",[]],` + ids + `],` +
		`[["uuid","p0"],"br0",4094,["set",[]],"access",true,["map",[["rstp-port-admin-edge","true"]]],["map",[]]],` +
		`[["uuid","p9"],"elsewhere",["set",[]],["set",[]],["set",[]],false,["map",[]],["map",[]]]],` +
		`"headings":["_uuid","name","tag","trunks","vlan_mode","protected","other_config","external_ids"]}` + "\n"
}

const none = `["set",[]]`

func TestReadModes(t *testing.T) {
	// In all VLANs, of which these are there.
	every := vlan.VIDs{11, 4094}
	for _, c := range []struct {
		name, tag, trunks, mode string
		want                    vlan.PortState
	}{
		{"as it is made", none, none, none, vlan.PortState{PVID: 1, Untagged: vlan.VIDs{1}, Tagged: every}},
		{"tag alone", "11", none, none, vlan.PortState{PVID: 11, Untagged: vlan.VIDs{11}, Frames: vlan.UntaggedFrames}},
		{"tag and trunks without a mode", "11", "12", none, vlan.PortState{PVID: 11, Untagged: vlan.VIDs{11}, Frames: vlan.UntaggedFrames}},
		{"trunk", none, `["set",[12,11]]`, `"trunk"`, vlan.PortState{Tagged: vlan.VIDs{11, 12}, Frames: vlan.TaggedFrames}},
		{"trunk of untagged frames too", none, `["set",[0,11]]`, `"trunk"`, vlan.PortState{PVID: 1, Untagged: vlan.VIDs{1}, Tagged: vlan.VIDs{11}}},
		{"native", "11", "131", `"native-untagged"`, vlan.PortState{PVID: 11, Untagged: vlan.VIDs{11}, Tagged: vlan.VIDs{131}}},
		{"native in all VLANs", "2", none, `"native-untagged"`, vlan.PortState{PVID: 2, Untagged: vlan.VIDs{2}, Tagged: every}},
		{"native tagged", "11", "131", `"native-tagged"`, vlan.PortState{PVID: 11, Tagged: vlan.VIDs{11, 131}}},
		{"nowhere", none, "4095", `"trunk"`, vlan.PortState{Frames: vlan.TaggedFrames}},
		{"tunnel", "11", none, `"dot1q-tunnel"`, vlan.PortState{PVID: 11, Untagged: vlan.VIDs{11}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sw := &ovs.Switch{Bridge: "br0", Run: func(context.Context, []string) ([]byte, error) {
				return []byte(tables(c.tag, c.trunks, c.mode, `["map",[]]`)), nil
			}}
			st, err := sw.Read(t.Context())
			require.NoError(t, err)
			c.want.Ingress = true
			require.True(t, c.want.Equal(st.Ports["swp1"]), "%+v", st.Ports["swp1"])
			require.Len(t, st.Ports, 2, "ports of other bridges are not ours")
			require.True(t, st.Ports["br0"].Edge && st.Ports["br0"].Isolated)
			require.Equal(t, "pi1", st.VLANs[11])
			require.Contains(t, st.VLANs, vlan.VID(4094))
		})
	}
}

// What is noted counts for as long as the columns say the same.
func TestReadNote(t *testing.T) {
	const note = `["map",[["hostkit-mode","pvid=4094 untagged=- tagged=11-12 frames=1 isolated=false edge=false"]]]`
	noted := vlan.PortState{PVID: 4094, Tagged: vlan.VIDs{11, 12}, Frames: vlan.TaggedFrames, Ingress: true}
	for _, c := range []struct {
		name, trunks, ids string
		want              vlan.PortState
	}{
		{"agrees", `["set",[11,12]]`, note, noted},
		{"changed by hand", `["set",[11,12,13]]`, note, vlan.PortState{Tagged: vlan.VIDs{11, 12, 13}, Frames: vlan.TaggedFrames, Ingress: true}},
		{"not ours", "13", `["map",[["hostkit-mode","rubbish"]]]`, vlan.PortState{Tagged: vlan.VIDs{13}, Frames: vlan.TaggedFrames, Ingress: true}},
		{"out of range", "13", `["map",[["hostkit-mode","pvid=9999 untagged=- tagged=13 frames=9 isolated=false edge=false"]]]`, vlan.PortState{Tagged: vlan.VIDs{13}, Frames: vlan.TaggedFrames, Ingress: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sw := &ovs.Switch{Bridge: "br0", Run: func(context.Context, []string) ([]byte, error) {
				return []byte(tables(none, c.trunks, `"trunk"`, c.ids)), nil
			}}
			st, err := sw.Read(t.Context())
			require.NoError(t, err)
			require.True(t, c.want.Equal(st.Ports["swp1"]), "%+v", st.Ports["swp1"])
		})
	}
}

// One transaction, whatever the number of steps; names go nowhere unquoted.
func TestDoAllIsOneTransaction(t *testing.T) {
	var calls [][]string
	sw := &ovs.Switch{Bridge: "br0", Database: "unix:db.sock", Run: func(_ context.Context, args []string) ([]byte, error) {
		calls = append(calls, args)
		return []byte(tables(none, none, none, `["map",[]]`)), nil
	}}
	require.NoError(t, sw.DoAll(t.Context(), []vlan.Step{
		{Op: vlan.CreateVLAN, VID: 12, Name: `a" b`},
		{Op: vlan.Join, Port: "swp1", VID: 11, Untagged: true},
		{Op: vlan.SetPVID, Port: "swp1", VID: 11},
		{Op: vlan.SetFrames, Port: "swp1", Frames: vlan.UntaggedFrames},
		{Op: vlan.Leave, Port: "swp1", VID: 1},
	}))
	require.Len(t, calls, 2, "a read and a write")
	write := strings.Join(calls[1], " ")
	require.Contains(t, write, "--db=unix:db.sock")
	require.Contains(t, write, "set Port p1 tag=11 trunks=[] vlan_mode=access")
	require.Contains(t, write, `set Bridge b0 external_ids:hostkit-vlan-12="a\" b"`)

	calls = nil
	require.NoError(t, sw.Do(t.Context(), vlan.Step{Op: vlan.SetPVID, Port: "swp1", VID: 1}))
	require.Len(t, calls, 1, "nothing to write")
	require.NoError(t, sw.Save(t.Context()))
}

func TestRefuses(t *testing.T) {
	answer := tables(none, none, none, `["map",[]]`)
	sw := &ovs.Switch{Bridge: "br0", Run: func(context.Context, []string) ([]byte, error) { return []byte(answer), nil }}
	for _, port := range []string{"elsewhere", "--all", ""} {
		err := sw.Do(t.Context(), vlan.Step{Op: vlan.SetIsolated, Port: port, On: true})
		require.ErrorIs(t, err, fs.ErrNotExist, "%q", port)
	}
	require.ErrorIs(t, sw.Do(t.Context(), vlan.Step{Op: vlan.Join, Port: "swp1", VID: 77}), fs.ErrNotExist)

	_, err := (&ovs.Switch{}).Read(t.Context())
	require.ErrorContains(t, err, "Bridge is empty")
	sw.Bridge = "absent"
	_, err = sw.Read(t.Context())
	require.ErrorIs(t, err, fs.ErrNotExist)
	sw.Bridge = "br0"
	for _, broken := range []string{"", "{}", `{"headings":["name"],"data":[["br0"]]} {}`, tables(`"eleven"`, none, none, none), tables("5000", none, none, `["map",[]]`), tables(none, none, none, `["map",[7]]`)} {
		answer = broken
		_, err := sw.Read(t.Context())
		require.Error(t, err, broken)
	}
	boom := errors.New("boom")
	sw.Run = func(context.Context, []string) ([]byte, error) { return nil, boom }
	require.ErrorIs(t, sw.Do(t.Context(), vlan.Step{Op: vlan.CreateVLAN, VID: 7}), boom)
}

func FuzzRead(f *testing.F) {
	f.Add(tables(none, none, none, `["map",[]]`))
	f.Add(tables("11", `["set",[1,2]]`, `"trunk"`, `["map",[["hostkit-mode","pvid=1"]]]`))
	f.Fuzz(func(t *testing.T, out string) {
		sw := &ovs.Switch{Bridge: "br0", Run: func(context.Context, []string) ([]byte, error) { return []byte(out), nil }}
		st, err := sw.Read(t.Context())
		if err != nil {
			return
		}
		for _, ps := range st.Ports {
			require.LessOrEqual(t, ps.PVID, vlan.MaxVID)
			for _, v := range ps.Untagged {
				require.False(t, ps.Tagged.Contains(v))
			}
		}
	})
}
