package tty

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// System says where the kernel's trees are mounted. The zero value means /dev,
// /sys and /proc.
type System struct {
	Dev, Sys, Proc string
}

func (s System) dev(name ...string) string  { return under(s.Dev, "/dev", name) }
func (s System) sys(name ...string) string  { return under(s.Sys, "/sys", name) }
func (s System) proc(name ...string) string { return under(s.Proc, "/proc", name) }

func under(dir, otherwise string, name []string) string {
	if dir == "" {
		dir = otherwise
	}
	return filepath.Join(append([]string{dir}, name...)...)
}

// candidates are the paths that a Config's Device may mean.
func (s System) candidates(device string) []string {
	if filepath.IsAbs(device) {
		return []string{device}
	}
	return []string{s.dev(device), s.dev("serial", "by-id", device), s.dev("serial", "by-path", device)}
}

// find returns the path of a device that is there.
func (s System) find(device string) (string, error) {
	for _, path := range s.candidates(device) {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	if filepath.IsAbs(device) {
		return "", fmt.Errorf("tty: find %s: %w", device, fs.ErrNotExist)
	}
	return "", fmt.Errorf("tty: find %q in %s and its serial/by-id and by-path: %w", device, s.dev(), fs.ErrNotExist)
}

// HostConsoles are the kernel's names of the ttys on which this machine has
// its own console: those of console= on the kernel's command line, and those
// that the kernel uses now.
func (s System) HostConsoles() []string {
	var names []string
	if line, err := os.ReadFile(s.proc("cmdline")); err == nil {
		for word := range strings.FieldsSeq(string(line)) {
			if value, ok := strings.CutPrefix(word, "console="); ok {
				name, _, _ := strings.Cut(value, ",")
				names = append(names, s.kernelName(name))
			}
		}
	}
	if active, err := os.ReadFile(s.sys("class", "tty", "console", "active")); err == nil {
		names = append(names, strings.Fields(string(active))...)
	}
	return names
}

// kernelName follows an alias of the boot loader's, such as serial0.
func (s System) kernelName(name string) string {
	if real, err := filepath.EvalSymlinks(s.dev(name)); err == nil && name != "" {
		return filepath.Base(real)
	}
	return name
}

// isHostConsole says whether a tty is, or leads to, the machine's own console.
func (s System) isHostConsole(name string) bool {
	switch name {
	case "console", "tty", "tty0": // all lead to one of the host's
		return true
	}
	return slices.Contains(s.HostConsoles(), name)
}
