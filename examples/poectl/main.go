// Poectl switches the power of machines that a PoE switch feeds, with the care
// that other people's machines ask for, and tells what they draw.
//
//	poectl status                       # every port: state, class, watts, machine
//	poectl cycle -why "hangs" pi17      # off, verified, five seconds, on, verified
//	poectl sequence -gap 5s pi1 pi2     # one after another: a shelf boots then
//	poectl serve                        # for MAAS (webhook) and bmclib (rpc)
//
// reference.toml beside this file describes the configuration.
package main

import "github.com/mythic-beasts/hostkit/examples/internal/cli"

const usage = `poectl switches machines that PoE switches feed.

usage: poectl [-config FILE] COMMAND [flags] [arguments]

A NAME is a machine, or SWITCH/PORT with the port as the switch names it.

  status [-json] [NAME...]       say what ports do, and what they draw
  on [-why TEXT] NAME...         let them have power, and see that they do
  off [-why TEXT] NAME...        take it away, and see that it is gone
  cycle [-why TEXT] NAME...      off, a while, and on again
  sequence [flags] [NAME...]     switch many on, one after another
  watch [-json]                  tell what happens, until interrupted
  recover                        finish what a crash interrupted
  unlock [-why TEXT] NAME...     forget how often they were switched off
  serve                          HTTP for MAAS and bmclib, with tokens
  check                          say whether the configuration is good
`

var program = cli.Program[*app]{
	Name:  "poectl",
	Usage: usage,
	New:   func(c *cli.Call) *app { return &app{c} },
	Commands: map[string]cli.Command[*app]{
		"check":    checkCommand,
		"cycle":    powerCommand,
		"off":      powerCommand,
		"on":       powerCommand,
		"recover":  recoverCommand,
		"sequence": sequenceCommand,
		"serve":    serveCommand,
		"status":   statusCommand,
		"unlock":   powerCommand,
		"watch":    watchCommand,
	},
}

func main() { program.Main() }
