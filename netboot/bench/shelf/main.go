// Shelf is both sides of shelf.sh: emulated Pis that get power together, and
// servers for them.
//
//	shelf tree  -dir DIR -kernel BYTES        writes the files of a Pi 3B
//	shelf serve -n N -dir DIR -engine own     serves eth0.1 to eth0.N
//	shelf boot  -n N -ackdelay 1ms            boots Pis at pi1 to piN
//
// Slot i has the network 10.80.0.0 plus 4i, of 30 bits: the first address is the
// server's and the second is the Pi's.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("say tree, serve or boot"))
	}
	flags := flag.NewFlagSet("shelf", flag.ExitOnError)
	n := flags.Int("n", 96, "`number` of Pis")
	dir := flags.String("dir", ".", "`directory` with the Pis' files")
	kernel := flags.Int("kernel", 2<<20, "size of the kernel, and of start.elf up to its real size, in `bytes`")
	engine := flags.String("engine", "own", "`engine` that serves: own, or pin (pin/tftp with its defaults, and no cure for mute ARP)")
	ackDelay := flags.Duration("ackdelay", time.Millisecond, "`time` that a Pi takes to acknowledge a block")
	limit := flags.Duration("limit", 4*time.Minute, "`time` after which a Pi that has not booted never will")
	_ = flags.Parse(os.Args[2:]) // it exits on an error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	var err error
	switch os.Args[1] {
	case "tree":
		err = os.CopyFS(*dir, netboottest.BootTree(rpi.Model3B, *kernel))
	case "serve":
		err = serve(ctx, *engine, *n, *dir)
	case "boot":
		ctx, cancel := context.WithTimeout(ctx, *limit)
		defer cancel()
		err = bootAll(ctx, *n, *ackDelay)
	default:
		err = fmt.Errorf("%q: say tree, serve or boot", os.Args[1])
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "shelf:", err)
	os.Exit(1)
}

// slot returns the interface of slot i and the Pi's address and network there.
func slot(i int) (iface string, addr netip.Prefix) {
	n := i*4 + 2
	return fmt.Sprintf("eth0.%d", i), netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 80, byte(n >> 8), byte(n)}), 30)
}
