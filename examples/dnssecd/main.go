// Dnssecd signs zones, keeps their keys rolling and their DS at the parent right,
// and is the hidden primary that name servers transfer them from.
//
//	dnssecd -config /etc/dnssecd.toml      # the daemon
//	dnssecd enable example.com             # from now on signed
//	dnssecd status example.com             # what it waits for, which DS to add
//	dnssecd roll example.com ksk           # a new key, safely
//	dnssecd timeline example.com > k.svg   # its keys drawn, past and planned
//
// SIGHUP reads the configuration and all zone files again. reference.toml beside
// this file describes the configuration.
package main

import (
	"os"

	"github.com/mythic-beasts/hostkit/examples/internal/cli"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

const doc = `dnssecd signs zones and serves them to their name servers.

With a command it talks to the daemon that runs: dnssecd help says which.`

const usage = `dnssecd signs zones and serves them to their name servers.

usage: dnssecd [-config FILE] COMMAND [flags] [arguments]

Commands for the daemon that runs:

  status [-json] [ZONE...]         say where zones are, and what must be done
  enable ZONE...                   sign them from now on
  disable ZONE...                  take them back to unsigned, safely
  roll [-emergency] ZONE ROLE      replace the ksk, zsk or csk
  abort ZONE                       turn the roll under way around
  resume ZONE                      let rolls begin again after an abort
  approve ZONE                     do the step that waits (policies with manual)
  ds ZONE TAG present|absent       say what the parent has, if it cannot be asked
  resign ZONE                      make all signatures anew
  clock                            say that the clock is right, after it jumped
  timeline [-past D] [-for D] ZONE draw its keys as SVG, past and planned

Without a command it is the daemon: dnssecd -help says more.
`

var commands = map[string]cli.Command[*app]{
	"abort":    zoneCommand,
	"approve":  zoneCommand,
	"clock":    clockCommand,
	"disable":  zonesCommand,
	"ds":       dsCommand,
	"enable":   zonesCommand,
	"resign":   zoneCommand,
	"resume":   zoneCommand,
	"roll":     rollCommand,
	"status":   statusCommand,
	"timeline": timelineCommand,
}

func main() {
	if cli.IsCommand(os.Args[1:]) {
		cli.Program[*app]{Name: "dnssecd", Usage: usage, New: func(c *cli.Call) *app { return &app{c} }, Commands: commands}.Main()
		return
	}
	daemon.Main(daemon.Program[config]{Name: "dnssecd", Doc: doc, Check: (*config).check, Run: run})
}
