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

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

const usage = `vlanctl plans, renders and applies the private networks of Pis.

usage: vlanctl [-config FILE] COMMAND [flags] [arguments]

  plan [-n] [-list]              give new Pis their numbers, and keep the plan
  render -for TARGET [-o DIR]    write what machines and switches must be told
  check [-live [SWITCH...]]      prove that Pis are apart, by plan or on switches
  diff [SWITCH...]               say what on switches is not as planned
  apply [-yes] [SWITCH...]       say what would be changed; with -yes, change it
  map [-shelf NAME] [-o FILE]    draw ports, VLANs and addresses as SVG
`

// Exit statuses.
const (
	exitOK    = 0
	exitFail  = 1
	exitUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errUsage ends a command that was called the wrong way, after it said how.
var errUsage = errors.New("wrong usage")

// command is one of the words after vlanctl.
type command func(ctx context.Context, a *app, args []string) error

var commands = map[string]command{
	"apply":  applyCommand,
	"check":  checkCommand,
	"diff":   diffCommand,
	"map":    mapCommand,
	"plan":   planCommand,
	"render": renderCommand,
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("vlanctl", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	config := flags.String("config", "/etc/vlanctl.toml", "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return exitUsage
	}
	name := flags.Arg(0)
	cmd, ok := commands[name]
	if !ok {
		fmt.Fprintf(stderr, "vlanctl: no command is called %q; see vlanctl -help\n", name)
		return exitUsage
	}
	a := &app{config: *config, stdout: stdout, stderr: stderr, name: name}
	err := cmd(ctx, a, flags.Args()[1:])
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.Is(err, errUsage):
		return exitUsage
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(stderr, "vlanctl: %s\n", line)
	}
	return exitFail
}
