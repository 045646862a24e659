package poetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
)

// Device is what is plugged into a port.
type Device struct {
	Class      int   // 0 to 8
	Milliwatts int64 // that it draws; 0 means half of what its class may

	// InvalidSignature, Overload and Short make it one that gets no power,
	// and is counted as such at every attempt.
	InvalidSignature, Overload, Short bool
}

// Switch is a [poe.Switch] in memory. Make one by [New]. Its fields are set before
// it is used.
type Switch struct {
	// PowerUp is how long a port takes from on to giving power, and between
	// attempts. 0 means one second.
	PowerUp time.Duration
	// PowerDown is how long a port takes from off to giving none. 0 means
	// 100 ms.
	PowerDown time.Duration
	// Budget is what its supply has, in milliwatts. 0 means 30 W for each port.
	Budget int64
	// Group is the group of all its ports, 1 for 0.
	Group int

	mu     sync.Mutex // guards all below
	faults SwitchFaults
	calls  []Call
	ports  []*port
	late   []lateOrder // orders still on their way
}

var _ poe.Switch = (*Switch)(nil)

type port struct {
	status poe.PortStatus // of what does not follow from the rest
	device *Device
	since  time.Time // of the last attempt or change
	up     bool      // gives power
}

// lateOrder is an order that takes effect at a time.
type lateOrder struct {
	at   time.Time
	name string
	on   bool
}

// New returns a switch with ports named "1" to the number given, all of which may
// give power and have a device of class 2 that draws 2.1 W and is running.
func New(ports int) *Switch {
	s := &Switch{}
	for n := range ports {
		s.ports = append(s.ports, &port{
			status: poe.PortStatus{
				Name: strconv.Itoa(n + 1), IfIndex: n + 1, Admin: true, Priority: poe.PriorityLow,
			},
			device: &Device{Class: 2, Milliwatts: 2100},
			up:     true,
		})
	}
	return s
}

// Plug puts a device into a port, in the place of what was there.
func (s *Switch) Plug(name string, d Device) {
	s.change(name, func(p *port) {
		p.drop()
		p.device, p.since = &d, time.Now()
	})
}

// Unplug takes the device out of a port.
func (s *Switch) Unplug(name string) {
	s.change(name, func(p *port) {
		p.drop()
		p.device = nil
	})
}

func (p *port) drop() {
	if p.up {
		p.status.Counters.MPSAbsent++
	}
	p.up = false
}

// Edit changes what the switch says of a port: its alias, priority or
// counters. Admin set to false switches it off at once.
func (s *Switch) Edit(name string, edit func(*poe.PortStatus)) {
	s.change(name, func(p *port) {
		edit(&p.status)
		p.up = p.up && p.status.Admin
	})
}

func (s *Switch) change(name string, fn func(*port)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(time.Now())
	if p := s.find(name); p != nil {
		fn(p)
	}
}

// Restart is a restart of the switch: counters begin anew, and every port that is
// on powers up again.
func (s *Switch) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.advance(now)
	for _, p := range s.ports {
		p.status.Counters, p.up, p.since = poe.Counters{}, false, now
	}
}

// Ports implements [poe.Switch].
func (s *Switch) Ports(ctx context.Context) ([]poe.PortStatus, error) {
	if err := s.begin(ctx, Call{Op: "ports"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.advance(now)
	all := make([]poe.PortStatus, len(s.ports))
	for i, p := range s.ports {
		all[i] = s.status(p, now)
	}
	return all, nil
}

// Port implements [poe.Switch].
func (s *Switch) Port(ctx context.Context, name string) (poe.PortStatus, error) {
	if err := s.begin(ctx, Call{Op: "port", Port: name}); err != nil {
		return poe.PortStatus{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.advance(now)
	p := s.find(name)
	if p == nil {
		return poe.PortStatus{}, fmt.Errorf("port %q: %w", name, poe.ErrUnknownPort)
	}
	return s.status(p, now), nil
}

// SetAdmin implements [poe.Switch].
func (s *Switch) SetAdmin(ctx context.Context, name string, on bool) error {
	failed := s.begin(ctx, Call{Op: "set", Port: name, On: on})
	if failed != nil && !errors.Is(failed, errAfterwards) {
		return failed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.advance(now)
	p := s.find(name)
	switch {
	case p == nil:
		return fmt.Errorf("port %q: %w", name, poe.ErrUnknownPort)
	case s.faults.ReadOnly:
		return fmt.Errorf("port %q: %w", name, poe.ErrReadOnly)
	case s.faults.Ignore:
		return fmt.Errorf("port %q: %w", name, poe.ErrNotApplied)
	case s.faults.Lie:
		return nil
	}
	return s.take(p, on, now, failed)
}

// take carries an order out, or sends it on its way.
func (s *Switch) take(p *port, on bool, now time.Time, failed error) error {
	if s.faults.Repeat > 0 {
		s.late = append(s.late, lateOrder{now.Add(s.faults.Repeat), p.status.Name, on})
	}
	if s.faults.Late > 0 {
		s.late = append(s.late, lateOrder{now.Add(s.faults.Late), p.status.Name, on})
		return ErrTimeout
	}
	p.order(on, now)
	if failed != nil {
		return ErrTimeout
	}
	return nil
}

// Budgets implements [poe.Switch].
func (s *Switch) Budgets(ctx context.Context) ([]poe.Budget, error) {
	if err := s.begin(ctx, Call{Op: "budgets"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.NoBudgets {
		return nil, fmt.Errorf("power budgets: %w", errors.ErrUnsupported)
	}
	s.advance(time.Now())
	return []poe.Budget{{
		Group:   s.group(),
		Nominal: poe.Power{Milliwatts: s.budget(), Kind: poe.PowerMeasured},
		Used:    poe.Power{Milliwatts: s.used(), Kind: poe.PowerMeasured},
		Faulty:  s.faults.SupplyFaulty,
	}}, nil
}

func (s *Switch) find(name string) *port {
	for _, p := range s.ports {
		if p.status.Name == name {
			return p
		}
	}
	return nil
}

func (s *Switch) group() int { return max(s.Group, 1) }

func (s *Switch) budget() int64 {
	if s.Budget > 0 {
		return s.Budget
	}
	return 30000 * int64(len(s.ports))
}
