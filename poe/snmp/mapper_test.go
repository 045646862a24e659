package snmp_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

func join(all ...objects) objects {
	sum := objects{}
	for _, o := range all {
		maps.Copy(sum, o)
	}
	return sum
}

// entity says that a row is a physical entity, and this an interface.
func entity(row, phys, name, ifIndex string) objects {
	return objects{
		cpe + "11." + row:                         snmpx.Integer(number(phys)),
		"1.3.6.1.2.1.47.1.1.1.1.7." + phys:        snmpx.Text(name),
		"1.3.6.1.2.1.47.1.3.2.1.2." + phys + ".0": snmpx.ObjectID(snmpx.MustOID("1.3.6.1.2.1.2.2.1.1." + ifIndex)),
	}
}

func number(s string) int32 {
	o := snmpx.MustOID("1.0." + s)
	return int32(o[2])
}

func without(o objects, names ...string) objects {
	rest := maps.Clone(o)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}

const alias0 = "1.3.6.1.2.1.47.1.3.2.1.2."

// Each row is taken for a port only where the switch's tables agree; the others
// stay nameless. Row 3.29 is the one in question, 3.3 a good one.
func TestByEntity(t *testing.T) {
	good := join(delivering("3.3"), entity("3.3", "3008", "Port Fa3/0/1", "11001"), iface("11001", "Fa3/0/1", ""))
	second := join(delivering("3.29"), entity("3.29", "3034", "Port Fa3/0/25", "11025"), iface("11025", "Fa3/0/25", "pi25"))
	for _, c := range []struct {
		name string
		add  objects
		want string // name of 3.29
		why  string
	}{
		{"all agrees", second, "Fa3/0/25", ""},
		{"the name is ifName's", join(second, objects{"1.3.6.1.2.1.47.1.1.1.1.7.3034": snmpx.Text("Fa3/0/25")}), "Fa3/0/25", ""},
		{"no alias, and one interface has the name", without(second, alias0+"3034.0"), "Fa3/0/25", ""},
		{"no physical name", without(second, "1.3.6.1.2.1.47.1.1.1.1.7.3034"), "Fa3/0/25", ""},
		{"NULs behind the name", join(second, objects{"1.3.6.1.2.1.47.1.1.1.1.7.3034": snmpx.Text("Port Fa3/0/25\x00\x00")}), "Fa3/0/25", ""},
		{"no entity", without(second, cpe+"11.3.29"), "", "no entity"},
		{"entity 0", join(second, objects{cpe + "11.3.29": snmpx.Integer(0)}), "", "no entity"},
		{"neither alias nor name", without(second, alias0+"3034.0", "1.3.6.1.2.1.47.1.1.1.1.7.3034"), "", "has no interface"},
		{"no alias, and two interfaces have the name",
			join(without(second, alias0+"3034.0"), objects{ifName + "12000": snmpx.Text("Port Fa3/0/25")}), "", "has no interface"},
		{"another's name", join(second, objects{"1.3.6.1.2.1.47.1.1.1.1.7.3034": snmpx.Text("Port Fa3/0/26")}), "", "is named"},
		{"an interface that is not there", join(second, entity("3.29", "3034", "Port Fa3/0/25", "99")), "", "the switch has not"},
		{"two interfaces", join(second, objects{alias0 + "3034.1": snmpx.ObjectID(snmpx.MustOID("1.3.6.1.2.1.2.2.1.1.11001"))}), "", "2 interfaces"},
		{"one interface twice", join(second, objects{alias0 + "3034.1": second[alias0+"3034.0"]}), "Fa3/0/25", ""},
		{"an alias that is none", join(second, objects{alias0 + "3034.0": snmpx.ObjectID(snmpx.MustOID("1.3.6.1.2.1.17.1.4.1.1.5"))}), "Fa3/0/25", ""},
		{"an interface without a name", without(second, ifName+"11025", ifDescr+"11025", "1.3.6.1.2.1.47.1.1.1.1.7.3034"), "", "no name of its own"},
		{"a name that another has", join(second, objects{ifName + "12000": snmpx.Text("Fa3/0/25")}), "", "no name of its own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, addr := agent(t, is("9.1.516"), good, c.add)
			s := dial(t, config(addr))
			rows, err := s.Rows(t.Context())
			require.NoError(t, err)
			require.Len(t, rows, 2)
			require.Equal(t, "Fa3/0/1", rows[0].Name)
			require.Equal(t, "3.29", rows[1].Index)
			require.Equal(t, c.want, rows[1].Name)
			ports, err := s.Ports(t.Context())
			require.NoError(t, err)
			if c.want != "" {
				require.Len(t, ports, 2)
				p, err := s.Port(t.Context(), c.want)
				require.NoError(t, err)
				require.Equal(t, "3.29", p.Index)
				require.Equal(t, 11025, p.IfIndex)
				require.Equal(t, "pi25", p.Alias)
				return
			}
			require.Len(t, ports, 1)
			_, err = s.Port(t.Context(), "Fa3/0/25")
			if _, there := c.add[ifName+"11025"]; there {
				require.ErrorIs(t, err, poe.ErrUnmapped)
				require.ErrorContains(t, err, c.why)
			} else {
				require.ErrorIs(t, err, poe.ErrUnknownPort)
			}
		})
	}
}

// Two rows that are the same interface: neither is it.
func TestTwoRowsOfOneInterface(t *testing.T) {
	a, addr := agent(t, is("9.1.516"), iface("1", "Gi1", ""),
		delivering("1.1"), entity("1.1", "1001", "", "1"), delivering("1.2"), entity("1.2", "1002", "", "1"))
	s := dial(t, config(addr))
	_, err := s.Ports(t.Context())
	require.ErrorIs(t, err, poe.ErrUnmapped)
	require.ErrorContains(t, err, "several rows")
	require.ErrorIs(t, s.SetAdmin(t.Context(), "Gi1", false), poe.ErrUnmapped)
	require.Zero(t, a.Stats().Set)

	cfg := config(addr)
	cfg.Ports = map[string]string{"Gi1": "1.2"}
	p, err := dial(t, cfg).Port(t.Context(), "Gi1")
	require.NoError(t, err)
	require.Equal(t, "1.2", p.Index)
}

func TestByIfIndex(t *testing.T) {
	vlan := objects{ifDescr + "3": snmpx.Text("Vlan3"), ifType + "3": snmpx.Integer(53), ifName + "3": snmpx.Text("Vl3")}
	for _, c := range []struct {
		name string
		add  objects
		good bool
	}{
		{"every row has its interface", iface("3", "3", ""), true},
		{"one row has none", nil, false},
		{"one row has a VLAN", vlan, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, addr := agent(t, is("11.2.3.7.11.50"), iface("1", "1", ""), iface("2", "2", ""), c.add,
				delivering("1.1"), delivering("1.2"), delivering("2.3"))
			s := dial(t, config(addr))
			ports, err := s.Ports(t.Context())
			if c.good {
				require.NoError(t, err)
				require.Len(t, ports, 3)
				require.Equal(t, "2.3", ports[2].Index)
				require.Equal(t, "3", ports[2].Name)
				return
			}
			require.ErrorIs(t, err, poe.ErrUnmapped)
			_, err = s.Port(t.Context(), "1")
			require.ErrorIs(t, err, poe.ErrUnmapped)
		})
	}
}

// What a person says counts where the switch does not say otherwise.
func TestPins(t *testing.T) {
	all := join(is("25506.11.1.181"), iface("9", "GigabitEthernet1/0/1", "pi01"), iface("10", "GigabitEthernet1/0/2", "pi02"),
		iface("11", "GigabitEthernet1/0/3", "spare"), iface("12", "GigabitEthernet1/0/4", "spare"), delivering("4.1"), delivering("4.2"))
	for _, c := range []struct {
		name   string
		mapper snmp.Mapper
		port   string
		pins   map[string]string
		want   string // index
		why    string
	}{
		{"by ifName", 0, "GigabitEthernet1/0/1", map[string]string{"GigabitEthernet1/0/1": "4.1"}, "4.1", ""},
		{"by ifDescr", 0, "Port GigabitEthernet1/0/1", map[string]string{"Port GigabitEthernet1/0/1": "4.1"}, "4.1", ""},
		{"by ifAlias", 0, "pi02", map[string]string{"pi02": "4.2"}, "4.2", ""},
		{"zeros in front", 0, "pi02", map[string]string{"pi02": "04.02"}, "4.2", ""},
		{"nothing said", 0, "GigabitEthernet1/0/1", nil, "", "no table"},
		{"no such row", 0, "pi02", map[string]string{"pi02": "4.3"}, "", "no such row"},
		{"no row at all", 0, "pi02", map[string]string{"pi02": "four"}, "", "no index"},
		{"a name that nobody has", 0, "pi03", map[string]string{"pi03": "4.2"}, "", "no interface"},
		{"two names for one row", 0, "pi02", map[string]string{"pi02": "4.2", "pi01": "4.2"}, "", "the same"},
		{"the first of them", 0, "pi01", map[string]string{"pi02": "4.2", "pi01": "4.2"}, "", "the same"},
		{"two names of one interface", 0, "pi02", map[string]string{"pi02": "4.2", "GigabitEthernet1/0/2": "4.1"}, "", "the same"},
		{"an alias that two have", 0, "spare", map[string]string{"spare": "4.2"}, "", "no interface"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, addr := agent(t, all)
			cfg := config(addr)
			cfg.Mapper, cfg.Ports = c.mapper, c.pins
			s := dial(t, cfg)
			p, err := s.Port(t.Context(), c.port)
			if c.why != "" {
				require.ErrorIs(t, err, poe.ErrUnmapped)
				require.ErrorContains(t, err, c.why)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, p.Index)
			require.Equal(t, c.port, p.Name)
			ports, err := s.Ports(t.Context())
			require.NoError(t, err)
			require.Len(t, ports, 1)
		})
	}
}

// A pin that the switch's own tables contradict is refused, and so is neither
// port; ByPorts overrules them.
func TestPinAgainstTheSwitch(t *testing.T) {
	a, addr := agent(t, is("4413"), iface("1", "0/1", ""), iface("2", "0/2", ""), delivering("1.1"), delivering("1.2"))
	cfg := config(addr)
	cfg.Ports = map[string]string{"0/1": "1.2"}
	s := dial(t, cfg)
	err := s.SetAdmin(t.Context(), "0/1", false)
	require.ErrorIs(t, err, poe.ErrUnmapped)
	require.ErrorContains(t, err, "ByPorts")
	require.Zero(t, a.Stats().Set)

	cfg.Mapper = snmp.ByPorts
	p, err := dial(t, cfg).Port(t.Context(), "0/1")
	require.NoError(t, err)
	require.Equal(t, "1.2", p.Index)
}

// A row that the switch does not map may not become a port that has another one.
func TestPinOfAnotherPort(t *testing.T) {
	a, addr := agent(t, is("9.1.516"), iface("1", "Gi1", "pi1"), delivering("1.1"), entity("1.1", "1001", "", "1"), delivering("1.2"))
	cfg := config(addr)
	cfg.Ports = map[string]string{"Gi1": "1.2"}
	s := dial(t, cfg)
	require.ErrorIs(t, s.SetAdmin(t.Context(), "Gi1", false), poe.ErrUnmapped)
	rows, err := s.Rows(t.Context())
	require.NoError(t, err)
	require.Empty(t, rows[0].Name+rows[1].Name)
	cfg.Ports = map[string]string{"pi1": "1.2"}
	s = dial(t, cfg)
	require.ErrorIs(t, s.SetAdmin(t.Context(), "pi1", false), poe.ErrUnmapped)
	p, err := s.Port(t.Context(), "Gi1")
	require.NoError(t, err)
	require.Equal(t, "1.1", p.Index)
	require.Zero(t, a.Stats().Set)
}

// A pin may give a port another name; the old one is gone then.
func TestPinOfAMappedPort(t *testing.T) {
	_, addr := agent(t, is("4413"), iface("1", "0/1", "pi1"), delivering("1.1"))
	cfg := config(addr)
	cfg.Ports = map[string]string{"pi1": "1.1"}
	ports, err := dial(t, cfg).Ports(t.Context())
	require.NoError(t, err)
	require.Len(t, ports, 1)
	require.Equal(t, "pi1", ports[0].Name)
	require.Equal(t, 1, ports[0].IfIndex)
}

// A switch without IF-MIB has only what a person says.
func TestPinWithoutInterfaces(t *testing.T) {
	_, addr := agent(t, is("8072"), delivering("1.1"))
	cfg := config(addr)
	cfg.Ports = map[string]string{"pi1": "1.1"}
	p, err := dial(t, cfg).Port(t.Context(), "pi1")
	require.NoError(t, err)
	require.Zero(t, p.IfIndex)
}

// A stack that was renumbered, a cable that was moved, a member that left: before
// anything is written the row has to be the port still.
func TestPortsThatMove(t *testing.T) {
	cisco := join(is("9.1.516"), iface("1", "Gi1", "pi1"), iface("2", "Gi2", "pi2"),
		delivering("1.1"), entity("1.1", "1001", "", "1"), delivering("1.2"), entity("1.2", "1002", "", "2"))
	fastpath := join(is("4413"), iface("1", "0/1", "pi1"), iface("2", "0/2", "pi2"), delivering("1.1"), delivering("1.2"))
	for _, c := range []struct {
		name   string
		base   objects
		port   string
		change objects
		index  string // where it is now; empty for unmapped
	}{
		{"entities changed places", cisco, "Gi1", join(entity("1.1", "1001", "", "2"), entity("1.2", "1002", "", "1")), "1.2"},
		{"rows changed places", cisco, "Gi1", objects{cpe + "11.1.1": snmpx.Integer(1002), cpe + "11.1.2": snmpx.Integer(1001)}, "1.2"},
		{"the entity is another's now", cisco, "Gi1", objects{cpe + "11.1.1": snmpx.Integer(1002)}, ""},
		{"interfaces changed names", fastpath, "0/1", objects{ifName + "1": snmpx.Text("0/2"), ifName + "2": snmpx.Text("0/1")}, "1.2"},
		{"the name is gone", fastpath, "0/1", objects{ifName + "1": snmpx.Text("0/7")}, "gone"},
		{"the row is gone", fastpath, "0/1", objects{peth + "3.1.1": {}}, "gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, addr := agent(t, c.base)
			a.Writable(snmpx.MustOID(peth+"3"), hookNothing())
			s := dial(t, config(addr))
			for name, value := range c.change {
				if value.Type == 0 {
					a.Delete(snmpx.MustOID(name))
					continue
				}
				a.Set(snmpx.MustOID(name), value)
			}
			err := s.SetAdmin(t.Context(), c.port, false)
			switch c.index {
			case "":
				require.ErrorIs(t, err, poe.ErrUnmapped)
			case "gone":
				require.ErrorIs(t, err, poe.ErrUnknownPort)
			default:
				require.NoError(t, err)
				require.Equal(t, int64(2), a.Get(snmpx.MustOID(peth+"3."+c.index)).Int)
				require.Equal(t, int64(1), a.Stats().Set)
				return
			}
			require.Zero(t, a.Stats().Set, "it wrote to a port that is another's")
		})
	}
}

// Config.Aliases guards against cables that were moved.
func TestAliases(t *testing.T) {
	a, addr := agent(t, is("4413"), iface("1", "0/1", "pi1"), delivering("1.1"))
	a.Writable(snmpx.MustOID(peth+"3"), hookNothing())
	cfg := config(addr)
	cfg.Aliases = map[string]string{"0/1": "pi1"}
	s := dial(t, cfg)
	require.NoError(t, s.SetAdmin(t.Context(), "0/1", false))
	a.Set(snmpx.MustOID(ifAlias+"1"), snmpx.Text("router"))
	require.ErrorIs(t, s.SetAdmin(t.Context(), "0/1", true), poe.ErrUnmapped)
	_, err := s.Port(t.Context(), "0/1")
	require.ErrorIs(t, err, poe.ErrUnmapped)
	require.Equal(t, int64(1), a.Stats().Set)
}

// A guard that guards nothing is a mistake, and not taken for one that holds.
func TestAliasesOfNobody(t *testing.T) {
	_, addr := agent(t, is("4413"), iface("1", "0/1", "pi1"), delivering("1.1"))
	cfg := config(addr)
	cfg.Aliases = map[string]string{"0/7": "pi7"}
	_, err := dial(t, cfg).Port(t.Context(), "0/7")
	require.ErrorIs(t, err, poe.ErrUnmapped)

	_, addr = agent(t, is("8072"), delivering("1.1"))
	cfg = config(addr)
	cfg.Ports, cfg.Aliases = map[string]string{"pi1": "1.1"}, map[string]string{"pi1": "pi1"}
	s := dial(t, cfg)
	_, err = s.Port(t.Context(), "pi1")
	require.ErrorIs(t, err, poe.ErrUnmapped)
	_, err = s.Ports(t.Context())
	require.ErrorIs(t, err, poe.ErrUnmapped)
}

// Rows that come and go are mapped anew by the next reading.
func TestRowsThatCome(t *testing.T) {
	a, addr := agent(t, is("4413"), iface("1", "0/1", ""), delivering("1.1"))
	s := dial(t, config(addr))
	for name, value := range join(iface("2", "0/2", ""), delivering("1.2")) {
		a.Set(snmpx.MustOID(name), value)
	}
	ports, err := s.Ports(t.Context())
	require.NoError(t, err)
	require.Len(t, ports, 2)
	require.Equal(t, "0/2", ports[1].Name)
}

// An alias that was edited shows in Port at once, in Ports after Remap.
func TestRemap(t *testing.T) {
	a, addr := agent(t, is("4413"), iface("1", "0/1", "old"), delivering("1.1"))
	s := dial(t, config(addr))
	a.Set(snmpx.MustOID(ifAlias+"1"), snmpx.Text("new"))
	p, err := s.Port(t.Context(), "0/1")
	require.NoError(t, err)
	require.Equal(t, "new", p.Alias)
	require.NoError(t, s.Remap(t.Context()))
	ports, err := s.Ports(t.Context())
	require.NoError(t, err)
	require.Equal(t, "new", ports[0].Alias)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Remap(t.Context()), snmp.ErrClosed)
}

// Rows that are not what RFC 3621 numbers are nobody's.
func TestStrangeRows(t *testing.T) {
	_, addr := agent(t, is("4413"), iface("1", "0/1", ""), iface("2", "0/2", ""), delivering("1.1"), delivering("1.9.2"), delivering("2"))
	s := dial(t, config(addr))
	ports, err := s.Ports(t.Context())
	require.NoError(t, err)
	require.Len(t, ports, 1)
	rows, err := s.Rows(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 3)
	_, err = s.Port(t.Context(), "0/2")
	require.ErrorIs(t, err, poe.ErrUnmapped)
	require.ErrorContains(t, err, "no index")
}
