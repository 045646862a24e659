package qbridge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// ErrAmbiguous is wrapped by errors about a name that more than one port has.
var ErrAmbiguous = errors.New("more than one port has this name")

// ports are the ports of a bridge, by dot1dBasePort and by name.
type ports struct {
	name   map[int]string
	number map[string]int // 0 for names that are not unique
}

// bit is a port's dot1dBasePort.
func (p *ports) bit(name string) (int, error) {
	switch n, ok := p.number[name]; {
	case !ok:
		return 0, fmt.Errorf("port %q: the switch has no bridge port with this ifName: %w", name, fs.ErrNotExist)
	case n == 0:
		return 0, fmt.Errorf("port %q: %w", name, ErrAmbiguous)
	default:
		return n, nil
	}
}

// readPorts maps the ports. A bridge port without a name has its interface's
// description, and one without that has no name and is not used.
func (s *Switch) readPorts(ctx context.Context) (*ports, error) {
	bridge, err := s.client.Table(ctx, dot1dBasePortIfIndex)
	if err != nil {
		return nil, fmt.Errorf("read dot1dBasePortTable: %w", err)
	}
	if len(bridge) == 0 {
		return nil, errors.New("the switch has no dot1dBasePortTable: it shows no bridge by SNMP, or not to this user")
	}
	names, err := s.names(ctx, ifName)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		if names, err = s.names(ctx, ifDescr); err != nil {
			return nil, err
		}
	}
	p := &ports{name: map[int]string{}, number: map[string]int{}}
	for _, row := range bridge {
		index, ok := row.Values[0].Int64()
		name := names[index]
		if number := last(row.Index); ok && name != "" && number <= maxPort {
			p.add(int(number), name)
		}
	}
	return p, nil
}

func (p *ports) add(number int, name string) {
	p.name[number] = name
	if _, taken := p.number[name]; taken {
		number = 0
	}
	p.number[name] = number
}

// names are a column of text by ifIndex.
func (s *Switch) names(ctx context.Context, column snmpx.OID) (map[int64]string, error) {
	rows, err := s.client.Table(ctx, column)
	if err != nil {
		return nil, fmt.Errorf("read names of interfaces: %w", err)
	}
	names := make(map[int64]string, len(rows))
	for _, row := range rows {
		if name, ok := row.Values[0].Text(); ok {
			names[int64(last(row.Index))] = trim(name)
		}
	}
	return names, nil
}

// last is the last arc of an index, and 0 of none.
func last(index snmpx.OID) uint32 {
	if len(index) == 0 {
		return 0
	}
	return index[len(index)-1]
}
