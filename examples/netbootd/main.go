// Netbootd is the boot server of a rack: DHCP, TFTP and HTTP for Raspberry Pis,
// PXE and UEFI machines, each of which sees its own files only.
//
//	netbootd -config /etc/netbootd.toml    # the server
//	netbootd watch [MACHINE...]            # boots, live in the terminal
//	netbootd diagnose FILE.pcap            # why a recorded boot went wrong
//
// reference.toml beside this file describes the configuration.
package main

import (
	"os"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

const doc = `netbootd boots the machines of a rack from the network.

netbootd watch [-socket PATH] [-until STAGE] [MACHINE...] shows boots as they go.
netbootd diagnose [-timeline] FILE.pcap says why recorded boots went wrong.`

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "watch":
			os.Exit(watchMain(os.Args[2:], os.Stdout, os.Stderr))
		case "diagnose":
			os.Exit(diagnoseMain(os.Args[2:], os.Stdout, os.Stderr))
		}
	}
	daemon.Main(daemon.Program[config]{Name: "netbootd", Doc: doc, Check: (*config).check, Run: run})
}

// Exit statuses of the subcommands.
const (
	exitOK    = 0
	exitFail  = 1
	exitUsage = 2
)
