// Dhcpserve is the server that dhcp.sh measures: this module's, with one pool
// for everybody on one interface.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

func main() {
	iface := flag.String("interface", "", "serve `name`")
	first := flag.String("first", "10.78.1.0", "first `address` of the pool")
	last := flag.String("last", "10.78.200.255", "last `address` of the pool")
	bits := flag.Int("bits", 16, "prefix `length` of its network")
	journal := flag.String("journal", "", "keep leases in `file`; in memory when empty")
	flag.Parse()
	pool := netboot.Pool{Bits: *bits}
	if err := run(*iface, *first, *last, *journal, pool); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(iface, first, last, journal string, pool netboot.Pool) (err error) {
	if pool.First, err = netip.ParseAddr(first); err != nil {
		return err
	}
	if pool.Last, err = netip.ParseAddr(last); err != nil {
		return err
	}
	leases, err := dhcp.OpenLeases(journal)
	if err != nil {
		return err
	}
	defer leases.Close()
	t, err := dhcp.ListenLinux(dhcp.LinuxConfig{Match: func(name string) bool { return name == iface }})
	if err != nil {
		return err
	}
	defer t.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	h := &dhcp.Handler{
		Inventory: everybody{netboot.Machine{Name: "bench", Pool: pool}}, Leases: leases,
		Relays: []netip.Prefix{netip.PrefixFrom(pool.First, pool.Bits)}, // perfdhcp poses as one
	}
	if err := dhcp.Serve(ctx, t, h); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%+v %+v\n", h.Stats(), t.Stats())
	return nil
}

// everybody takes every client for the same machine.
type everybody struct{ m netboot.Machine }

func (e everybody) Lookup(context.Context, netboot.Client) (*netboot.Machine, error) {
	return &e.m, nil
}
