package poetest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
)

// What a port does follows from the orders it got and from the time, and is
// worked out whenever somebody looks.

// advance brings the switch to the present.
func (s *Switch) advance(now time.Time) {
	slices.SortStableFunc(s.late, func(a, b lateOrder) int { return a.at.Compare(b.at) })
	for len(s.late) > 0 && !s.late[0].at.After(now) {
		o := s.late[0]
		s.late = s.late[1:]
		s.power(o.at)
		if p := s.find(o.name); p != nil {
			p.order(o.on, o.at)
		}
	}
	s.power(now)
}

// order is what an order does at once.
func (p *port) order(on bool, now time.Time) {
	if p.status.Admin != on {
		p.status.Admin, p.since = on, now
	}
}

// power has ports begin and stop to give power, in the order of when that is due.
func (s *Switch) power(now time.Time) {
	for {
		p, at := s.nextDue()
		if p == nil || at.After(now) {
			return
		}
		p.since = at
		if p.status.Admin {
			s.attempt(p)
		} else {
			p.up = false
		}
	}
}

// nextDue returns the port that something is due at first, and when.
func (s *Switch) nextDue() (first *port, at time.Time) {
	for _, p := range s.ports {
		var due time.Time
		switch {
		case !p.status.Admin && p.up && !s.faults.StuckOn:
			due = p.since.Add(s.powerDown())
		case p.status.Admin && !p.up && p.device != nil && !s.faults.DeadPorts:
			due = p.since.Add(s.powerUp())
		default:
			continue
		}
		if first == nil || due.Before(at) {
			first, at = p, due
		}
	}
	return first, at
}

// attempt gives power to a port, or counts why not.
func (s *Switch) attempt(p *port) {
	switch c := &p.status.Counters; {
	case p.device.InvalidSignature:
		c.InvalidSignature++
	case p.device.Short:
		c.Short++
	case p.device.Overload:
		c.Overload++
	case s.used()+p.draws() > s.budget():
		c.Denied++
	default:
		p.up = true
	}
}

func (s *Switch) powerUp() time.Duration   { return cmp.Or(s.PowerUp, time.Second) }
func (s *Switch) powerDown() time.Duration { return cmp.Or(s.PowerDown, 100*time.Millisecond) }

func (s *Switch) used() int64 {
	var sum int64
	for _, p := range s.ports {
		if p.up {
			sum += p.draws()
		}
	}
	return sum
}

func (p *port) draws() int64 {
	return cmp.Or(p.device.Milliwatts, poe.ClassMax(p.device.Class).Milliwatts/2)
}

// status is what the switch says of a port.
func (s *Switch) status(p *port, now time.Time) poe.PortStatus {
	st := p.status
	st.At, st.Class, st.Power = now, -1, poe.Power{Kind: poe.PowerMeasured}
	if st.Index == "" {
		st.Index = fmt.Sprintf("%d.%d", s.group(), st.IfIndex)
	}
	switch {
	case p.up:
		st.Detection = poe.DetectionDelivering
		st.Class, st.Power.Milliwatts = p.device.Class, p.draws()
	case !st.Admin && !s.faults.SearchingWhenOff:
		st.Detection = poe.DetectionDisabled
	case st.Admin && p.device != nil && (p.device.Overload || p.device.Short) && st.Counters.Overload+st.Counters.Short > 0:
		st.Detection = poe.DetectionFault
	default:
		st.Detection = poe.DetectionSearching
	}
	return st
}
