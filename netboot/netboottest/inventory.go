package netboottest

import (
	"context"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
)

// Inventory is a [netboot.Inventory] with faults. The zero value knows nobody.
type Inventory struct {
	// Find finds the machine. Nil means that every client is unknown.
	Find func(netboot.Client) (*netboot.Machine, error)
	// Latency is how long a look-up takes; it ends early with the caller's
	// context.
	Latency time.Duration
	// FailFirst look-ups return Err.
	FailFirst int
	// Err is the error of FailFirst look-ups. Nil means
	// [context.DeadlineExceeded], as of a data base out of reach.
	Err error

	mu    sync.Mutex // guards all below
	asked []netboot.Client
}

var _ netboot.Inventory = (*Inventory)(nil)

// OneMachine returns an inventory in which every client is m.
func OneMachine(m netboot.Machine) *Inventory {
	return &Inventory{Find: func(netboot.Client) (*netboot.Machine, error) { return &m, nil }}
}

// Lookup is part of [netboot.Inventory].
func (inv *Inventory) Lookup(ctx context.Context, c netboot.Client) (*netboot.Machine, error) {
	inv.mu.Lock()
	inv.asked = append(inv.asked, c)
	number := len(inv.asked)
	inv.mu.Unlock()
	if inv.Latency > 0 {
		timer := time.NewTimer(inv.Latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	switch {
	case number <= inv.FailFirst && inv.Err != nil:
		return nil, inv.Err
	case number <= inv.FailFirst:
		return nil, context.DeadlineExceeded
	case inv.Find == nil:
		return nil, netboot.ErrUnknown
	}
	return inv.Find(c)
}

// Asked returns the clients that were looked up so far, in order.
func (inv *Inventory) Asked() []netboot.Client {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return append([]netboot.Client(nil), inv.asked...)
}
