package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/nfsroot/nfsd"
)

// serveCommand serves the roots itself, which is enough for a small rack.
func serveCommand(ctx context.Context, a *app, args []string) error {
	listen, portmap := ":2049", ""
	if _, err := a.flags(args, "[-listen ADDR] [-portmap ADDR]", 0, 0, func(fs *flag.FlagSet) {
		fs.StringVar(&listen, "listen", listen, "`address` for NFS and MOUNT")
		fs.StringVar(&portmap, "portmap", portmap, "`address` for the portmapper, such as :111; default is none")
	}); err != nil {
		return err
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	s, err := a.server(c)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 2)
	services := 1
	if portmap != "" {
		p, err := lc.Listen(ctx, "tcp", portmap)
		if err != nil {
			return err
		}
		services++
		port := l.Addr().(*net.TCPAddr).Port
		go func() { failed <- s.ServePortmap(ctx, p, uint16(port)) }()
	}
	go func() { failed <- s.Serve(ctx, l) }()
	fmt.Fprintf(a.stderr, "nfsroot: serving on %s\n", l.Addr())
	err = <-failed
	stop() // the other, too
	for range services - 1 {
		err = errors.Join(err, <-failed)
	}
	return err
}

// server is one that serves what the farm holds.
func (a *app) server(c *config) (*nfsd.Server, error) {
	f, err := a.farm(c)
	if err != nil {
		return nil, err
	}
	exports, err := c.exports(f)
	if err != nil {
		return nil, err
	}
	key, err := nfsd.LoadKey(filepath.Join(c.Keys, "nfsd.key"))
	if err != nil {
		return nil, err
	}
	return &nfsd.Server{Exports: exports, Key: key, Log: a.log()}, nil
}
