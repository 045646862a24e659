package telnet

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// SerialSetter is implemented by a line of a Server whose settings a client may
// change. Without it a client is told Server.Serial.
type SerialSetter interface {
	// SetSerial sets what is not zero, and returns all as the line has it now,
	// with an error too. One call at a time is made.
	SetSerial(ctx context.Context, s Serial) (Serial, error)
}

// Purger is implemented by a line of a Server that can drop what it holds.
type Purger interface {
	// Purge drops what the line said, or what was written to it, or both.
	Purge(said, written bool) error
}

var _ Purger = (*Port)(nil)

// Attach is a Server's Open that makes each client a viewer of a console. Who
// is the client's address, if o names nobody; announcements stay out of the
// stream. With serialcon.ReadWrite a client types, while it holds the writer's
// place; others only see.
func Attach(c *serialcon.Console, o serialcon.AttachOptions) func(context.Context, net.Addr) (io.ReadWriteCloser, error) {
	return func(ctx context.Context, from net.Addr) (io.ReadWriteCloser, error) {
		o := o
		o.Who = cmp.Or(o.Who, "telnet "+from.String())
		o.NoMarks = true
		s, err := c.Attach(ctx, o)
		if err != nil {
			return nil, err
		}
		return consoleLine{s, c}, nil
	}
}

// consoleLine is a viewer as a line.
type consoleLine struct {
	*serialcon.Session
	c *serialcon.Console
}

var (
	_ serialcon.Breaker    = consoleLine{}
	_ serialcon.ModemLines = consoleLine{}
	_ serialcon.Notifier   = consoleLine{}
)

// Break sends a BREAK, and one that the client will end itself as soon as it
// did: the console's event then has its length.
func (l consoleLine) Break(ctx context.Context, d time.Duration) error {
	if d > serialcon.MinBreak {
		begun, end := time.Now(), time.NewTimer(d)
		defer end.Stop()
		select {
		case <-ctx.Done():
		case <-end.C:
		}
		d = time.Since(begun)
	}
	return l.Session.Break(context.WithoutCancel(ctx), d)
}

// Lines are on while the console's port is open.
func (l consoleLine) Lines() (serialcon.Lines, error) {
	on := l.c.Stats().Open
	return serialcon.Lines{CTS: on, DSR: on, CD: on}, nil
}

// SetLines is not possible: the console's port has an owner.
func (l consoleLine) SetLines(bool, bool) error {
	return fmt.Errorf("telnet: modem lines of console %s: %w", l.c.Name, serialcon.ErrReadOnly)
}

// Notify tells the console's events, until the session ends.
func (l consoleLine) Notify(fn func(serialcon.Event)) {
	go func() {
		for e := range l.Events() {
			fn(e)
		}
	}()
}
