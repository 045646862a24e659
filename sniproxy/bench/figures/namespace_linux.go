package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// runInside starts the program again in a network namespace of its own, where
// ports are free and nothing else talks.
func runInside() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, append([]string{"-inside"}, os.Args[1:]...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("in a network namespace of its own (which takes root): %w", err)
	}
	return nil
}

// prepareNamespace brings loopback up. Ports for clients are above those that
// servers listen on.
func prepareNamespace() error {
	for _, args := range [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"sysctl", "-qw", "net.ipv4.ip_local_port_range=12000 65000", "net.core.somaxconn=8192", "net.ipv4.tcp_max_syn_backlog=8192"},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w: %s", args, err, out)
		}
	}
	return nil
}
