package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
)

// sequenceCommand switches machines on one after another. Each switch has its
// own sequence, since each has its own supply.
func sequenceCommand(ctx context.Context, a *app, args []string) error {
	var why, ready string
	var options poe.SequenceOptions
	var watts int64
	names, err := a.Flags(args, "[flags] [NAME...]", 0, -1, func(fs *flag.FlagSet) {
		fs.StringVar(&why, "why", "", "reason, for the audit")
		fs.DurationVar(&options.Gap, "gap", 5*time.Second, "from one order to the next")
		fs.IntVar(&options.InFlight, "in-flight", 8, "how many may be starting at a time")
		fs.Int64Var(&watts, "watts", 0, "what each supply may give; 0 is what it says it has, less counts nothing")
		fs.StringVar(&ready, "ready", "", "`command` for the shell that ends well once $POECTL_NAME has started")
		fs.DurationVar(&options.ReadyTimeout, "ready-timeout", 2*time.Minute, "how long it may take")
	})
	if err != nil {
		return err
	}
	r, err := a.rack()
	if err != nil {
		return err
	}
	defer r.close()
	targets, err := r.targets(names)
	if err != nil {
		return err
	}
	options.Reason, options.Budget = poe.Reason{Who: who(), Why: why}, watts*1000
	var mu sync.Mutex // of standard output
	return r.each(targets, func(sw string, targets []target) error {
		own, names, ports := options, map[string]target{}, make([]string, 0, len(targets))
		for _, t := range targets {
			names[t.port], ports = t, append(ports, t.port)
		}
		if ready != "" {
			own.Ready = func(ctx context.Context, port string) error { return a.runReady(ctx, ready, names[port]) }
		}
		own.Done = func(res poe.Result) {
			mu.Lock()
			defer mu.Unlock()
			if res.Err == nil {
				fmt.Fprintf(a.Stdout, "%s: %s\n", names[res.Port], sentence(res))
			}
		}
		_, err := r.controller(sw).Sequence(ctx, ports, own)
		return err
	})
}

// runReady runs the operator's command for a machine.
func (a *app) runReady(ctx context.Context, command string, t target) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.Env = append(os.Environ(), "POECTL_NAME="+t.String(), "POECTL_SWITCH="+t.sw, "POECTL_PORT="+t.port)
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("-ready for %s: %w: %s", t, err, out)
	}
	return nil
}
