package main

import (
	"fmt"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

// panicSeconds is how soon a machine that cannot go on starts again.
const panicSeconds = 10

// cmdline is the kernel's command line of a machine whose root is the folder.
func (m *machineConfig) cmdline(arch nfsroot.Arch, root string) (bootparam.Cmdline, error) {
	version, err := bootparam.ParseVersion(m.NFS)
	if err != nil {
		return bootparam.Cmdline{}, err
	}
	host, _, _ := strings.Cut(m.Name, ".")
	nfs := &bootparam.NFSRoot{Server: m.Server, Path: root, Version: version, Transport: bootparam.TCP}
	if version == bootparam.V3 {
		nfs.NoLock = true // nobody else has this root
		// nfs-ganesha offers ACLs by version 3, and fails when systemd drops them.
		nfs.Options = []string{"noacl"}
	}
	line := bootparam.Cmdline{
		Consoles: m.Console,
		NFSRoot:  nfs,
		IP: &bootparam.IP{
			Client: m.Address.Addr(), Server: m.Server, Gateway: m.Gateway, Netmask: m.Address.Bits(),
			Hostname: host, Device: "eth0", Autoconf: bootparam.Off,
		},
		Panic: panicSeconds,
		Extra: append([]string{"net.ifnames=0"}, m.Extra...),
	}
	if len(line.Consoles) == 0 {
		line.Consoles = []string{defaultConsole(arch)}
	}
	if _, err := line.Text(); err != nil {
		return bootparam.Cmdline{}, fmt.Errorf("%s: %w", m.Name, err)
	}
	return line, nil
}

func defaultConsole(arch nfsroot.Arch) string {
	if arch == nfsroot.AMD64 {
		return "ttyS0,115200"
	}
	return "ttyS1,115200" // the mini UART, which is on a Pi's header
}
