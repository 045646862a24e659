package ovs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// The values of the column vlan_mode that the driver writes.
const (
	modeAccess         = "access"
	modeTrunk          = "trunk"
	modeNativeTagged   = "native-tagged"
	modeNativeUntagged = "native-untagged"
)

// nowhere is an identifier that IEEE 802.1Q reserves. A port that is a trunk of
// it alone is in no VLAN; no list at all would mean every VLAN.
const nowhere = 4095

// noTag is a port without the column tag.
const noTag = -1

// every is all VLANs.
func every() vlan.VIDs {
	all := make(vlan.VIDs, 0, vlan.MaxVID)
	for v := vlan.MinVID; v <= vlan.MaxVID; v++ {
		all = append(all, v)
	}
	return all
}

// columns are those of the table Port that decide about VLANs. See
// ovs-vswitchd.conf.db(5), "VLAN Configuration".
type columns struct {
	tag       int
	trunks    []int // in order
	vlanMode  string
	protected bool
	edge      bool // rstp-port-admin-edge
}

func (c columns) equal(o columns) bool {
	return c.tag == o.tag && slices.Equal(c.trunks, o.trunks) && c.vlanMode == o.vlanMode &&
		c.protected == o.protected && c.edge == o.edge
}

// express is the closest to a port's mode that does not let more through.
func express(ps vlan.PortState) columns {
	c := columns{tag: noTag, protected: ps.Isolated, edge: ps.Edge}
	tagged := ints(ps.Tagged)
	native := ps.PVID != 0 && ps.Frames != vlan.TaggedFrames
	switch {
	case native && ps.Untagged.Contains(ps.PVID) && (len(tagged) == 0 || ps.Frames == vlan.UntaggedFrames):
		c.vlanMode, c.tag = modeAccess, int(ps.PVID)
	case native && ps.Untagged.Contains(ps.PVID):
		c.vlanMode, c.tag, c.trunks = modeNativeUntagged, int(ps.PVID), tagged
	case native && ps.Tagged.Contains(ps.PVID):
		c.vlanMode, c.tag, c.trunks = modeNativeTagged, int(ps.PVID), tagged
	case len(tagged) > 0:
		c.vlanMode, c.trunks = modeTrunk, tagged
	default:
		// Ports in no VLAN must not even exchange frames of the reserved one.
		c.vlanMode, c.trunks, c.protected = modeTrunk, []int{nowhere}, true
	}
	return c
}

// state is what was asked for, if the columns still say so, and else what they
// mean.
func (p port) state() vlan.PortState {
	if asked, err := parseMode(p.mode); err == nil {
		asked.Isolated = asked.Isolated && p.protected
		asked.Edge = p.edge
		if express(asked).equal(p.columns) {
			return asked
		}
	}
	return p.columns.meaning()
}

// meaning is what a port does by its columns alone.
func (c columns) meaning() vlan.PortState {
	ps := vlan.PortState{Ingress: true, Isolated: c.protected, Edge: c.edge}
	mode := c.vlanMode
	if mode == "" {
		mode = modeTrunk
		if c.tag != noTag {
			mode = modeAccess
		}
	}
	var tagged vlan.VIDs
	for _, n := range c.trunks {
		if v := vlan.VID(n); v.Valid() {
			tagged = append(tagged, v)
		}
	}
	if len(c.trunks) == 0 {
		tagged = every()
	}
	native := vlan.VID(max(c.tag, 0))
	if native == 0 {
		native = 1 // frames without a tag, which Open vSwitch counts as VLAN 0
	}
	switch mode {
	case modeTrunk:
		ps.Tagged, ps.Frames = tagged, vlan.TaggedFrames
		if len(c.trunks) == 0 || c.trunks[0] == 0 {
			ps.PVID, ps.Untagged, ps.Tagged, ps.Frames = 1, vlan.VIDs{1}, tagged.Without(1), vlan.AllFrames
		}
	case modeNativeTagged:
		ps.PVID, ps.Tagged = native, tagged.With(native)
	case modeNativeUntagged:
		ps.PVID, ps.Untagged, ps.Tagged = native, vlan.VIDs{native}, tagged.Without(native)
	case modeAccess:
		ps.PVID, ps.Untagged, ps.Frames = native, vlan.VIDs{native}, vlan.UntaggedFrames
	default: // dot1q-tunnel, which takes any frame into its VLAN
		ps.PVID, ps.Untagged = native, vlan.VIDs{native}
	}
	return ps
}

// modeKey is where what was asked for is noted.
const modeKey = "hostkit-mode"

const modeForm = "pvid=%d untagged=%s tagged=%s frames=%d isolated=%t edge=%t"

func formatMode(ps vlan.PortState) string {
	return fmt.Sprintf(modeForm, ps.PVID, dash(ps.Untagged), dash(ps.Tagged), ps.Frames, ps.Isolated, ps.Edge)
}

// dash writes an empty set as "-", because a scanned word cannot be empty.
func dash(v vlan.VIDs) string {
	if len(v) == 0 {
		return "-"
	}
	return v.String()
}

// parseMode reads what formatMode writes. Anybody may have written it.
func parseMode(text string) (vlan.PortState, error) {
	ps := vlan.PortState{Ingress: true}
	var untagged, tagged string
	if _, err := fmt.Sscanf(text, modeForm, &ps.PVID, &untagged, &tagged, &ps.Frames, &ps.Isolated, &ps.Edge); err != nil {
		return vlan.PortState{}, fmt.Errorf("ovs: note %q: %w", text, err)
	}
	var err error
	if ps.Untagged, err = vlan.ParseVIDs(strings.Trim(untagged, "-")); err != nil {
		return vlan.PortState{}, err
	}
	if ps.Tagged, err = vlan.ParseVIDs(strings.Trim(tagged, "-")); err != nil {
		return vlan.PortState{}, err
	}
	if ps.PVID > vlan.MaxVID || ps.Frames > vlan.UntaggedFrames {
		return vlan.PortState{}, fmt.Errorf("ovs: note %q is out of range", text)
	}
	return ps, nil
}

func ints(vids vlan.VIDs) []int {
	out := make([]int, len(vids))
	for i, v := range vids {
		out[i] = int(v)
	}
	return out
}
