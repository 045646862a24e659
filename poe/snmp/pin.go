package snmp

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// pinned is what Config.Ports says of one name.
type pinned struct {
	name  string
	row   snmpx.OID
	iface *iface // nil where the switch has no interfaces
}

// pinAll does what Config.Ports says. Names that contradict each other or the
// switch's tables are refused.
func (m mapping) pinAll(pm *portMap, ifs *interfaces, l links) {
	var pins []pinned
	for _, name := range slices.Sorted(maps.Keys(m.pins)) {
		p, err := m.readPin(pm, name, ifs)
		if err != nil {
			pm.refuse(name, "Config.Ports: %v", err)
			continue
		}
		pins = append(pins, p)
	}
	bad := map[string]string{}
	for i, p := range pins {
		for _, other := range pins[:i] {
			if p.row.Equal(other.row) || p.iface != nil && p.iface == other.iface {
				bad[p.name] = fmt.Sprintf("it and %q are the same", other.name)
				bad[other.name] = fmt.Sprintf("it and %q are the same", p.name)
			}
		}
	}
	for _, p := range pins {
		if why, ok := bad[p.name]; ok {
			pm.refuse(p.name, "Config.Ports: %s", why)
			continue
		}
		pm.pin(p, l)
	}
}

// readPin finds the row and the interface of a name.
func (m mapping) readPin(pm *portMap, name string, ifs *interfaces) (pinned, error) {
	row, err := parseRow(m.pins[name])
	if err != nil {
		return pinned{}, err
	}
	if _, exists := pm.rows[row.String()]; !exists {
		return pinned{}, fmt.Errorf("there is no such row as %s", row)
	}
	i := cmp.Or(ifs.named(name), ifs.aliased(name))
	if i == nil && len(ifs.all) > 0 {
		return pinned{}, fmt.Errorf("no interface has this name or alone has this alias")
	}
	return pinned{name, row, i}, nil
}

// pin makes a row a port, unless the switch's own tables have another one for the
// row or for the interface. Of several rows that they have for an interface it
// says which one.
func (pm *portMap) pin(p pinned, l links) {
	index := p.row.String()
	link, known := l.of[index]
	if known && (p.iface == nil || link.ifIndex != p.iface.index) {
		pm.refuse(p.name, "Config.Ports says row %s, which by the switch's tables is interface %d; Mapper: ByPorts overrules them", index, link.ifIndex)
		return
	}
	fresh := &port{name: p.name, row: p.row, checks: slices.Clone(link.checks)}
	if i := p.iface; i != nil {
		for other, link := range l.of {
			if !known && link.ifIndex == i.index {
				pm.refuse(p.name, "Config.Ports says row %s, and by the switch's tables it is row %s; Mapper: ByPorts overrules them", index, other)
				return
			}
		}
		fresh.ifIndex, fresh.alias, fresh.checks = i.index, i.alias, append(fresh.checks, i.check)
		if p.name != i.name && p.name != i.descr {
			fresh.checks = append(fresh.checks, check{ifAlias.Append(i.index), snmpx.Text(i.alias)})
		}
	}
	if have := pm.rows[index]; have != nil {
		delete(pm.ports, have.name)
	}
	pm.add(fresh)
}

// guard has ports that Config.Aliases names keep their alias.
func (m mapping) guard(pm *portMap) {
	for name, alias := range m.alias {
		p := pm.ports[name]
		if p == nil || p.ifIndex == 0 {
			pm.refuse(name, "Config.Aliases has it, and it is no port with an interface")
			continue
		}
		p.checks = append(p.checks, check{ifAlias.Append(p.ifIndex), snmpx.Text(alias)})
	}
}
