package tty

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// holder names a process beside this one that has a device open, or "". It
// sees those of others only as the superuser.
func (s System) holder(device string) string {
	entries, err := os.ReadDir(s.proc())
	if err != nil {
		return ""
	}
	self := os.Getpid()
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == self || !s.holds(e.Name(), device) {
			continue
		}
		comm, _ := os.ReadFile(s.proc(e.Name(), "comm"))
		return fmt.Sprintf("%q (process %d)", strings.TrimSpace(string(comm)), pid)
	}
	return ""
}

func (s System) holds(pid, device string) bool {
	fds, err := os.ReadDir(s.proc(pid, "fd"))
	if err != nil {
		return false
	}
	for _, fd := range fds {
		target, err := os.Readlink(s.proc(pid, "fd", fd.Name()))
		if err == nil && strings.TrimSuffix(target, " (deleted)") == device {
			return true
		}
	}
	return false
}
