package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/render"
)

// port is what a switch does with a port, however it is told.
type port struct {
	Untagged vlan.VID // where untagged frames go to and come from; 0 is nowhere
	Tagged   vlan.VIDs
	Isolated bool
	Edge     bool     // comes up at once, and is shut by a BPDU
	Off      bool     // all else is zero then
	Members  []string // of an aggregate
}

// model is the ports of a switch by name.
type model map[string]port

// planned is what a family of switches cannot do, or does in another way.
type planned struct {
	noIsolation, noEdge bool
	unusedOn            bool // unused ports are not off, but in no VLAN
}

// wanted is the model that a plan asks for.
func wanted(t *testing.T, p *vlan.Plan, sw string, q planned) model {
	t.Helper()
	c, err := p.Switch(sw)
	require.NoError(t, err)
	want := make(model)
	for _, m := range c.Ports {
		w := port{Tagged: m.Tagged, Isolated: m.Isolated && !q.noIsolation, Edge: m.Edge && !q.noEdge, Members: m.Members}
		if len(m.Untagged) > 0 {
			w.Untagged = m.Untagged[0]
		}
		if m.Role == vlan.UnusedPort {
			w = port{Off: true}
			if q.unusedOn {
				w = port{Isolated: true}
			}
		}
		want[m.Port] = w
	}
	require.NotEmpty(t, want)
	return want
}

// reader follows a text line by line, as the switch would, from its factory
// settings on.
type reader interface {
	// line takes a line; what it does not know is an error.
	line(words []string) error
	// ports are the result.
	ports() (model, error)
}

// readers are new switches of each family, with the ports that the plan has.
var readers = map[string]struct {
	fresh func(ports []string) reader
	quirk planned
}{
	"cisco-ios": {newIOS, planned{}},
	"procurve":  {newProCurve, planned{}},
	"aruba-cx":  {newCX, planned{noIsolation: true}},
	"junos":     {newJunos, planned{noIsolation: true}},
	"fastpath":  {newFASTPATH, planned{}},
	"mikrotik":  {newRouterOS, planned{}},
}

// read runs a text on a switch.
func read(target, text string, ports []string) (model, error) {
	r := readers[target].fresh(ports)
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.ContainsAny(words[0][:1], "!;#") {
			continue
		}
		if err := r.line(words); err != nil {
			return nil, fmt.Errorf("line %d: %q: %w", n+1, line, err)
		}
	}
	return r.ports()
}

// physical are the ports of a switch that are no aggregates.
func physical(t *testing.T, p *vlan.Plan, sw string) []string {
	t.Helper()
	c, err := p.Switch(sw)
	require.NoError(t, err)
	var names []string
	for _, m := range c.Ports {
		if len(m.Members) == 0 {
			names = append(names, m.Port)
		}
		names = append(names, m.Members...)
	}
	return names
}

// A text makes of a switch out of the box what the plan says, and once more of
// that switch.
func TestTextMeansThePlan(t *testing.T) {
	for target, family := range readers {
		t.Run(target, func(t *testing.T) {
			p := build(t, shelf(families[target]), nil)
			for _, sw := range []string{"sw1", "sw2"} {
				f := one(t, text(t, target, p, render.Options{ISL: true, RAGuard: true}), sw)
				got, err := read(target, f.Text, physical(t, p, sw))
				require.NoError(t, err)
				require.Equal(t, wanted(t, p, sw, family.quirk), got, sw)

				got, err = read(target, f.Text+f.Text, physical(t, p, sw))
				require.NoError(t, err)
				require.Equal(t, wanted(t, p, sw, family.quirk), got, "%s, twice", sw)
			}
		})
	}
}

// A Pi that moves to a port that was another's leaves nothing behind.
func TestTextReplacesAnother(t *testing.T) {
	for target, family := range readers {
		t.Run(target, func(t *testing.T) {
			spec := shelf(families[target])
			before := build(t, spec, nil)
			pis := spec.Shelves[0].Pis
			pis[0].Port, pis[1].Port = pis[1].Port, pis[0].Port
			spec.Shelves[0].Pis = slices.Delete(pis, 2, 3)
			sw := &spec.Shelves[0].Switches[0]
			sw.Unused = append(sw.Unused, families[target].port(3))
			after := build(t, spec, before)

			first := one(t, text(t, target, before, render.Options{}), "sw1")
			second := one(t, text(t, target, after, render.Options{}), "sw1")
			got, err := read(target, first.Text+second.Text, physical(t, before, "sw1"))
			require.NoError(t, err)
			require.Equal(t, wanted(t, after, "sw1", family.quirk), got)
		})
	}
}

// The readers are no use if they accept anything.
func TestReadersRefuse(t *testing.T) {
	for target, tests := range map[string][]struct{ old, new string }{
		"cisco-ios": {
			{" switchport trunk allowed vlan 11,131\n", ""},
			{" switchport trunk allowed vlan 11,131\n", " switchport trunk allowed vlan add 11,131\n"},
			{" switchport trunk allowed vlan 11,131\n switchport mode trunk\n", " switchport mode trunk\n switchport trunk allowed vlan 11,131\n"},
			{" switchport mode trunk\n switchport nonegotiate\n", " switchport mode trunk\n"},
			{" switchport trunk native vlan 11\n", " switchport trunk native vlan 12\n"},
			{" switchport protected\n", ""},
			{" spanning-tree bpduguard enable\n", ""},
			{" name pi1\n", " title pi1\n"},
		},
		"procurve": {
			{"   no untagged 1\n", "   no untagged 7\n"},
			{"   untagged 1\n", "   tagged 1\n"},
			{"   untagged 1\n", ""},
			{"trunk 23,24 Trk1 lacp\n", ""},
			{"filter source-port named-filter pi-isolation drop 1\n", ""},
			{"spanning-tree 1 bpdu-protection\n", ""},
		},
		"aruba-cx": {
			{"    vlan trunk allowed 11,131\n", ""},
			{"    vlan trunk native 11\n", ""},
			{"    vlan access 999\n    shutdown\n", "    vlan access 999\n"},
			{"    spanning-tree bpdu-guard\n", ""},
		},
		"junos": {
			{"delete interfaces ge-0/0/1\n", ""},
			{"set interfaces ge-0/0/1 native-vlan-id 11\n", ""},
			{"set vlans pi1 vlan-id 11\n", ""},
			{"set protocols rstp bpdu-block-on-edge\n", ""},
		},
		"fastpath": {
			{"vlan participation exclude 1\n", ""},
			{"vlan tagging 131\n", ""},
			{"vlan pvid 11\n", "vlan pvid 12\n"},
			{"vlan ingressfilter\n", ""},
			{"switchport protected 0\n", ""},
			{"vlan 11\n", ""},
		},
		"mikrotik": {
			{" vlan-filtering=yes", ""},
			{"ingress-filtering=yes", "ingress-filtering=no"},
			{" pvid=11 ", " pvid=12 "},
			{`untagged="ether1"`, `untagged="ether2"`},
			{"bpdu-guard=yes", "bpdu-guard=no"},
			{"forwarding-override=ether23,", "forwarding-override=ether2,"},
		},
	} {
		for _, tt := range tests {
			t.Run(target+" "+strings.TrimSpace(tt.old), func(t *testing.T) {
				p := build(t, shelf(families[target]), nil)
				f := one(t, text(t, target, p, render.Options{}), "sw1")
				require.Contains(t, f.Text, tt.old)
				got, err := read(target, strings.Replace(f.Text, tt.old, tt.new, 1), physical(t, p, "sw1"))
				if err == nil {
					require.NotEqual(t, wanted(t, p, "sw1", readers[target].quirk), got)
				}
			})
		}
	}
}

// vids reads "11,13-15".
func vids(list string) (vlan.VIDs, error) { return vlan.ParseVIDs(list) }

// vid reads one identifier.
func vid(word string) (vlan.VID, error) {
	set, err := vids(word)
	if err != nil {
		return 0, err
	}
	if len(set) != 1 {
		return 0, fmt.Errorf("%q is not one VLAN", word)
	}
	return set[0], nil
}
