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
	listen, portmap := ":2049", ":111"
	if _, err := a.Flags(args, "[-listen ADDR] [-portmap ADDR]", 0, 0, func(fs *flag.FlagSet) {
		fs.StringVar(&listen, "listen", listen, "`address` for NFS and MOUNT")
		fs.StringVar(&portmap, "portmap", portmap, "`address` at which clients ask where these are; \"\" is none, where rpcbind runs")
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
	var services []func(context.Context) error
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	services = append(services, func(ctx context.Context) error { return s.Serve(ctx, l) })
	if portmap != "" {
		port := uint16(l.Addr().(*net.TCPAddr).Port)
		stream, err := lc.Listen(ctx, "tcp", portmap)
		if err != nil {
			return err
		}
		packets, err := lc.ListenPacket(ctx, "udp", portmap)
		if err != nil {
			return err
		}
		services = append(services,
			func(ctx context.Context) error { return s.ServePortmap(ctx, stream, port) },
			func(ctx context.Context) error { return s.ServePortmapPacket(ctx, packets, port) })
	}
	fmt.Fprintf(a.Stderr, "nfsroot: serving on %s\n", l.Addr())
	return together(ctx, services)
}

// together runs services until one of them or the context ends, and returns when
// all have.
func together(ctx context.Context, services []func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error)
	for _, service := range services {
		go func() {
			err := service(ctx)
			stop()
			ended <- err
		}()
	}
	var err error
	for range services {
		err = errors.Join(err, <-ended)
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
	return &nfsd.Server{Exports: exports, Key: key, Log: a.Log()}, nil
}
