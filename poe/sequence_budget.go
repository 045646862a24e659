package poe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// fits takes a place for the port if there is one, and power for it. The error
// is [ErrBudget] when there will be no more power by waiting.
func (s *sequence) fits(ctx context.Context, i int, st PortStatus) (bool, error) {
	// Taken before the supply is asked: a port that begins to give power in
	// between is counted twice rather than not at all.
	flying := s.flights()
	if s.options.InFlight > 0 && len(flying) >= s.options.InFlight {
		return false, ctx.Err()
	}
	f := flight{needs: ClassMax(st.Class).Milliwatts}
	if s.options.Budget < 0 {
		s.takeOff(i, f)
		return true, ctx.Err()
	}
	used, limit, group, err := s.supply(ctx, st)
	if err != nil {
		return false, err
	}
	f.group = group
	starting := int64(0)
	for _, other := range flying {
		if other.group == group {
			starting += other.needs
		}
	}
	switch {
	case limit <= 0, used+starting+f.needs <= limit:
		s.takeOff(i, f)
		return true, nil
	case starting > 0:
		return false, nil
	}
	return false, fmt.Errorf("%w: of %d mW %d are used, and the port may need %d", ErrBudget, limit, used, f.needs)
}

func (s *sequence) flights() map[int]flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.flying)
}

func (s *sequence) takeOff(i int, f flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flying[i] = f
}

// powered counts of a port that gives power only what its supply does not count:
// how much more the device may draw while it starts.
func (s *sequence) powered(i int, st PortStatus) {
	s.mu.Lock()
	if f, ok := s.flying[i]; ok && st.Power.Kind != PowerUnknown {
		f.needs = max(0, ClassMax(st.Class).Milliwatts-st.Power.Milliwatts)
		s.flying[i] = f
	}
	s.mu.Unlock()
	s.signal()
}

// supply returns what is used of the supply of a port, the limit, 0 for none, and
// which supply it is.
func (s *sequence) supply(ctx context.Context, st PortStatus) (used, limit int64, group int, err error) {
	budgets, err := s.c.Switch.Budgets(ctx)
	if errors.Is(err, errors.ErrUnsupported) || err == nil && len(budgets) == 0 {
		used, err = s.usedByPorts(ctx)
		return used, s.options.Budget, 0, err
	}
	if err != nil {
		return 0, 0, 0, fmt.Errorf("read the power budget: %w", err)
	}
	b, ok := budgetOf(budgets, st)
	if !ok {
		return 0, 0, 0, fmt.Errorf("%w: none of the switch's supplies is that of port index %q; a negative Budget does not count", ErrBudget, st.Index)
	}
	limit = b.Nominal.Milliwatts
	if s.options.Budget > 0 && (limit <= 0 || s.options.Budget < limit) {
		limit = s.options.Budget
	}
	return b.Used.Milliwatts, limit, b.Group, nil
}

// budgetOf finds the supply of a port: the index of RFC 3621 begins with its
// group.
func budgetOf(budgets []Budget, st PortStatus) (Budget, bool) {
	if len(budgets) == 1 {
		return budgets[0], true
	}
	group, _, _ := strings.Cut(st.Index, ".")
	for _, b := range budgets {
		if strconv.Itoa(b.Group) == group {
			return b, true
		}
	}
	return Budget{}, false
}

// usedByPorts adds up what ports draw, where the switch does not.
func (s *sequence) usedByPorts(ctx context.Context) (int64, error) {
	if s.options.Budget == 0 {
		return 0, nil
	}
	ports, err := s.c.Switch.Ports(ctx)
	if err != nil {
		return 0, fmt.Errorf("read what its ports draw: %w", err)
	}
	var used int64
	for _, st := range ports {
		switch {
		case st.Detection != DetectionDelivering:
		case st.Power.Kind == PowerUnknown:
			used += ClassMax(st.Class).Milliwatts
		default:
			used += st.Power.Milliwatts
		}
	}
	return used, nil
}
