package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/mythic-beasts/hostkit/nfsroot/identity"
)

// keysCommand prints the host keys of machines for those who log in to them.
func keysCommand(_ context.Context, a *app, args []string) error {
	format := "known_hosts"
	names, err := a.Flags(args, "[-format F] [NAME...]", 0, -1, func(fs *flag.FlagSet) {
		fs.StringVar(&format, "format", format, "known_hosts, or sshfp for a zone file")
	})
	if err != nil {
		return err
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	machines, err := c.machines(names)
	if err != nil {
		return err
	}
	for _, m := range machines {
		keys, err := identity.KeyStore{Dir: c.Keys}.Get(m.Name)
		if err != nil {
			return err
		}
		var line string
		switch format {
		case "known_hosts":
			line, err = keys.KnownHosts(m.Name, m.Address.Addr().String())
		case "sshfp":
			line, err = keys.SSHFP(m.Name)
		default:
			err = fmt.Errorf("format %q is neither known_hosts nor sshfp", format)
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(a.Stdout, line)
	}
	return nil
}
