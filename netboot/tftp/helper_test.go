package tftp_test

import (
	"runtime"
	"strconv"
)

const onLinux = runtime.GOOS == "linux"

func itoa(n int) string { return strconv.Itoa(n) }
