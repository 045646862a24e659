package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// console writes lines to whoever watches, and into the kernel's log for whoever
// reads dmesg later.
type console struct{ kmsg *os.File }

// openKmsg must come after /dev is there.
func (c *console) openKmsg() {
	if f, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0); err == nil {
		c.kmsg = f
	}
}

// debugLevel keeps the line out of the kernel's own console, as it is there
// already.
const debugLevel = "<7>"

func (c *console) log(line string) {
	line = strings.ReplaceAll(line, "\n", "; ")
	fmt.Fprintf(os.Stderr, "nfsinit: [%6.1f] %s\n", uptime().Seconds(), line)
	if c.kmsg != nil {
		fmt.Fprintf(c.kmsg, "%snfsinit: %s\n", debugLevel, line)
	}
}

// uptime is how long ago the kernel started.
func uptime() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano())
}
