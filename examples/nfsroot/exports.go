package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
	"github.com/mythic-beasts/hostkit/nfsroot/farm"
)

// exportsCommand prints what an NFS server must be told.
func exportsCommand(_ context.Context, a *app, args []string) error {
	format := "exports"
	var bind netip.Addr
	if _, err := a.Flags(args, "[-format exports|ganesha] [-bind ADDR]", 0, 0, func(fs *flag.FlagSet) {
		fs.StringVar(&format, "format", format, "exports, for the kernel's server, or ganesha")
		fs.TextVar(&bind, "bind", netip.Addr{}, "`address` that ganesha serves on; default is all")
	}); err != nil {
		return err
	}
	c, f, err := a.open()
	if err != nil {
		return err
	}
	exports, err := c.exports(f)
	if err != nil {
		return err
	}
	switch format {
	case "exports":
		return export.WriteExports(a.Stdout, exports)
	case "ganesha":
		return export.WriteGanesha(a.Stdout, export.Ganesha{Bind: bind}, exports)
	}
	return fmt.Errorf("format %q is neither exports nor ganesha", format)
}

// exports are those of all machines that have a root, each for its address.
func (c *config) exports(f *farm.Farm) ([]export.Export, error) {
	all, err := f.Exports(func(name string) (netip.Addr, bool) {
		m, err := c.machine(name)
		if err != nil {
			return netip.Addr{}, false
		}
		return m.Address.Addr(), true
	})
	if err == nil && len(all) == 0 {
		err = errors.New("no machine has a root: run nfsroot clone")
	}
	return all, err
}
