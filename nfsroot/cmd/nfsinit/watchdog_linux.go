package main

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// watchdog resets the machine when this program hangs: the hardware by itself
// when it is not fed, and it is fed only as long as each step keeps to its time.
type watchdog struct {
	file  *os.File      // nil without a watchdog
	until atomic.Int64  // uptime until which it is fed, in nanoseconds
	done  chan struct{} // closed to end the feeder
	ended chan struct{}
}

// patience is what a step may take beyond what it said.
const patience = 10 * time.Second

// openWatchdog starts the hardware watchdog with the timeout, if it is not zero.
// A machine without one boots without.
func openWatchdog(con *console, timeout time.Duration) *watchdog {
	w := &watchdog{}
	if timeout == 0 {
		return w
	}
	f, err := os.OpenFile("/dev/watchdog", os.O_WRONLY, 0)
	if err != nil {
		con.log(fmt.Sprintf("no watchdog: %v", err))
		return w
	}
	if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.WDIOC_SETTIMEOUT, int(timeout.Seconds())); err != nil {
		con.log(fmt.Sprintf("watchdog does not take %v: %v", timeout, err))
	}
	if has, err := unix.IoctlGetInt(int(f.Fd()), unix.WDIOC_GETTIMEOUT); err == nil && has > 0 {
		timeout = time.Duration(has) * time.Second
	}
	con.log(fmt.Sprintf("watchdog resets this machine after %v without a sign of life", timeout))
	w.file, w.done, w.ended = f, make(chan struct{}), make(chan struct{})
	w.alive(0)
	go w.feed(timeout / 4)
	return w
}

func (w *watchdog) feed(every time.Duration) {
	defer close(w.ended)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if uptime() < time.Duration(w.until.Load()) {
			w.file.Write([]byte{0}) //nolint:errcheck // the hardware acts on its own
		}
		select {
		case <-tick.C:
		case <-w.done:
			return
		}
	}
}

// alive feeds the watchdog for as long as a step may take.
func (w *watchdog) alive(atMost time.Duration) {
	w.until.Store(int64(uptime() + atMost + patience))
}

// close stops the hardware: from here on the system has its own watchdog, or none.
func (w *watchdog) close() error {
	if w.file == nil {
		return nil
	}
	close(w.done)
	<-w.ended
	if _, err := w.file.WriteString("V"); err != nil { // the magic close, watchdog-api.rst
		return fmt.Errorf("stop the watchdog: %w", err)
	}
	return w.file.Close()
}
