package snmp

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// iface is an interface of IF-MIB.
type iface struct {
	index    uint32
	name     string // ifName, or ifDescr where there is none
	descr    string
	alias    string
	ethernet bool
	check    check // that it still has its name
}

// interfaces are those of a switch.
type interfaces struct {
	byIndex map[uint32]*iface
	all     []*iface
}

// Types of interfaces (IANAifType-MIB) that may be a port with power.
func ethernet(ifType int64) bool {
	switch ifType {
	case 6, 62, 69, 117: // ethernetCsmacd, and three that RFC 3635 made obsolete
		return true
	}
	return false
}

func readInterfaces(ctx context.Context, c *snmpx.Client) (*interfaces, error) {
	rows, err := c.Table(ctx, ifDescr, ifType, ifName, ifAlias)
	if err != nil {
		return nil, fmt.Errorf("the interfaces: %w", err)
	}
	ifs := &interfaces{byIndex: map[uint32]*iface{}}
	for _, r := range rows {
		if len(r.Index) != 1 {
			continue
		}
		i := &iface{index: r.Index[0], ethernet: ethernet(number(r.Values[1]))}
		i.descr, i.alias = text(r.Values[0]), text(r.Values[3])
		i.name, i.check = text(r.Values[2]), check{ifName.Append(i.index), r.Values[2]}
		if i.name == "" {
			i.name, i.check = i.descr, check{ifDescr.Append(i.index), r.Values[0]}
		}
		ifs.byIndex[i.index] = i
		ifs.all = append(ifs.all, i)
	}
	return ifs, nil
}

func text(v snmpx.Value) string {
	s, _ := v.Text()
	return trimText(s)
}

// named returns the only interface that has a name, as ifName or ifDescr.
func (ifs *interfaces) named(name string) *iface {
	return ifs.only(func(i *iface) bool { return i.name == name || i.descr == name })
}

// aliased returns the only interface that has an alias.
func (ifs *interfaces) aliased(alias string) *iface {
	return ifs.only(func(i *iface) bool { return i.alias == alias })
}

func (ifs *interfaces) only(is func(*iface) bool) *iface {
	var found *iface
	for _, i := range ifs.all {
		if is(i) {
			if found != nil {
				return nil
			}
			found = i
		}
	}
	return found
}
