package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// orders notes when ports are switched on.
type orders struct {
	*poetest.Switch
	mu sync.Mutex // guards at
	at []time.Time
}

func (o *orders) SetAdmin(ctx context.Context, name string, on bool) error {
	o.mu.Lock()
	o.at = append(o.at, time.Now())
	o.mu.Unlock()
	return o.Switch.SetAdmin(ctx, name, on)
}

// sequence switches 96 ports on with a gap, over SNMP, and prints by how much the
// orders are later than their gaps.
func (o *options) sequence(ctx context.Context) error {
	const ports = 96
	gap := o.gap
	fake := poetest.New(ports)
	fake.Budget = 2_000_000
	names := make([]string, ports)
	for i := range names {
		names[i] = strconv.Itoa(i + 1)
		fake.Plug(names[i], poetest.Device{Class: 3, Milliwatts: 2000})
		if err := fake.SetAdmin(ctx, names[i], false); err != nil {
			return err
		}
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	at := &orders{Switch: fake}
	go func() { served <- (&poetest.Agent{Switch: at, Vendor: poetest.VendorArubaS}).Serve(serving, conn) }()
	c := config(conn.LocalAddr().String())
	c.Credentials.V2c.Write = "private"
	sw, err := snmp.Dial(ctx, c)
	if err != nil {
		stop()
		return errors.Join(err, <-served)
	}
	controller := poe.Controller{Name: "bench", Switch: sw}
	start := time.Now()
	_, err = controller.Sequence(ctx, names, poe.SequenceOptions{
		Gap: gap, InFlight: -1, Budget: -1, Reason: poe.Reason{Who: "figures", Why: "measuring"},
	})
	whole := time.Since(start)
	stop()
	if err = errors.Join(err, sw.Close(), <-served); err != nil {
		return err
	}
	took, least := at.at[len(at.at)-1].Sub(at.at[0]), (ports-1)*gap
	fmt.Printf("sequence of %d ports with %s between them\n", ports, gap)
	fmt.Printf("  %-34s %10s wall, which is %.2f %% above %s; %s until the last gave power\n", "from the first order to the last",
		round(took), 100*(float64(took)/float64(least)-1), least, round(whole))
	return nil
}
