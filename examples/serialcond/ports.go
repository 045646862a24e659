package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

// portsMain lists what a [[console]] could name.
func portsMain(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		fmt.Fprintf(stderr, "serialcond ports: unexpected argument %q\n", args[0])
		return 2
	}
	ports, err := tty.List()
	if err != nil {
		fmt.Fprintln(stderr, "serialcond ports:", err)
		return 1
	}
	w := tabwriter.NewWriter(stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tDRIVER\tTTY =\tWHAT")
	for _, p := range ports {
		what := p.Description
		if p.Console {
			what = "this machine's own console"
		}
		fmt.Fprintf(w, "%s\t%s\t%q\t%q\n", p.Name, p.Driver, p.Stable(), what)
	}
	if err := w.Flush(); err != nil {
		return 1
	}
	return 0
}
