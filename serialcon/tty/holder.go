package tty

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// holder names a process that has a device open, or "". Of this process, own
// descriptors do not count. It sees those of others only as their user or as
// the superuser.
func (s System) holder(device string, own int) string {
	entries, err := os.ReadDir(s.proc())
	if err != nil {
		return ""
	}
	self := strconv.Itoa(os.Getpid())
	mine := false
	for _, e := range entries {
		pid := e.Name()
		if _, err := strconv.Atoi(pid); err != nil {
			continue
		}
		n := s.holds(pid, device)
		if pid == self {
			mine = n > own
			continue
		}
		if n > 0 {
			comm, _ := os.ReadFile(s.proc(pid, "comm"))
			return fmt.Sprintf("%q (process %s)", strings.TrimSpace(string(comm)), pid)
		}
	}
	if mine {
		return "this program itself"
	}
	return ""
}

// holds counts the descriptors of a process that are a device's.
func (s System) holds(pid, device string) (n int) {
	fds, err := os.ReadDir(s.proc(pid, "fd"))
	if err != nil {
		return 0
	}
	for _, fd := range fds {
		target, err := os.Readlink(s.proc(pid, "fd", fd.Name()))
		if err == nil && strings.TrimSuffix(target, " (deleted)") == device {
			n++
		}
	}
	return n
}
