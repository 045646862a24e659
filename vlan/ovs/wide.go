package ovs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// Ports that nobody has configured are in all VLANs, also in those that do not
// exist yet. The driver shows such a port in the VLANs that exist, and takes it
// out of each new one as that is made: a VLAN that is made has no members. Its
// other VLANs, which may be somebody's, it leaves alone until a plan gives the
// port a VLAN of its own; then the port is in what the plan says and nothing
// else. What it was before is noted, for a rollback.

// wide reports whether a port is in more VLANs than anybody lists by hand.
func wide(ps vlan.PortState) bool { return len(ps.Tagged) > int(vlan.MaxVID)/2 }

// among is a port as it is shown where these VLANs exist.
func among(vlans map[vlan.VID]string, ps vlan.PortState) vlan.PortState {
	if !wide(ps) {
		return ps
	}
	var tagged vlan.VIDs
	for _, v := range ps.Tagged {
		if keyed(vlans, v) {
			tagged = append(tagged, v)
		}
	}
	ps.Tagged = tagged
	return ps
}

// narrows reports whether a port at most leaves VLANs that it is tagged in.
func narrows(was, is vlan.PortState) bool {
	for _, v := range is.Tagged {
		if !was.Tagged.Contains(v) {
			return false
		}
	}
	return was.PVID == is.PVID && was.Untagged.Equal(is.Untagged) && was.Frames == is.Frames
}

// without is the columns of a wide port that leaves VLANs.
func (c columns) without(leave func(vlan.VID) bool) columns {
	trunks := c.trunks
	if len(trunks) == 0 {
		for n := range nowhere + 1 {
			trunks = append(trunks, n)
		}
	}
	left := slices.DeleteFunc(slices.Clone(trunks), func(n int) bool { return leave(vlan.VID(n)) })
	if len(left) < len(trunks) {
		c.trunks = left
	}
	return c
}

// narrow is the command that takes a wide port out of VLANs: those that it leaves
// and those that are new.
func (p port) narrow(was, is vlan.PortState, made vlan.VIDs) []string {
	c := p.without(func(v vlan.VID) bool {
		return made.Contains(v) || was.Tagged.Contains(v) && !is.Tagged.Contains(v)
	})
	c.protected, c.edge = is.Isolated, is.Edge
	if c.equal(p.columns) {
		return nil
	}
	return p.write(c)
}

// set is the command that makes a port do exactly this. A port that was wide
// before, and is to be again what it was, gets its columns back.
func (p port) set(ps vlan.PortState, vlans map[vlan.VID]string, made vlan.VIDs) []string {
	was := p.was
	if wide(p.state()) {
		was = p.without(made.Contains).String()
	}
	if c, err := parseColumns(was); err == nil {
		c.protected, c.edge = ps.Isolated, ps.Edge
		if among(vlans, c.meaning()).Equal(ps) {
			return append(p.write(c), "--", "remove", "Port", p.uuid, "external_ids", modeKey, wasKey)
		}
	}
	args := append(p.write(express(ps)), "external_ids:"+modeKey+"="+strconv.Quote(formatMode(ps)))
	if was != "" {
		args = append(args, "external_ids:"+wasKey+"="+strconv.Quote(was))
	}
	return args
}

// write is the command that sets the columns.
func (p port) write(c columns) []string {
	tag, mode := "[]", "[]"
	if c.tag != noTag {
		tag = strconv.Itoa(c.tag)
	}
	if c.vlanMode != "" {
		mode = c.vlanMode
	}
	return []string{
		"--", "set", "Port", p.uuid, "tag=" + tag, "trunks=[" + spans(c.trunks) + "]", "vlan_mode=" + mode,
		"protected=" + strconv.FormatBool(c.protected), "other_config:rstp-port-admin-edge=" + strconv.FormatBool(c.edge),
	}
}

// spans writes numbers as ovs-vsctl reads them: "0-10,12-4095".
func spans(numbers []int) string {
	var b strings.Builder
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(numbers[i]))
		if j > i {
			b.WriteString("-" + strconv.Itoa(numbers[j]))
		}
		i = j + 1
	}
	return b.String()
}

// parseSpans reads what spans writes.
func parseSpans(text string) ([]int, error) {
	var numbers []int
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, two := strings.Cut(part, "-")
		if !two {
			to = from
		}
		first, err := strconv.ParseUint(from, 10, 12)
		if err != nil {
			return nil, fmt.Errorf("ovs: VLANs %.40q: %w", text, err)
		}
		last, err := strconv.ParseUint(to, 10, 12)
		if err != nil {
			return nil, fmt.Errorf("ovs: VLANs %.40q: %w", text, err)
		}
		if n := len(numbers); last < first || n > 0 && int(first) <= numbers[n-1] {
			return nil, fmt.Errorf("ovs: VLANs %.40q are not in order", text)
		}
		for n := first; n <= last; n++ {
			numbers = append(numbers, int(n))
		}
	}
	return numbers, nil
}

// wasKey is where the columns of a port that was wide are noted.
const wasKey = "hostkit-was"

const columnsForm = "tag=%d mode=%s trunks=%s"

// String is the columns that decide about VLANs, for a note.
func (c columns) String() string {
	mode, trunks := c.vlanMode, spans(c.trunks)
	if mode == "" {
		mode = "-"
	}
	if trunks == "" {
		trunks = "-"
	}
	return fmt.Sprintf(columnsForm, c.tag, mode, trunks)
}

// parseColumns reads what String writes. Anybody may have written it.
func parseColumns(text string) (columns, error) {
	var c columns
	var trunks string
	if _, err := fmt.Sscanf(text, columnsForm, &c.tag, &c.vlanMode, &trunks); err != nil {
		return columns{}, fmt.Errorf("ovs: note %.80q: %w", text, err)
	}
	switch c.vlanMode {
	case "-":
		c.vlanMode = ""
	case modeTrunk, modeNativeTagged, modeNativeUntagged:
	default:
		return columns{}, fmt.Errorf("ovs: note %.80q has an unknown mode", text)
	}
	if c.tag < noTag || c.tag > nowhere {
		return columns{}, fmt.Errorf("ovs: note %.80q has an unknown tag", text)
	}
	if trunks == "-" {
		return c, nil
	}
	var err error
	c.trunks, err = parseSpans(trunks)
	return c, err
}
