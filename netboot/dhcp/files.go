package dhcp

import (
	"context"
	"errors"
	"net/netip"

	"github.com/mythic-beasts/hostkit/netboot"
)

// FileInventory returns the inventory to give to file servers. They know a
// client's interface and address only; this one finds the machine that
// Inventory cannot tell from these by whoever was given the address.
func (h *Handler) FileInventory() netboot.Inventory {
	h.init()
	return fileInventory{h.Inventory, h.Leases}
}

type fileInventory struct {
	inv    netboot.Inventory
	leases *Leases
}

// Lookup is part of [netboot.Inventory]. A lease on one interface is not found
// from another, lest a neighbour borrow the address.
func (f fileInventory) Lookup(ctx context.Context, c netboot.Client) (*netboot.Machine, error) {
	m, err := f.inv.Lookup(ctx, c)
	if !errors.Is(err, netboot.ErrUnknown) || len(c.MAC) > 0 {
		return m, err
	}
	has, ok := f.leases.Client(c.Addr)
	if !ok || c.Interface != "" && has.Interface != c.Interface {
		return nil, err
	}
	return f.inv.Lookup(ctx, has)
}

// note remembers in memory that another server gave addr to c.
func (l *Leases) note(c netboot.Client, addr netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.addrs == nil {
		l.addrs = make(map[netip.Addr]*lease)
	}
	if l.addrs[addr] == nil && len(l.addrs) >= maxNotes {
		return
	}
	l.addrs[addr] = &lease{addr: addr, ident: identOf(c), state: offered}
}

// maxNotes bounds what a proxy remembers.
const maxNotes = 1 << 16
