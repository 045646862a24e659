package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

// reader is the reader under test: what a daemon is without its ways in.
func (o *options) reader(ctx context.Context) error {
	debug.SetGCPercent(50) // as a daemon of little garbage does
	names, err := filepath.Glob(filepath.Join(o.serve, "*"))
	if err != nil {
		return err
	}
	if o.cpu != "" {
		f, err := os.Create(o.cpu)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	logs := &conlog.Store{Dir: o.dir}
	engine := new(serialcon.Engine)
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(names))
	for i, name := range names {
		l, err := logs.Open(filepath.Base(name))
		if err != nil {
			return err
		}
		c := &serialcon.Console{Name: filepath.Base(name), Port: tty.Config{Device: name}, Log: l, Engine: engine}
		wg.Go(func() { errs[i] = errors.Join(c.Run(inner), l.Close()) })
	}
	var storing error
	wg.Go(func() { storing = logs.Run(inner) })
	<-ctx.Done()
	if o.heap != "" { // what it holds while it works
		err = writeHeap(o.heap)
	}
	cancel()
	wg.Wait()
	return errors.Join(append(errs, storing, err)...)
}

// writeHeap writes what is held, and to standard error what the process has.
func writeHeap(path string) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(os.Stderr, "heap %d KiB in use, %d KiB idle and not released, live %d KiB; stacks %d KiB; runtime %d KiB; %d collections\n",
		m.HeapInuse>>10, (m.HeapIdle-m.HeapReleased)>>10, m.HeapAlloc>>10, m.StackInuse>>10, (m.Sys-m.HeapSys-m.StackSys)>>10, m.NumGC)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}
