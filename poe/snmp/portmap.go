package snmp

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// port is a row of the power table that is known to be a port.
type port struct {
	name    string
	row     snmpx.OID
	ifIndex uint32 // 0 where there is no interface
	alias   string
	checks  []check
}

// portMap is which row is which port.
type portMap struct {
	ports   map[string]*port  // by name
	rows    map[string]*port  // by index; nil for a row that is no port for certain
	why     map[string]string // of such rows, by index
	refused map[string]string // why a name is not mapped
	ifNames map[string]bool   // names of interfaces
}

// mapping is what a portMap is made of.
type mapping struct {
	client *snmpx.Client
	layout layout
	mapper Mapper
	pins   map[string]string // Config.Ports
	alias  map[string]string // Config.Aliases
}

// read asks the switch for all that a map needs.
func (m mapping) read(ctx context.Context) (*portMap, error) {
	table, err := m.client.Table(ctx, m.layout.columns[0])
	if err != nil {
		return nil, fmt.Errorf("the rows of the power table: %w", err)
	}
	var rows, strange []snmpx.OID
	for _, r := range table {
		if len(r.Index) == m.layout.width {
			rows = append(rows, r.Index)
		} else {
			strange = append(strange, r.Index)
		}
	}
	ifs, err := readInterfaces(ctx, m.client)
	if err != nil {
		return nil, err
	}
	l, err := linkRows(ctx, m.client, m.mapper, rows, ifs)
	if err != nil {
		return nil, err
	}
	pm := m.build(rows, ifs, l)
	for _, row := range strange {
		pm.rows[row.String()] = nil
		pm.why[row.String()] = fmt.Sprintf("it is no index of %d numbers", m.layout.width)
	}
	return pm, nil
}

// build puts rows, interfaces, links and pins together. Whatever contradicts
// something else is left out.
func (m mapping) build(rows []snmpx.OID, ifs *interfaces, l links) *portMap {
	pm := &portMap{ports: map[string]*port{}, rows: map[string]*port{}, why: l.why, refused: map[string]string{}, ifNames: map[string]bool{}}
	for _, i := range ifs.all {
		pm.ifNames[i.name] = true
	}
	owners := map[uint32][]string{}
	for index, link := range l.of {
		owners[link.ifIndex] = append(owners[link.ifIndex], index)
	}
	for _, row := range rows {
		index := row.String()
		pm.rows[index] = nil
		link, ok := l.of[index]
		if !ok {
			continue
		}
		i := ifs.byIndex[link.ifIndex]
		switch {
		case len(owners[link.ifIndex]) > 1:
			pm.why[index] = fmt.Sprintf("several rows belong to interface %q", i.name)
		case i.name == "" || ifs.named(i.name) != i:
			pm.why[index] = fmt.Sprintf("interface %d has no name of its own (%q)", i.index, i.name)
		default:
			pm.add(&port{name: i.name, row: row, ifIndex: i.index, alias: i.alias, checks: append(link.checks, i.check)})
		}
	}
	m.pinAll(pm, ifs, l)
	m.guard(pm)
	return pm
}

func (pm *portMap) add(p *port) {
	index := p.row.String()
	pm.ports[p.name], pm.rows[index] = p, p
	delete(pm.why, index)
}

// refuse makes a name one of which it is not known which row it is.
func (pm *portMap) refuse(name, why string, args ...any) {
	pm.refused[name] = fmt.Sprintf(why, args...)
	if p := pm.ports[name]; p != nil {
		index := p.row.String()
		delete(pm.ports, name)
		pm.rows[index], pm.why[index] = nil, pm.refused[name]
	}
}

// find returns a port, or why it cannot be told.
func (pm *portMap) find(name string) (*port, error) {
	if p := pm.ports[name]; p != nil {
		return p, nil
	}
	if why, ok := pm.refused[name]; ok {
		return nil, fmt.Errorf("port %q: %w: %s", name, poe.ErrUnmapped, why)
	}
	if pm.ifNames[name] && len(pm.why) > 0 {
		return nil, fmt.Errorf("port %q: %w: %s", name, poe.ErrUnmapped, pm.reason())
	}
	return nil, fmt.Errorf("port %q: %w", name, poe.ErrUnknownPort)
}

// reason is why the first of the rows that are no ports is none.
func (pm *portMap) reason() string {
	if len(pm.why) == 0 {
		return "no row is a port with PoE"
	}
	index := slices.MinFunc(slices.Collect(maps.Keys(pm.why)), func(a, b string) int {
		x, _ := parseRow(a)
		y, _ := parseRow(b)
		return x.Compare(y)
	})
	return fmt.Sprintf("row %s: %s; %d rows are like it; say in Config.Ports which they are", index, pm.why[index], len(pm.why))
}
