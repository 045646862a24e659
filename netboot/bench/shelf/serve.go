package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"

	pintftp "github.com/pin/tftp/v3"
	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// serve runs our DHCP server and a TFTP engine until ctx ends.
func serve(ctx context.Context, engine string, n int, dir string) error {
	files, err := netboot.DirFS(dir)
	if err != nil {
		return err
	}
	var all []netboot.Reservation
	for i := 1; i <= n; i++ {
		iface, addr := slot(i)
		all = append(all, netboot.Reservation{Interface: iface, Machine: netboot.Machine{Name: iface, Addr: addr, Files: files}})
	}
	inv, err := netboot.NewStatic(all...)
	if err != nil {
		return err
	}
	h := &dhcp.Handler{Inventory: inv, NoPin: engine != "own"}
	transport, err := dhcp.ListenLinux(dhcp.LinuxConfig{Match: func(name string) bool { return strings.HasPrefix(name, "eth0.") }})
	if err != nil {
		return err
	}
	defer transport.Close()
	conn, err := net.ListenPacket("udp4", ":69")
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return dhcp.Serve(ctx, transport, h) })
	switch engine {
	case "own":
		s := &tftp.Server{Handler: tftp.FSHandler(inv), Observer: h}
		g.Go(func() error { return s.Serve(ctx, conn) })
	case "pin":
		machine := all[0].Machine // they all have the same files
		s := pintftp.NewServer(func(name string, to io.ReaderFrom) error { return send(&machine, name, to) }, nil)
		failed := make(chan error, 1)
		go func() { failed <- s.Serve(conn) }() // it ends with the process
		g.Go(func() error {
			select {
			case err := <-failed:
				return err
			case <-ctx.Done():
				return nil
			}
		})
	default:
		conn.Close()
		return fmt.Errorf("unknown engine %q", engine)
	}
	return g.Wait()
}

// send is pin/tftp's way to a file.
func send(m *netboot.Machine, name string, to io.ReaderFrom) error {
	f, err := m.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = to.ReadFrom(io.NewSectionReader(f, 0, f.Size()))
	return err
}
