package backend

import (
	"context"
	"sync"
	"time"
)

// Run checks the members actively until ctx ends, and returns when the checks that
// it started have ended. Without it a Pool judges only by the connections that are
// made.
func (p *Pool) Run(ctx context.Context) {
	p.init()
	var checks sync.WaitGroup
	defer checks.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-p.poke:
		case <-ctx.Done():
			return
		}
		due, wait := p.due(time.Now())
		for _, m := range due {
			checks.Go(func() { p.check(ctx, m) })
		}
		timer.Reset(wait)
	}
}

// due takes the members whose check is due, and says when the next one is.
func (p *Pool) due(now time.Time) (due []*member, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait = time.Hour
	for _, m := range p.members {
		switch {
		case m.checking: // its end wakes Run
		case m.checkAt.After(now):
			wait = min(wait, m.checkAt.Sub(now))
		default:
			m.checking = true
			due = append(due, m)
		}
	}
	return due, wait
}

func (p *Pool) check(ctx context.Context, m *member) {
	err := p.Check.Probe(ctx, m.addr)
	now := time.Now()
	p.mu.Lock()
	m.checking = false
	m.checkAt = now.Add(orElse(p.Check.Every, 10*time.Second))
	var note change
	if ctx.Err() == nil && !ownFault(err) {
		before := m.state(now)
		p.judge(m, err, now)
		note = m.changed(before, now)
	}
	p.mu.Unlock()
	p.tell(note)
	p.wake()
}

// judge counts the result of a check.
func (p *Pool) judge(m *member, err error, now time.Time) {
	m.checked = now
	if m.checkedOK != (err == nil) {
		m.checkedOK, m.checks = err == nil, 0
	}
	m.checks++
	if err != nil {
		m.lastErr, m.lastFail = err, now
		if m.checks >= orElse(p.Check.Fall, 3) {
			m.down = true
		}
	} else {
		m.lastOK = now
		switch {
		case m.down && (m.checks >= orElse(p.Check.Rise, 2) || !p.anyUp(now)):
			m.well(now)
		case !m.down && !m.retryAt.IsZero():
			m.retryAt = now // it answers: a connection may try it
		case !m.down:
			m.lastErr = nil
		}
	}
	if m.down || err != nil || !m.retryAt.IsZero() {
		m.checkAt = now.Add(min(orElse(p.Check.Fast, time.Second), orElse(p.Check.Every, 10*time.Second)))
	}
}

func (p *Pool) anyUp(now time.Time) bool {
	for _, m := range p.members {
		if m.state(now) == Up {
			return true
		}
	}
	return false
}
