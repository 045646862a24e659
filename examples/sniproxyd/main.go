// Sniproxyd lets IPv4 clients reach IPv6 servers: TLS by the name in the
// ClientHello, without a key, and HTTP by each request's Host.
//
//	sniproxyd -config /etc/sniproxyd.toml    # the proxy
//	sniproxyd check [SITE...]                # do servers take what the proxy sends?
//	sniproxyd explain < error.log            # what a web server's log says about PROXY
//
// SIGHUP reads the routes again, and no connection notices. SIGUSR2 starts the
// program that is installed now on the same sockets, and ends this one once its
// connections have. reference.toml beside this file describes the configuration,
// routes.toml the routes.
package main

import (
	"os"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

const doc = `sniproxyd relays IPv4 clients to IPv6 servers by the name that they ask for.

sniproxyd check [-config FILE] [SITE...] asks the servers of sites whether they
take the PROXY header that they get.
sniproxyd explain reads lines of a web server's log from its input, and says what
is wrong with PROXY headers.`

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "check":
			os.Exit(checkMain(os.Args[2:], os.Stdout, os.Stderr))
		case "explain":
			os.Exit(explainMain(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
		}
	}
	daemon.Main(daemon.Program[config]{Name: "sniproxyd", Doc: doc, Check: (*config).check, Run: run})
}

// Exit statuses of the subcommands.
const (
	exitOK    = 0
	exitFail  = 1
	exitUsage = 2
)
