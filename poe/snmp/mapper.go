package snmp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// Mapper is how the rows of a switch's power table are known to be ports. RFC
// 3621 numbers them by a group and an index "as it makes sense", and a driver
// that guesses cuts the power of the wrong device.
type Mapper uint8

// The mappers. Each takes a row for a port only where the switch's own tables
// agree on it; what [Config.Ports] says comes on top.
const (
	// ByVendor is ByEntity for Cisco, ByPorts for Standard and Comware, ByIfIndex
	// for the others.
	ByVendor Mapper = iota
	// ByEntity asks ENTITY-MIB: cpeExtPsePortEntPhyIndex is the port's physical
	// entity, entAliasMappingIdentifier that entity's interface, and entPhysicalName
	// has to be the interface's name. Where an entity has no alias its name has to
	// be that of exactly one interface.
	ByEntity
	// ByIfIndex takes the last number of each row for an ifIndex. If a single row
	// has no Ethernet interface of that number the table is numbered otherwise, and
	// none is taken.
	ByIfIndex
	// ByPorts is only what Config.Ports says.
	ByPorts
)

// String is the mapper's name, as "ifindex".
func (m Mapper) String() string { return nameOf(m, "vendor", "entity", "ifindex", "ports") }

// mapperOf returns what maps a vendor's switches.
func mapperOf(v Vendor) Mapper {
	switch v {
	case Cisco:
		return ByEntity
	case Standard, Comware:
		return ByPorts
	}
	return ByIfIndex
}

// link is one row that is an interface.
type link struct {
	ifIndex uint32
	checks  []check // what has to be so as long as the link holds
}

// check is an object that has to hold a value.
type check struct {
	oid  snmpx.OID
	want snmpx.Value
}

func (c check) holds(v snmpx.Value) bool {
	return v.Type == c.want.Type && v.Int == c.want.Int && slices.Equal(v.Bytes, c.want.Bytes)
}

// links are rows by their index; why is for those that are not.
type links struct {
	of  map[string]link
	why map[string]string
}

func newLinks() links { return links{of: map[string]link{}, why: map[string]string{}} }

// linkRows maps rows to interfaces.
func linkRows(ctx context.Context, c *snmpx.Client, m Mapper, rows []snmpx.OID, ifs *interfaces) (links, error) {
	switch m {
	case ByEntity:
		return linkByEntity(ctx, c, rows, ifs)
	case ByIfIndex:
		return linkByIfIndex(rows, ifs), nil
	}
	l := newLinks()
	for _, row := range rows {
		l.why[row.String()] = "no table of this switch says which port it is"
	}
	return l, nil
}

func linkByIfIndex(rows []snmpx.OID, ifs *interfaces) links {
	l := newLinks()
	strange := 0
	for _, row := range rows {
		n := row[len(row)-1]
		if i := ifs.byIndex[n]; i == nil || !i.ethernet {
			l.why[row.String()] = fmt.Sprintf("no Ethernet interface has the index %d", n)
			strange++
			continue
		}
		l.of[row.String()] = link{ifIndex: n}
	}
	if strange == 0 {
		return l
	}
	for index := range l.of {
		delete(l.of, index)
		l.why[index] = fmt.Sprintf("%d of %d rows have numbers of no Ethernet interface, so they are not numbered by ifIndex", strange, len(rows))
	}
	return l
}

func linkByEntity(ctx context.Context, c *snmpx.Client, rows []snmpx.OID, ifs *interfaces) (links, error) {
	entities, err := readEntities(ctx, c)
	if err != nil {
		return links{}, err
	}
	l := newLinks()
	for _, row := range rows {
		index := row.String()
		phys := entities.ofRow[index]
		if phys == 0 {
			l.why[index] = "cpeExtPsePortEntPhyIndex has no entity for it"
			continue
		}
		found, err := entities.link(phys, ifs)
		if err != nil {
			l.why[index] = err.Error()
			continue
		}
		found.checks = append(found.checks, check{cpeExtPsePortEntPhyIndex.Append(row...), snmpx.Integer(int32(phys))})
		l.of[index] = found
	}
	return l, nil
}

// entities is what ENTITY-MIB has about ports.
type entities struct {
	ofRow   map[string]uint32      // by row of the power table
	names   map[uint32]string      // entPhysicalName
	aliases map[uint32][]snmpx.Var // entAliasMappingIdentifier that are interfaces
}

func readEntities(ctx context.Context, c *snmpx.Client) (*entities, error) {
	e := &entities{ofRow: map[string]uint32{}, names: map[uint32]string{}, aliases: map[uint32][]snmpx.Var{}}
	rows, err := c.Table(ctx, cpeExtPsePortEntPhyIndex)
	if err != nil {
		return nil, fmt.Errorf("the ports' physical entities: %w", err)
	}
	for _, r := range rows {
		e.ofRow[r.Index.String()] = uint32(number(r.Values[0]))
	}
	if rows, err = c.Table(ctx, entPhysicalName); err != nil {
		return nil, fmt.Errorf("the names of physical entities: %w", err)
	}
	for _, r := range rows {
		if name, ok := r.Values[0].Text(); ok && len(r.Index) == 1 {
			e.names[r.Index[0]] = trimText(name)
		}
	}
	if rows, err = c.Table(ctx, entAliasMapping); err != nil {
		return nil, fmt.Errorf("the interfaces of physical entities: %w", err)
	}
	for _, r := range rows {
		id, ok := r.Values[0].OID()
		if ok && len(r.Index) == 2 && len(id) == len(ifIndexColumn)+1 && id.HasPrefix(ifIndexColumn) {
			e.alias(r.Index[0], snmpx.Var{OID: entAliasMapping.Append(r.Index...), Value: r.Values[0]})
		}
	}
	return e, nil
}

// alias notes an interface of an entity. Some switches name the same one for
// several logical entities.
func (e *entities) alias(phys uint32, v snmpx.Var) {
	for _, have := range e.aliases[phys] {
		if slices.Equal(have.Value.Bytes, v.Value.Bytes) {
			return
		}
	}
	e.aliases[phys] = append(e.aliases[phys], v)
}

// link finds the one interface of an entity.
func (e *entities) link(phys uint32, ifs *interfaces) (link, error) {
	name, aliases := e.names[phys], e.aliases[phys]
	switch {
	case len(aliases) > 1:
		return link{}, fmt.Errorf("entity %d has %d interfaces", phys, len(aliases))
	case len(aliases) == 0:
		i := ifs.named(name)
		if i == nil {
			return link{}, fmt.Errorf("entity %d, %q, has no interface, and none alone has its name", phys, name)
		}
		return link{ifIndex: i.index, checks: []check{{entPhysicalName.Append(phys), snmpx.Text(name)}}}, nil
	}
	id, _ := aliases[0].Value.OID()
	i := ifs.byIndex[id[len(id)-1]]
	switch {
	case i == nil:
		return link{}, fmt.Errorf("entity %d has an interface, %d, that the switch has not", phys, id[len(id)-1])
	case name != "" && name != i.descr && name != i.name:
		return link{}, fmt.Errorf("entity %d is named %q, and its interface %q", phys, name, i.name)
	}
	return link{ifIndex: i.index, checks: []check{{aliases[0].OID, aliases[0].Value}}}, nil
}

// errIndex is for what is no index of a row.
var errIndex = errors.New("is no index of a row, as 1.7")

// parseRow reads an index as a person writes it in [Config.Ports].
func parseRow(s string) (snmpx.OID, error) {
	var row snmpx.OID
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q %w", s, errIndex)
		}
		row = append(row, uint32(n))
	}
	return row, nil
}

// trimText drops the NULs that some agents end their strings with.
func trimText(s string) string { return strings.TrimRight(s, "\x00") }
