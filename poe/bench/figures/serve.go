package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe/poetest"
)

// fleet is a process of fake switches, so that their work is not the client's.
type fleet struct {
	addrs []string
	cmd   *exec.Cmd
	stdin io.Closer
}

// startFleet runs this program with -serve. The switches lose answers and delay
// them as said.
func startFleet(ctx context.Context, switches, ports int, o options) (*fleet, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-serve", "-switches", strconv.Itoa(switches), "-ports", strconv.Itoa(ports),
		"-delay", o.delay.String(), "-loss", strconv.FormatFloat(o.loss, 'g', -1, 64))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // its end ends the switches
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	f := &fleet{cmd: cmd, stdin: stdin}
	for in := bufio.NewScanner(stdout); len(f.addrs) < switches && in.Scan(); {
		f.addrs = append(f.addrs, in.Text())
	}
	if len(f.addrs) < switches {
		return nil, fmt.Errorf("only %d of %d fake switches have started", len(f.addrs), switches)
	}
	return f, nil
}

func (f *fleet) stop() error {
	f.stdin.Close()
	return f.cmd.Wait()
}

// serveSwitches is the other process, until its input ends.
func (o *options) serveSwitches(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	objects, err := o.objects(ctx)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for i := range o.switches {
		a := snmptest.NewAgent()
		for _, v := range objects {
			a.Set(v.OID, v.Value)
		}
		a.SetFaults(snmptest.Faults{Seed: uint64(i), Delay: o.delay, LoseReply: o.loss})
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		go func() { failed <- a.Serve(ctx, conn) }()
		fmt.Println(conn.LocalAddr())
	}
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		failed <- err
	}()
	return <-failed
}

// objects are those of one switch of poetest's, which makes them anew for each
// request; here they stand still, so that the fake costs little.
func (o *options) objects(ctx context.Context) ([]snmpx.Var, error) {
	sw := poetest.New(o.ports)
	for i := range o.ports {
		sw.Plug(strconv.Itoa(i+1), poetest.Device{Class: 3, Milliwatts: 2000})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &poetest.Agent{Switch: sw, Vendor: poetest.VendorArubaS}
	go a.Serve(ctx, conn) //nolint:errcheck // the walk fails then
	c, err := snmpx.Dial(ctx, snmpx.Config{Addr: conn.LocalAddr().String(), Credentials: snmpx.Credentials{V2c: snmpx.V2c{Read: "public"}}})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var all []snmpx.Var
	err = c.Walk(ctx, snmpx.MustOID("1.3"), func(v snmpx.Var) error {
		all = append(all, v)
		return nil
	})
	return all, err
}
