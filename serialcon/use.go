package serialcon

import (
	"context"
	"errors"
	"sync"
	"time"
)

// use is a port from its opening to its end.
type use struct {
	c      *Console
	port   Port
	err    error        // why it is not open, or not any more
	failed <-chan error // of the engine that reads it; nil: wait reads it
	drop   func()       // ends the engine's reading
	cancel func()       // ends what watches the port beside
	wg     sync.WaitGroup
}

// open opens the port and tells whom it concerns.
func (u *use) open(ctx context.Context, c *Console) {
	port, err := c.Port.Open(ctx)
	if err != nil {
		u.err = err
		return
	}
	u.c, u.port = c, port
	c.post(Event{Kind: EventOpened, Text: c.Port.String()})
	if n, ok := port.(Notifier); ok {
		n.Notify(c.post)
	}
	c.setPort(port)
	if h := newHealth(c, port); h != nil {
		inner, cancel := context.WithCancel(ctx)
		u.cancel = cancel
		u.wg.Go(func() { h.poll(inner) })
	}
	if pollable, ok := port.(Pollable); ok && c.Engine != nil && !hurries(pollable) {
		u.failed, u.drop, err = c.Engine.read(c, pollable)
		if err != nil { // the descriptor cannot be polled
			u.failed, u.drop = nil, nil
		}
	}
}

// wait returns when the port fails or ctx ends. It is what hundreds of consoles
// do, on small stacks.
func (u *use) wait(ctx context.Context) {
	if u.failed == nil {
		u.err = u.c.read(ctx, u.port)
		return
	}
	select {
	case u.err = <-u.failed:
	case <-ctx.Done():
	}
}

// close closes the port, and tells it unless the Console ends.
func (u *use) close(ctx context.Context) {
	if u.drop != nil {
		u.drop()
	}
	if u.cancel != nil {
		u.cancel()
	}
	u.c.setPort(nil)
	err := errors.Join(u.err, u.port.Close())
	u.wg.Wait()
	if ctx.Err() != nil {
		return
	}
	e := Event{Kind: EventClosed}
	if err != nil {
		e.Text = err.Error()
	}
	u.c.post(e)
}

// read is the portable reader.
func (c *Console) read(ctx context.Context, port Port) error {
	stop := context.AfterFunc(ctx, func() { _ = port.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buf := make([]byte, 16<<10)
	for {
		n, err := port.Read(buf)
		if n > 0 {
			c.pipe.put(c, time.Now(), buf[:n])
			c.pipe.signal()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}
