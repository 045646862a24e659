package poe_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
)

// A switch in memory, in the place of a driver's.
func exampleSwitch() *poetest.Switch {
	sw := poetest.New(24)
	sw.PowerUp, sw.PowerDown = time.Millisecond, time.Millisecond
	return sw
}

var quick = poe.Policy{MinOff: 10 * time.Millisecond, OnDeadline: 20 * time.Millisecond, Poll: time.Millisecond}

func ExampleController_Cycle() {
	c := &poe.Controller{Name: "sw1", Switch: exampleSwitch(), Policy: quick}
	c.Policy.Protected = []string{"24"} // the up-link

	res, err := c.Cycle(context.Background(), "17", poe.Reason{Who: "panel", Why: "the customer's button"})
	fmt.Println(res.Port, res.After.Detection, res.After.Power, err)

	_, err = c.Cycle(context.Background(), "24", poe.Reason{Who: "panel"})
	fmt.Println(err)
	// Output:
	// 17 delivering 2.1 W <nil>
	// poe: cycle port "24" of switch "sw1": port is protected, as "24"
}

// Why a port gives no power follows from what the switch counted.
func ExampleNoPowerError() {
	sw := exampleSwitch()
	sw.Plug("3", poetest.Device{Short: true})
	c := &poe.Controller{Switch: sw, Policy: quick}

	_, err := c.On(context.Background(), "3", poe.Reason{Who: "ops", Why: "new Pi"})
	if noPower, ok := errors.AsType[*poe.NoPowerError](err); ok && noPower.Short > 0 {
		fmt.Println("look at the cable of port", noPower.Port)
	}
	// Output: look at the cable of port 3
}

// A shelf starts one Pi after another, each when the one before has its kernel.
func ExampleController_Sequence() {
	sw := exampleSwitch()
	ports := []string{"1", "2", "3"}
	for _, port := range ports {
		sw.Edit(port, func(st *poe.PortStatus) { st.Admin = false })
	}
	c := &poe.Controller{Switch: sw, Policy: quick}

	results, err := c.Sequence(context.Background(), ports, poe.SequenceOptions{
		Reason:   poe.Reason{Who: "ops", Why: "power cut in rack 4"},
		Gap:      5 * time.Millisecond,
		InFlight: 1,
		Ready: func(_ context.Context, port string) error {
			fmt.Println(port, "fetched its kernel") // as netboot tells
			return nil
		},
	})
	fmt.Println(len(results), err)
	// Output:
	// 1 fetched its kernel
	// 2 fetched its kernel
	// 3 fetched its kernel
	// 3 <nil>
}

func ExamplePoller() {
	sw := exampleSwitch()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := &poe.Poller{
		Targets:    []poe.Target{{Name: "sw1", Switch: sw}},
		Interval:   5 * time.Millisecond,
		OnSnapshot: func(poe.Snapshot) { sw.Unplug("7") },
		OnEvent: func(e poe.Event) {
			fmt.Println(e.Switch, e.Port, e.Kind)
			cancel()
		},
	}
	fmt.Println(p.Run(ctx))
	// Output:
	// sw1 7 power-off
	// context canceled
}
