// Acmed keeps certificates from running out: it obtains and renews them by ACME
// with dns-01 challenges, puts them where services read them and runs a command for
// each new one.
//
//	acmed -config /etc/acmed.toml          # the daemon
//	acmed issue example.com '*.example.com' # one certificate, now
//	acmed status                            # how certificates are
//	acmed renew example.com                 # though it is not due
//	acmed hook dehydrated …                 # dns-01 for other clients
//
// SIGHUP reads the configuration again. reference.toml beside this file describes
// it.
package main

import (
	"os"

	"github.com/mythic-beasts/hostkit/examples/internal/cli"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

const doc = `acmed obtains certificates by ACME and renews them in time.

With a command it does one thing: acmed help says which.`

const usage = `acmed obtains certificates by ACME and renews them in time.

usage: acmed [-config FILE] COMMAND [flags] [arguments]

  status [-json] [CERTIFICATE...]     say how certificates are
  issue [-as CERTIFICATE] NAME...     obtain one certificate of all names now
  renew CERTIFICATE...                renew now, though it is not due
  revoke [-reason R] CERTIFICATE      revoke the stored certificate
  account [-update] [-json] [ACCOUNT...]
                                      show accounts; open them, set contacts
  rollover ACCOUNT                    give an account a new key
  hook CLIENT [arguments]             answer challenges for dehydrated,
                                      certbot, lego or run-parts

renew is for the daemon that runs. The others need none.
Without a command it is the daemon: acmed -help says more.
`

var commands = map[string]cli.Command[*app]{
	"account":  accountCommand,
	"hook":     hookCommand,
	"issue":    issueCommand,
	"renew":    renewCommand,
	"revoke":   revokeCommand,
	"rollover": rolloverCommand,
	"status":   statusCommand,
}

func main() {
	args := os.Args[1:]
	if words := linkName(os.Args[0]); words != nil {
		args = append(words, args...)
	}
	if cli.IsCommand(args) {
		os.Args = append(os.Args[:1:1], args...)
		cli.Program[*app]{Name: program, Usage: usage, New: func(c *cli.Call) *app { return &app{Call: c} }, Commands: commands}.Main()
		return
	}
	daemon.Main(daemon.Program[config]{Name: program, Doc: doc, Check: (*config).check, Run: run})
}

const program = "acmed"
