// Serialcond keeps the consoles of a rack: it logs every byte of each, lets
// customers in by SSH, and shows them to a control panel by HTTP.
//
//	serialcond -config /etc/serialcond.toml    # the server
//	serialcond ports                           # serial ports of this machine, with lasting names
//
// SIGHUP brings changed consoles and users into force. SIGUSR2 makes the process
// the program that is installed now, without a byte lost. reference.toml beside
// this file describes the configuration.
package main

import (
	"fmt"
	"os"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/serialcon/handover"
)

const doc = `serialcond logs serial consoles, and lets people watch and type.

serialcond ports lists the serial ports of this machine, with the names that
stay theirs.`

func main() {
	if len(os.Args) > 1 && os.Args[1] == "ports" {
		os.Exit(portsMain(os.Args[2:], os.Stdout, os.Stderr))
	}
	// Before anything opens a file: descriptors of the process before this one.
	files, err := handover.Inherited()
	if err != nil {
		fmt.Fprintln(os.Stderr, "serialcond:", err) // it opens its ports anew
	}
	daemon.Main(daemon.Program[config]{
		Name: "serialcond", Doc: doc, Check: (*config).check, Run: runWith(files),
	})
}
