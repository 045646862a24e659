package telnet

import (
	"fmt"
	"net"
	"os"
	"time"
)

// awaitResume waits while the server asks not to send (FLOWCONTROL-SUSPEND), up
// to the write deadline. The server's word to go on comes by a Read.
func (p *Port) awaitResume() error {
	for {
		p.mu.Lock()
		held, closed, deadline, changed := p.m.suspended(), p.closed, p.deadline, p.changed
		if changed == nil {
			changed = make(chan struct{})
			p.changed = changed
		}
		p.mu.Unlock()
		switch {
		case closed:
			return net.ErrClosed
		case !held:
			return nil
		}
		if err := waitChange(changed, deadline); err != nil {
			return fmt.Errorf("telnet: the server asks not to send: %w", err)
		}
	}
}

// waitChange waits until changed is closed, or a deadline that is not zero.
func waitChange(changed <-chan struct{}, deadline time.Time) error {
	if deadline.IsZero() {
		<-changed
		return nil
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-changed:
		return nil
	case <-timer.C:
		return os.ErrDeadlineExceeded
	}
}

// wake makes awaitResume look again. It is called with mu held.
func (p *Port) wake() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}
