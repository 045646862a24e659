package snmp

import (
	"context"
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// Ports returns all ports that can give power and are known for certain, in the
// order of the power table. If none is known the error is [poe.ErrUnmapped]; what
// there is then, [Switch.Rows] shows. It asks for just the columns that it needs,
// several rows a message.
func (s *Switch) Ports(ctx context.Context) ([]poe.PortStatus, error) {
	rows, pm, err := s.readRows(ctx)
	if err != nil {
		return nil, s.faulty("read ports", err)
	}
	ports := make([]poe.PortStatus, 0, len(rows))
	for _, r := range rows {
		if r.Name != "" {
			ports = append(ports, r)
		}
	}
	if len(ports) == 0 && len(rows) > 0 {
		return nil, s.faulty("read ports", fmt.Errorf("%w: %s", poe.ErrUnmapped, pm.reason()))
	}
	return ports, nil
}

// Rows returns every row of the power table, those without a name as well of
// which it is not known which port they are. It is for finding out what to write
// into [Config.Ports].
func (s *Switch) Rows(ctx context.Context) ([]poe.PortStatus, error) {
	rows, _, err := s.readRows(ctx)
	return rows, s.faulty("read rows", err)
}

func (s *Switch) readRows(ctx context.Context) ([]poe.PortStatus, *portMap, error) {
	columns := s.layout.columns
	if s.cfg.Brief {
		columns = columns[:s.layout.brief]
	}
	table, err := s.client.Table(ctx, columns...)
	if err != nil {
		return nil, nil, err
	}
	pm := s.ports.Load()
	rows, fits, err := s.decode(table, pm)
	if err == nil && !fits {
		if pm, err = s.remap(ctx, pm); err == nil {
			rows, _, err = s.decode(table, pm)
		}
	}
	return rows, pm, err
}

// decode makes statuses of rows. Fits reports whether these are the rows that the
// map was made of.
func (s *Switch) decode(table []snmpx.Row, pm *portMap) (rows []poe.PortStatus, fits bool, err error) {
	now := time.Now()
	rows, fits = make([]poe.PortStatus, 0, len(table)), len(table) == len(pm.rows)
	for _, r := range table {
		index := r.Index.String()
		p, known := pm.rows[index]
		fits = fits && known
		if !r.Values[0].Present() {
			return nil, fits, fmt.Errorf("%w: row %s lacks %v", ErrTruncated, index, s.layout.columns[0])
		}
		status, ok := s.layout.decode(r.Values)
		if !ok {
			continue
		}
		status.Index, status.At = index, now
		if p != nil {
			status.Name, status.IfIndex, status.Alias = p.name, int(p.ifIndex), p.alias
		}
		rows = append(rows, status)
	}
	return rows, fits, nil
}

// Port returns one port, by one GET, which asks as well whether the port is still
// the row that it was.
func (s *Switch) Port(ctx context.Context, name string) (poe.PortStatus, error) {
	_, status, err := s.look(ctx, name)
	return status, s.faulty("read port", err)
}

// look reads a port, after a new map if what the old one rests on has changed.
func (s *Switch) look(ctx context.Context, name string) (*port, poe.PortStatus, error) {
	pm := s.ports.Load()
	p, err := pm.find(name)
	if err == nil {
		status, why, err := s.get(ctx, p)
		if err != nil || why == nil {
			return p, status, err
		}
		s.log.Warn("a port is no longer what it was", "port", name, "row", p.row.String(), "why", why)
	}
	if pm, err = s.remap(ctx, pm); err != nil {
		return nil, poe.PortStatus{}, err
	}
	if p, err = pm.find(name); err != nil {
		return nil, poe.PortStatus{}, err
	}
	status, why, err := s.get(ctx, p)
	if err == nil && why != nil {
		err = fmt.Errorf("port %q, row %s: %w: %w", name, p.row, poe.ErrUnmapped, why)
	}
	return p, status, err
}

// get reads a port's row and what has to be so that the row is the port. Why says
// what is not so.
func (s *Switch) get(ctx context.Context, p *port) (status poe.PortStatus, why, err error) {
	columns := s.layout.columns
	oids := make([]snmpx.OID, 0, len(columns)+1+len(p.checks))
	for _, c := range columns {
		oids = append(oids, c.Append(p.row...))
	}
	for _, c := range p.checks {
		oids = append(oids, c.oid)
	}
	if p.ifIndex != 0 {
		oids = append(oids, ifAlias.Append(p.ifIndex))
	}
	v, err := s.client.Get(ctx, oids...)
	if err != nil {
		return status, nil, fmt.Errorf("port %q, row %s: %w", p.name, p.row, err)
	}
	if !v[0].Present() {
		return status, fmt.Errorf("%v is not there", oids[0]), nil
	}
	checked := v[len(columns):]
	for i, c := range p.checks {
		if !c.holds(checked[i]) {
			return status, fmt.Errorf("%v is %v, and was to be %v", c.oid, checked[i], c.want), nil
		}
	}
	status, ok := s.layout.decode(v[:len(columns)])
	if !ok {
		return status, nil, fmt.Errorf("port %q, row %s: %w: it has no PoE", p.name, p.row, poe.ErrUnknownPort)
	}
	status.Name, status.Index, status.IfIndex, status.At = p.name, p.row.String(), int(p.ifIndex), time.Now()
	if p.ifIndex != 0 {
		status.Alias = text(checked[len(p.checks)])
	}
	return status, nil, nil
}
