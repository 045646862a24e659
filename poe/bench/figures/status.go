package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/mythic-beasts/hostkit/poe/snmp"
)

const pethPsePortTable = ".1.3.6.1.2.1.105.1.1.1"

// status looks at one switch of 48 ports: admin, detection, class and watts of
// each, by our driver; the whole table by the others.
func (o *options) status(ctx context.Context) error {
	const ports, repeat = 48, 200
	f, err := startFleet(ctx, 1, ports, options{})
	if err != nil {
		return err
	}
	fmt.Printf("status of a switch with %d ports\n", ports)
	sw, err := snmp.Dial(ctx, config(f.addrs[0]))
	if err != nil {
		return err
	}
	defer sw.Close()
	ours, err := measure(o.rounds, times(repeat, func() error {
		all, err := sw.Ports(ctx)
		if err == nil && len(all) != ports {
			err = fmt.Errorf("%d ports", len(all))
		}
		return err
	}))
	if err != nil {
		return err
	}
	line("poe/snmp Ports", ours, repeat, fmt.Sprintf("%.1f allocations a port", float64(ours.allocs)/repeat/ports))

	x, err := plain(f.addrs[0])
	if err != nil {
		return err
	}
	defer x.Close()
	walk, err := measure(o.rounds, times(repeat, func() error {
		_, err := x.BulkWalkAll(pethPsePortTable)
		return err
	}))
	if err != nil {
		return err
	}
	line("gosnmp BulkWalkAll of the table", walk, repeat, ratio(ours.wall, walk.wall)+fmt.Sprintf(", %.1f allocations a port", float64(walk.allocs)/repeat/ports))
	if err := o.command(ctx, "snmpwalk", f.addrs[0], ours.wall/repeat); err != nil {
		return err
	}
	return errors.Join(o.command(ctx, "snmpbulkwalk", f.addrs[0], ours.wall/repeat), f.stop())
}

// command runs a program of net-snmp's, where it is installed.
func (o *options) command(ctx context.Context, name, addr string, ours time.Duration) error {
	r, err := measure(o.rounds, func() error {
		return exec.CommandContext(ctx, name, "-v2c", "-c", "public", "-m", "", addr, pethPsePortTable).Run()
	})
	if errors.Is(err, exec.ErrNotFound) {
		fmt.Printf("  %-34s not installed\n", name)
		return nil
	}
	if err != nil {
		return err
	}
	r.cpu = 0 // it is not ours
	line(name+" of the table", r, 1, ratio(ours, r.wall))
	return nil
}

func config(addr string) snmp.Config {
	return snmp.Config{Addr: addr, Credentials: snmp.Credentials{V2c: snmp.V2c{Read: "public"}}, Brief: true}
}

// plain is gosnmp as its documentation shows it.
func plain(addr string) (*gosnmp.GoSNMP, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	x := &gosnmp.GoSNMP{
		Target: host, Port: uint16(n), Community: "public", Version: gosnmp.Version2c,
		Timeout: 2 * time.Second, Retries: 3, MaxOids: gosnmp.MaxOids,
	}
	return x, x.Connect()
}
