package backend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"syscall"
	"time"
)

var errNoMember = fmt.Errorf("no such member: %w", fs.ErrNotExist)

// State is how a member of a [Pool] is.
type State uint8

// The states of a member.
const (
	// Up is chosen.
	Up State = iota
	// Cooling failed too often and is tried when nothing else answers.
	Cooling
	// Trial has cooled: one connection is trying it, and until that has ended, or
	// ten seconds, it gets no others.
	Trial
	// Down failed its active checks; as Cooling, until a check or a connection
	// succeeds.
	Down
	// Draining gets no new connections.
	Draining
)

// String is "up", "cooling", "trial", "down" or "draining".
func (s State) String() string {
	names := [...]string{"up", "cooling", "trial", "down", "draining"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText is String, for JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MemberStatus is how a member is doing, for a panel.
type MemberStatus struct {
	Addr      netip.AddrPort
	Weight    int
	State     State
	Active    int           // connections that are open
	Total     uint64        // connections that were made
	Failed    uint64        // attempts that failed
	Streak    int           // attempts that failed since the last success
	LastError string        // of the last failure, also of a check; "" since a success
	LastFail  time.Time     // of an attempt or check; zero: never
	LastOK    time.Time     // the last connection or check that succeeded; zero: never
	Connect   time.Duration // smoothed time that connecting takes; zero: unknown
	RetryAt   time.Time     // when a cooling member is tried again; zero: it is not cooling
	Checked   time.Time     // when the last active check ended; zero: never
	Removed   bool          // not a member any more, but has connections
}

// trialTime is how long the connection that tries a member may keep others off.
const trialTime = 10 * time.Second

type member struct {
	addr   netip.AddrPort
	weight int
	turn   int // of smooth weighted turns

	active        int
	total, errors uint64
	streak        int // failed attempts in a row
	coolings      int // how often it cooled since the last success
	retryAt       time.Time
	trialUntil    time.Time

	down       bool // by active checks
	checks     int  // in a row with the same result
	checkedOK  bool // that result
	checking   bool
	checkAt    time.Time // when the next check is due
	checked    time.Time
	draining   bool
	gone       bool // not a member any more
	idle       chan struct{}
	lastErr    error
	lastFail   time.Time
	lastOK     time.Time
	connecting time.Duration
}

// change is what Pool.Changed is told; the zero value is no change.
type change struct {
	addr     netip.AddrPort
	from, to State
}

func (m *member) state(now time.Time) State {
	switch {
	case m.draining:
		return Draining
	case m.down:
		return Down
	case m.retryAt.IsZero():
		return Up
	case now.Before(m.trialUntil):
		return Trial
	}
	return Cooling
}

// choosable reports whether m may be the first choice: it is up, or has cooled.
func (m *member) choosable(now time.Time) bool {
	switch m.state(now) {
	case Up:
		return true
	case Cooling:
		return !now.Before(m.retryAt)
	}
	return false
}

// trial notes that m was given as the first choice. If it has cooled, that
// connection tries it.
func (m *member) trial(now time.Time) change {
	before := m.state(now)
	if before == Cooling && !now.Before(m.retryAt) {
		m.trialUntil = now.Add(trialTime)
	}
	return m.changed(before, now)
}

func (m *member) changed(before State, now time.Time) change {
	return change{addr: m.addr, from: before, to: m.state(now)}
}

func (m *member) succeeded(now time.Time, took time.Duration) {
	m.active++
	m.total++
	if m.connecting == 0 {
		m.connecting = took
	} else {
		m.connecting += (took - m.connecting) / 8
	}
	m.well(now)
}

// well ends whatever kept m from being chosen, except a drain.
func (m *member) well(now time.Time) {
	m.streak, m.coolings = 0, 0
	m.retryAt, m.trialUntil = time.Time{}, time.Time{}
	m.down, m.checks = false, 0
	m.lastOK, m.lastErr = now, nil
}

func (m *member) failed(p *Pool, err error, now time.Time) {
	m.errors++
	m.streak++
	m.lastFail, m.lastErr = now, err
	limit := orElse(p.Failures, 3)
	if limit < 0 || m.streak < limit {
		return
	}
	if m.state(now) == Cooling && now.Before(m.retryAt) {
		return // tried for want of a better one; its trial comes no later for that
	}
	cooling, most := orElse(p.Cooling, 5*time.Second), orElse(p.MaxCooling, 60*time.Second)
	for range m.coolings {
		if cooling *= 2; cooling >= most {
			break
		}
	}
	m.coolings++
	m.retryAt, m.trialUntil = now.Add(min(cooling, most)), time.Time{}
}

func (m *member) nowIdle() {
	if m.idle != nil {
		close(m.idle)
		m.idle = nil
	}
}

func (m *member) status(now time.Time) MemberStatus {
	s := MemberStatus{
		Addr: m.addr, Weight: m.weight, State: m.state(now),
		Active: m.active, Total: m.total, Failed: m.errors, Streak: m.streak,
		LastFail: m.lastFail, LastOK: m.lastOK, Connect: m.connecting,
		RetryAt: m.retryAt, Checked: m.checked, Removed: m.gone,
	}
	if m.lastErr != nil {
		s.LastError = m.lastErr.Error()
	}
	return s
}

// ownFault reports whether an error says nothing about the backend.
func ownFault(err error) bool {
	if errors.Is(err, context.Canceled) {
		return true
	}
	for _, e := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, syscall.EACCES, syscall.EPERM,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
