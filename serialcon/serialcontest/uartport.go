package serialcontest

import (
	"context"
	"os"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// uartPort is an open UART.
type uartPort struct {
	u       *UART
	closed  bool // guarded by u.mu, as all here
	readBy  time.Time
	writeBy time.Time
}

// usable says why the port cannot be used. It is called with u.mu held.
func (p *uartPort) usable() error {
	switch {
	case p.closed:
		return os.ErrClosed
	case p.u.port != p:
		return errGone
	}
	return nil
}

// until waits for ok, the port's end, or the deadline that by points to.
func (p *uartPort) until(by *time.Time, ok func() bool) error {
	for {
		p.u.mu.Lock()
		if err := p.usable(); err != nil {
			p.u.mu.Unlock()
			return err
		}
		var late <-chan time.Time
		if !by.IsZero() {
			left := time.Until(*by)
			if left <= 0 {
				p.u.mu.Unlock()
				return timedOut
			}
			timer := time.NewTimer(left)
			defer timer.Stop()
			late = timer.C
		}
		if ok() {
			p.u.mu.Unlock()
			return nil
		}
		change := p.u.wait()
		p.u.mu.Unlock()
		select {
		case <-change:
		case <-late:
		}
	}
}

func (p *uartPort) Read(b []byte) (n int, err error) {
	err = p.until(&p.readBy, func() bool {
		if n = copy(b, p.u.in); n == 0 {
			return len(b) == 0
		}
		p.u.in = p.u.in[n:]
		p.u.changed()
		return true
	})
	return n, err
}

func (p *uartPort) Write(b []byte) (n int, err error) {
	err = p.until(&p.writeBy, func() bool {
		if p.u.stopped {
			return false
		}
		n = len(b)
		p.u.typed = append(p.u.typed, b...)
		p.u.changed()
		return true
	})
	return n, err
}

func (p *uartPort) Close() error {
	p.u.mu.Lock()
	defer p.u.mu.Unlock()
	p.closed = true
	if p.u.port == p {
		p.u.port, p.u.in, p.u.notify = nil, nil, nil
	}
	p.u.changed()
	return nil
}

func (p *uartPort) SetReadDeadline(t time.Time) error  { return p.deadline(&p.readBy, t) }
func (p *uartPort) SetWriteDeadline(t time.Time) error { return p.deadline(&p.writeBy, t) }

func (p *uartPort) deadline(by *time.Time, t time.Time) error {
	p.u.mu.Lock()
	defer p.u.mu.Unlock()
	*by = t
	p.u.changed()
	return p.usable()
}

func (p *uartPort) Break(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.u.mu.Lock()
	defer p.u.mu.Unlock()
	if err := p.usable(); err != nil {
		return err
	}
	p.u.breaks = append(p.u.breaks, d)
	return nil
}

func (p *uartPort) Lines() (serialcon.Lines, error) {
	p.u.mu.Lock()
	defer p.u.mu.Unlock()
	return p.u.lines, p.usable()
}

func (p *uartPort) SetLines(dtr, rts bool) error {
	p.u.mu.Lock()
	defer p.u.mu.Unlock()
	p.u.lines.DTR, p.u.lines.RTS = dtr, rts
	return p.usable()
}

func (p *uartPort) Counters() (serialcon.Counts, error) {
	p.u.mu.Lock()
	defer p.u.mu.Unlock()
	return p.u.counts, p.usable()
}

func (p *uartPort) Notify(fn func(serialcon.Event)) {
	p.u.mu.Lock()
	defer p.u.mu.Unlock()
	p.u.notify = fn
}
