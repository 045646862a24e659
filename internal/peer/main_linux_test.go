package peer_test

import (
	"errors"
	"os"
	"strconv"
	"syscall"
)

const terminate = syscall.SIGTERM

// alive reports whether the process still runs: a zombie that nobody has reaped
// yet does not.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	for i, c := range stat {
		if c == ')' && i+2 < len(stat) {
			return stat[i+2] != 'Z'
		}
	}
	return false
}
