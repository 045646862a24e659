package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// fleet looks at all switches, which answer at once.
func (o *options) fleet(ctx context.Context) error {
	fmt.Printf("%d ports of %d switches, %d at a time, which answer at once\n", o.switches*o.ports, o.switches, o.concurrency)
	return o.compare(ctx, options{})
}

// slow is the same with a delay and with losses.
func (o *options) slow(ctx context.Context) error {
	fmt.Printf("%d ports of %d switches, %d at a time, which take %s and lose %g %% of their answers\n",
		o.switches*o.ports, o.switches, o.concurrency, o.delay, 100*o.loss)
	return o.compare(ctx, options{delay: o.delay, loss: o.loss})
}

func (o *options) compare(ctx context.Context, faults options) error {
	f, err := startFleet(ctx, o.switches, o.ports, faults)
	if err != nil {
		return err
	}
	p := poe.Poller{Concurrency: o.concurrency}
	start := time.Now()
	p.Targets = make([]poe.Target, len(f.addrs))
	err = o.each(func(i int) error {
		sw, err := snmp.Dial(ctx, config(f.addrs[i]))
		p.Targets[i] = poe.Target{Name: f.addrs[i], Switch: sw}
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("  %-34s %10s wall\n", "poe/snmp Dial (mapping the ports)", round(time.Since(start)))
	ours, err := measure(o.rounds, func() error { return o.poll(ctx, &p) })
	if err != nil {
		return err
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	line("poe.Poller", ours, 1, fmt.Sprintf("%d MiB of memory", m.Sys>>20))
	ports, err := measure(o.rounds, func() error { return o.portsOnly(ctx, p.Targets) })
	if err != nil {
		return err
	}
	line("poe/snmp Ports alone", ports, 1, "without what the supplies give")
	fixed, err := o.fixed(f.addrs)
	if err != nil {
		return err
	}
	line("gosnmp, 4 columns, 2 s timeout", fixed, 1, ratio(ports.wall, fixed.wall))
	return f.stop()
}

func (o *options) poll(ctx context.Context, p *poe.Poller) error {
	ports := 0
	for _, s := range p.Poll(ctx) {
		if s.Err != nil {
			return s.Err
		}
		ports += len(s.Ports)
	}
	if ports != o.switches*o.ports {
		return fmt.Errorf("%d ports", ports)
	}
	return nil
}

// portsOnly asks each switch for its ports, which is one message.
func (o *options) portsOnly(ctx context.Context, targets []poe.Target) error {
	return o.each(func(i int) error {
		_, err := targets[i].Switch.Ports(ctx)
		return err
	})
}

// each does something with every switch, some at a time.
func (o *options) each(fn func(i int) error) error {
	errs := make([]error, o.switches)
	places := make(chan struct{}, o.concurrency)
	var group sync.WaitGroup
	for i := range errs {
		places <- struct{}{}
		group.Go(func() {
			errs[i] = fn(i)
			<-places
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// fixed asks for the same columns, with gosnmp's ways of waiting.
func (o *options) fixed(addrs []string) (result, error) {
	columns := []string{
		pethPsePortTable + ".3", pethPsePortTable + ".6", pethPsePortTable + ".10",
		".1.3.6.1.4.1.11.2.14.11.1.9.1.1.1.8",
	}
	sessions := make([]*gosnmp.GoSNMP, len(addrs))
	for i, addr := range addrs {
		var err error
		if sessions[i], err = plain(addr); err != nil {
			return result{}, err
		}
		defer sessions[i].Close()
	}
	return measure(o.rounds, func() error {
		return o.each(func(i int) error {
			answer, err := sessions[i].GetBulk(columns, 0, uint32(o.ports))
			if err == nil && (answer.Error != gosnmp.NoError || len(answer.Variables) == 0) {
				err = errors.New("gosnmp: no rows")
			}
			return err
		})
	})
}
