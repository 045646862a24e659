package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/capture"
)

// diagnoseMain reads recordings and says what is wrong in them.
func diagnoseMain(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("netbootd diagnose", flag.ContinueOnError)
	flags.SetOutput(stderr)
	timeline := flags.Bool("timeline", false, "show every step of each boot")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if flags.NArg() == 0 {
		fmt.Fprintln(stderr, "usage: netbootd diagnose [-timeline] FILE.pcap...")
		return exitUsage
	}
	code := exitOK
	for _, name := range flags.Args() {
		boots, err := readCapture(name)
		for _, b := range boots {
			printBoot(stdout, b, *timeline)
		}
		if len(boots) == 0 && err == nil {
			fmt.Fprintf(stdout, "%s: no machine asks for a boot server\n", name)
		}
		if err != nil {
			fmt.Fprintf(stderr, "netbootd diagnose: %s: %v\n", name, err)
			code = exitFail
		}
	}
	return code
}

func readCapture(name string) ([]capture.Boot, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return capture.Read(f)
}

func printBoot(w io.Writer, b capture.Boot, timeline bool) {
	fmt.Fprintf(w, "%s %s", b.MAC, b.Client.Firmware)
	if b.Client.Pi != nil {
		fmt.Fprintf(w, ", Pi %s", b.Client.Pi.Model)
	}
	if b.Client.Addr.IsValid() {
		fmt.Fprintf(w, ", %s", b.Client.Addr)
	}
	fmt.Fprintln(w)
	if timeline {
		for _, line := range b.Timeline {
			fmt.Fprintf(w, "  %8.3f  %s\n", line.At.Sub(start(b)).Seconds(), line.Text)
		}
	}
	d := b.Diagnosis
	fmt.Fprintf(w, "  %s: %s\n", cmp.Or(d.Code, "ok"), cmp.Or(d.Text, "Nothing looks wrong."))
	if d.Remedy != "" {
		fmt.Fprintf(w, "  %s\n", d.Remedy)
	}
}

func start(b capture.Boot) time.Time {
	if len(b.Timeline) == 0 {
		return time.Time{}
	}
	return b.Timeline[0].At
}
