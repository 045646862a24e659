package snmp

import (
	"context"
	"errors"
	"fmt"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// Budgets returns the supplies of power: pethMainPseTable, or Foundry's own. Of
// MikroTik and of switches without the table the error is errors.ErrUnsupported.
//
// RFC 3621 counts watts there, and some switches milliwatts (Netgear's M4250).
// A consumption above what the supply can give is such; from then on all of that
// switch are. Where the ports' own watts are known, the unit is the one that is
// nearer to their sum. What the switch says of Cisco and Foundry is what is set
// aside, of others what is measured.
func (s *Switch) Budgets(ctx context.Context) ([]poe.Budget, error) {
	budgets, err := s.budgets(ctx)
	return budgets, s.faulty("read budgets", err)
}

func (s *Switch) budgets(ctx context.Context) ([]poe.Budget, error) {
	switch s.info.Vendor {
	case MikroTik:
		return nil, fmt.Errorf("MIKROTIK-MIB has no budgets: %w", errors.ErrUnsupported)
	case Foundry:
		return s.foundryBudgets(ctx)
	}
	table, err := s.client.Table(ctx, pethMainPsePower, pethMainPseOperStatus, pethMainPseConsumption, pethMainPseThreshold)
	if err != nil {
		return nil, err
	}
	if len(table) == 0 {
		return nil, fmt.Errorf("pethMainPseTable is empty: %w", errors.ErrUnsupported)
	}
	unit, err := s.budgetUnit(ctx, table)
	if err != nil {
		return nil, err
	}
	budgets := make([]poe.Budget, len(table))
	for i, r := range table {
		budgets[i] = s.budget(r, unit)
	}
	return budgets, nil
}

const (
	watt      = 1000 // in milliwatts
	milliwatt = 1
	nonsense  = 1e9 // mW that no supply gives; some agents answer with their memory
	faulty    = 3   // pethMainPseOperStatus
)

// budget is one row, of which the consumption counts units of so many mW.
func (s *Switch) budget(r snmpx.Row, unit int64) poe.Budget {
	b := poe.Budget{
		Group:   int(r.Index[len(r.Index)-1]),
		Nominal: poe.Power{Milliwatts: number(r.Values[0]) * watt, Kind: poe.PowerAllocated},
		Faulty:  number(r.Values[1]) == faulty,
	}
	b.Used = s.used(r.Values[2], unit)
	if t := number(r.Values[3]); t > 0 && t < 100 {
		b.Threshold = int(t)
	}
	return b
}

// used is a pethMainPseConsumptionPower. S is nil where nothing is known of the
// switch.
func (s *Switch) used(v snmpx.Value, unit int64) poe.Power {
	n, ok := v.Int64()
	if !ok || n*unit >= nonsense {
		return poe.Power{}
	}
	if s != nil && s.info.Vendor == Cisco {
		return poe.Power{Milliwatts: n * unit, Kind: poe.PowerAllocated}
	}
	return poe.Power{Milliwatts: n * unit, Kind: poe.PowerMeasured}
}

// unit returns how many milliwatts each 1 of pethMainPseConsumptionPower is, as
// far as known.
func (s *Switch) unit() int64 {
	if s == nil {
		return watt
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.milli {
		return milliwatt
	}
	return watt
}

// budgetUnit is unit, after a look at the values.
func (s *Switch) budgetUnit(ctx context.Context, table []snmpx.Row) (int64, error) {
	if s.unit() == milliwatt {
		return milliwatt, nil
	}
	var used int64
	certain := false
	for _, r := range table {
		used += number(r.Values[2])
		certain = certain || number(r.Values[2]) > number(r.Values[0])
	}
	if !certain && used > 0 && s.layout.power != nil && s.info.Vendor != Cisco {
		ports, err := s.client.Table(ctx, s.layout.power)
		if err != nil {
			return 0, err
		}
		var sum int64
		for _, r := range ports {
			sum += number(r.Values[0])
		}
		certain = sum > 0 && distance(sum, used) < distance(sum, used*watt)
	}
	if !certain {
		return watt, nil
	}
	s.mu.Lock()
	s.milli = true
	s.mu.Unlock()
	return milliwatt, nil
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// foundryBudgets are those of the units of a stack, or else of the whole.
func (s *Switch) foundryBudgets(ctx context.Context) ([]poe.Budget, error) {
	table, err := s.client.Table(ctx, snAgentPoeUnitTotal, snAgentPoeUnitFree)
	if err != nil {
		return nil, err
	}
	var budgets []poe.Budget
	for _, r := range table {
		budgets = append(budgets, foundryBudget(int(r.Index[len(r.Index)-1]), r.Values))
	}
	if budgets != nil {
		return budgets, nil
	}
	v, err := s.client.Get(ctx, snAgentPoeGblTotal, snAgentPoeGblFree)
	if err != nil {
		return nil, err
	}
	if !v[0].Present() {
		return nil, fmt.Errorf("FOUNDRY-POE-MIB has no capacity: %w", errors.ErrUnsupported)
	}
	return []poe.Budget{foundryBudget(1, v)}, nil
}

// foundryBudget is made of the capacity and of what is free of it, in mW.
func foundryBudget(group int, v []snmpx.Value) poe.Budget {
	total, free := number(v[0]), number(v[1])
	return poe.Budget{
		Group:   group,
		Nominal: poe.Power{Milliwatts: total, Kind: poe.PowerAllocated},
		Used:    poe.Power{Milliwatts: total - free, Kind: poe.PowerAllocated},
	}
}
