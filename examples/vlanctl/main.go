// Vlanctl plans a private network for each Raspberry Pi of a shelf, writes what
// every machine has to be told, and tells it to the switches.
//
//	vlanctl plan                        # numbers for new Pis; the others keep theirs
//	vlanctl render -for nftables        # one text, or with -o all files of a kind
//	vlanctl check -live                 # the plan and the switches keep Pis apart
//	vlanctl apply                       # what would be changed; -yes changes it
//	vlanctl map -o shelf.svg            # ports, VLANs and addresses as a drawing
//
// reference.toml beside this file describes the configuration.
package main

import "github.com/mythic-beasts/hostkit/examples/internal/cli"

const usage = `vlanctl plans, renders and applies the private networks of Pis.

usage: vlanctl [-config FILE] COMMAND [flags] [arguments]

  plan [-n] [-list]              give new Pis their numbers, and keep the plan
  render -for TARGET [-o DIR]    write what machines and switches must be told
  check [-live [SWITCH...]]      prove that Pis are apart, by plan or on switches
  diff [SWITCH...]               say what on switches is not as planned
  apply [-yes] [SWITCH...]       say what would be changed; with -yes, change it
  map [-shelf NAME] [-o FILE]    draw ports, VLANs and addresses as SVG
`

var program = cli.Program[*app]{
	Name:  "vlanctl",
	Usage: usage,
	New:   func(c *cli.Call) *app { return &app{c} },
	Commands: map[string]cli.Command[*app]{
		"apply":  applyCommand,
		"check":  checkCommand,
		"diff":   diffCommand,
		"map":    mapCommand,
		"plan":   planCommand,
		"render": renderCommand,
	},
}

func main() { program.Main() }
