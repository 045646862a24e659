package main

import (
	"context"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/watched"
)

// inventory is the machines of the configuration in force and those of etcd, if there is
// one. A reload replaces the former all at once, under transfers that go on with what
// they have opened.
type inventory struct {
	match    func(iface string) bool
	machines watched.Inventory
}

var _ netboot.Inventory = (*inventory)(nil)

// Lookup is part of [netboot.Inventory]. File servers listen on every interface
// there is; who comes in on one that is not ours is nobody.
func (i *inventory) Lookup(ctx context.Context, c netboot.Client) (*netboot.Machine, error) {
	if !i.match(c.Interface) {
		return nil, netboot.ErrUnknown
	}
	return i.machines.Lookup(ctx, c)
}

// names returns the machines' names.
func (i *inventory) names() []string {
	var names []string
	for _, m := range i.machines.Machines() {
		names = append(names, m.Name)
	}
	return names
}
