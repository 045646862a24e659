package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what a process and its descendants took.
type usage struct {
	cpu     time.Duration // user and system
	pss     int64         // bytes; shared pages count in parts
	procs   int
	threads int
}

// clockTick is the unit of /proc/PID/stat on every architecture of Linux.
const clockTick = 10 * time.Millisecond

// adoptOrphans makes processes whose parent died children of this one, so that
// none escapes: conserver's readers outlive their master.
func adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of orphans: %w", err)
	}
	return nil
}

// The priorities of the devices, which have the time of hardware, and of the
// servers: other work on the machine would make them read larger bursts.
const (
	deviceNice = -20
	serverNice = -15
)

// first puts this session before others that the kernel groups as one each.
func first() {
	_ = os.WriteFile("/proc/self/autogroup", []byte("-15"), 0) // a kernel without groups needs none
}

func nice(pid, level int) error {
	if err := unix.Setpriority(unix.PRIO_PROCESS, pid, level); err != nil {
		return fmt.Errorf("raise a priority: %w", err)
	}
	return nil
}

// stat reads /proc/PID/stat behind the program's name.
func stat(pid int) ([]string, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, false
	}
	_, rest, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	return fields, ok && len(fields) > 17
}

// descendants are a process's children and theirs, without itself.
func descendants(pid int) (out []int) {
	children := map[int][]int{}
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		child, _ := strconv.Atoi(filepath.Base(name))
		if fields, ok := stat(child); ok {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], child)
		}
	}
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		out = append(out, children[next[0]]...)
		next = append(next, children[next[0]]...)
	}
	return out
}

// measure adds up what a process and its descendants took so far.
func measure(pid int) (u usage) {
	for _, p := range append(descendants(pid), pid) {
		fields, ok := stat(p)
		if !ok {
			continue
		}
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		threads, _ := strconv.Atoi(fields[17])
		u.cpu += time.Duration(user+system) * clockTick
		u.threads += threads
		u.procs++
		u.pss += pss(p)
	}
	return u
}

func pss(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// end ends a program and whatever it left, by SIGTERM and then by SIGKILL.
func end(cmd *exec.Cmd) {
	if cmd.ProcessState != nil {
		return
	}
	_ = cmd.Process.Signal(unix.SIGTERM)
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ends is its own affair
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		<-ended
	}
	for left := descendants(os.Getpid()); len(left) > 0; left = descendants(os.Getpid()) {
		for _, pid := range left {
			_ = unix.Kill(pid, unix.SIGKILL)
			_, err := unix.Wait4(pid, nil, 0, nil)
			for errors.Is(err, unix.EINTR) {
				_, err = unix.Wait4(pid, nil, 0, nil)
			}
		}
	}
}
