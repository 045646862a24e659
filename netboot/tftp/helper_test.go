package tftp_test

import (
	"runtime"
	"strconv"
	"time"
)

const onLinux = runtime.GOOS == "linux"

func itoa(n int) string { return strconv.Itoa(n) }

// pass lets d go by on a bubble's clock.
func pass(d time.Duration) { <-time.After(d) }
