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

// command is one of the words after poectl.
type command func(ctx context.Context, a *app, args []string) error

var commands = map[string]command{
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
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("poectl", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	config := flags.String("config", "/etc/poectl.toml", "")
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
		fmt.Fprintf(stderr, "poectl: no command is called %q; see poectl -help\n", name)
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
		fmt.Fprintf(stderr, "poectl: %s\n", line)
	}
	return exitFail
}
