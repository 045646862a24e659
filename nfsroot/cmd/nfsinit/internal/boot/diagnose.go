package boot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// explainDial says why the server's port cannot be reached.
func (m *Machine) explainDial(spec Mount, lease Lease, err error) error {
	where := fmt.Sprintf("NFS server %s", spec.Server)
	hop := spec.Server
	onLink := lease.Addr.Masked().Contains(spec.Server)
	if !onLink {
		if !lease.Gateway.IsValid() {
			return fmt.Errorf("%s is not in this machine's network %s, and there is no gateway: %w", where, lease.Addr.Masked(), plainly(err))
		}
		hop = lease.Gateway
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s is up but nothing listens on TCP port %d: is the NFS service started? %w", where, spec.Port, plainly(err))
	case m.System.Neighbour(hop) == "":
		who := "the server on, and in this network"
		if !onLink {
			who = "the gateway on"
		}
		return fmt.Errorf("%s: nobody answers ARP for %s on %s: is %s? %w", where, hop, lease.Device, who, plainly(err))
	case !onLink:
		return fmt.Errorf("%s does not answer on TCP port %d; the way to it is by gateway %s, which does: is it up, and does a firewall let this through? %w", where, spec.Port, hop, plainly(err))
	}
	return fmt.Errorf("%s answers ARP but not TCP port %d: is a firewall in between? %w", where, spec.Port, plainly(err))
}

// plainly leaves of an error of package net what the kernel said.
func plainly(err error) error {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout() {
		return errTimeout
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}

var errTimeout = errors.New("timed out")

// explanations are of mount(2) on an NFS server, see nfs(5) and
// fs/nfs/mount_clnt.c for what the server's answers become.
var explanations = []struct {
	errno syscall.Errno
	text  func(spec Mount, lease Lease) string
}{
	{syscall.EACCES, refused},
	{syscall.EPERM, refused},
	{syscall.ENOENT, func(spec Mount, lease Lease) string {
		return fmt.Sprintf("the server has no %s, or does not show it to %s", spec.Path, lease.Addr.Addr())
	}},
	{syscall.ENOTDIR, func(spec Mount, _ Lease) string {
		return fmt.Sprintf("%s is not a folder on the server", spec.Path)
	}},
	{syscall.EPROTONOSUPPORT, wrongVersion},
	{syscall.EOPNOTSUPP, wrongVersion},
	{syscall.EPFNOSUPPORT, wrongVersion},
	{syscall.ENODEV, func(spec Mount, _ Lease) string {
		return fmt.Sprintf("this kernel has no %s: is its module in the initramfs?", spec.Type)
	}},
	{syscall.EINVAL, func(spec Mount, _ Lease) string {
		return fmt.Sprintf("this kernel does not take the options %q", spec.Data)
	}},
	{syscall.ECONNREFUSED, func(spec Mount, _ Lease) string {
		return fmt.Sprintf("the server answers on port %d but not portmap (111) or MOUNT, which version 3 needs", spec.Port)
	}},
	{syscall.ETIMEDOUT, func(Mount, Lease) string { return "the server took the connection, but answers no NFS" }},
	{syscall.EIO, func(Mount, Lease) string { return "the server answers with an error, or not with NFS" }},
	{syscall.ESTALE, func(spec Mount, _ Lease) string {
		return fmt.Sprintf("%s was replaced on the server while it was exported", spec.Path)
	}},
}

// refused is also what nfs-ganesha says by version 3 of a folder that is not there.
func refused(spec Mount, lease Lease) string {
	return fmt.Sprintf("the server refuses %s to %s: is it there, and exported to this address?", spec.Path, lease.Addr.Addr())
}

func wrongVersion(spec Mount, _ Lease) string {
	return fmt.Sprintf("the server does not speak NFS %s", spec.Version)
}

// explainMount says why the kernel could not mount the root.
func explainMount(spec Mount, lease Lease, err error) error {
	errno, _ := errors.AsType[syscall.Errno](err)
	for _, e := range explanations {
		if e.errno == errno {
			return fmt.Errorf("mount %s: %s (%w)", spec.Source, e.text(spec, lease), err)
		}
	}
	return fmt.Errorf("mount %s as %s with %q: %w", spec.Source, spec.Type, spec.Data, err)
}
