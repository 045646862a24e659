package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/netboottest"
)

// outcome is what became of one Pi.
type outcome struct {
	boot *netboottest.Boot
	err  error
}

// bootAll powers n Pis on together and prints a line of figures.
func bootAll(ctx context.Context, n int, ackDelay time.Duration) error {
	all := make([]outcome, n)
	var running sync.WaitGroup
	for i := range n {
		link, err := netboottest.ListenPacket(fmt.Sprintf("pi%d", i+1))
		if err != nil {
			return err
		}
		defer link.Close()
		pi := netboottest.Pi{Link: link, Serial: 0x64240001 + uint32(i), AckDelay: ackDelay}
		running.Go(func() { all[i].boot, all[i].err = pi.Run(ctx) })
	}
	began := time.Now()
	running.Wait()
	report(all, time.Since(began))
	return nil
}

func report(all []outcome, wall time.Duration) {
	var took []time.Duration
	var bytes int64
	var failure error
	silent := 0
	for _, o := range all {
		silent += o.boot.UnansweredARP
		for _, f := range o.boot.Files {
			bytes += f.Bytes
		}
		if o.err == nil {
			took = append(took, o.boot.Took)
		} else if failure == nil {
			failure = o.err
		}
	}
	slices.Sort(took)
	fmt.Printf("booted %d/%d  in %.1fs  %.1f MB  arp-unanswered %d", len(took), len(all), wall.Seconds(), float64(bytes)/1e6, silent)
	if len(took) > 0 {
		fmt.Printf("  median %.1fs slowest %.1fs", took[len(took)/2].Seconds(), took[len(took)-1].Seconds())
	}
	if failure != nil {
		fmt.Printf("  first failure: %v", failure)
	}
	fmt.Println()
}
