package netboottest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// Case is one thing that a boot server for Raspberry Pis has to get right.
type Case struct {
	// Name is a few words, such as "3B with receive bug".
	Name string
	// Doc says what a machine of the case needs, and what happens without.
	Doc string
	// Files is what the server has to serve to the machine.
	Files fs.FS

	check func(ctx context.Context, link Link, files fs.FS) error
}

// Run runs the case on a link to a server that serves Files, and returns nil if
// all is as it should be.
func (c Case) Run(ctx context.Context, link Link) error {
	if err := c.check(ctx, link, c.Files); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	return nil
}

// TestServer runs all [Cases] on a boot server. For each it calls open, which
// starts a server, or takes a running one, that gives an address and files to
// whatever Pi asks, and returns a link to its network. open registers its own
// cleanup.
func TestServer(t *testing.T, open func(t *testing.T, files fs.FS) Link) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			if err := c.Run(ctx, open(t, c.Files)); err != nil {
				t.Errorf("%v\n%s", err, c.Doc)
			}
		})
	}
}

// Cases returns what [TestServer] tests.
func Cases() []Case {
	const small = 300 << 10
	return []Case{
		{"3B", "The mask ROM needs option 43 with the boot text and three spaces, never sends a REQUEST and reads blocks of 512 bytes.",
			BootTree(rpi.Model3B, small), boots(Pi{Model: rpi.Model3B})},
		{"3B+", "It asks for bootcode.bin with the serial number in option 97.",
			BootTree(rpi.Model3BPlus, small), boots(Pi{Model: rpi.Model3BPlus})},
		{"4", "It sends a REQUEST without vendor class, and negotiates a block size.",
			BootTree(rpi.Model4, small), boots(Pi{Model: rpi.Model4})},
		{"4 of early 2020", "A pad option ends the reply for it, and a block that came before gets no second ACK.",
			BootTree(rpi.Model4, small), boots(Pi{Model: rpi.Model4, OldParser: true, OldGUID: true, NoReACK: true, NoRollover: true, BlockSize: 1024})},
		{"5", "It reads no start.elf.",
			BootTree(rpi.Model5, small), boots(Pi{Model: rpi.Model5})},
		{"receive bug", "The mask ROM of the 3B looks at an OFFER only when another frame comes more than a second after its DISCOVER, and there has been no gap of a second.",
			BootTree(rpi.Model3B, small), boots(Pi{Model: rpi.Model3B, RxBug: true})},
		{"ARP mute", "The 3B answers no ARP while it loads; a kernel that is not told to trust the neighbour stops after eight seconds.",
			BootTree(rpi.Model3B, 5<<20), boots(Pi{Model: rpi.Model3B, ARP: ARPNever, AckDelay: time.Millisecond})},
		{"impatient", "bootcode.bin gives a file up after a second without a packet, so a lost one must be sent again much sooner.",
			BootTree(rpi.Model3BPlus, small), impatient},
		{"rollover", "512-byte blocks of a kernel beyond 32 MiB need the block number to go on at 0.",
			BootTree(rpi.Model3BPlus, 34<<20), boots(Pi{Model: rpi.Model3BPlus})},
		{"missing files at once", "Half of what a Pi asks for is not there. ERROR 1 must come at once: silence costs from one to thirty seconds for each.",
			BootTree(rpi.Model4, small), missingAtOnce},
		{"no paths in errors", "The text of an ERROR is for anybody to read, and says nothing about the server's directories.",
			BootTree(rpi.Model3BPlus, small), noPaths},
		{"probe", "A Pi ends the transfer of a file that it only wanted to know of by ERROR 0. No more of it may be sent.",
			BootTree(rpi.Model4, small), probeEnds},
		{"repeated request", "A read request that comes twice from one port is one transfer, from one port.",
			BootTree(rpi.Model4, small), repeatedRequest},
		{"one address", "Firmware and operating system send different client identifiers, and on a /30 there is one address for both.",
			BootTree(rpi.Model4, small), oneAddress},
		{"power cycle", "A machine that lost power in the middle of a transfer uses the same ports again.",
			BootTree(rpi.Model3BPlus, small), powerCycle},
		{"self-update", "A Pi flashes pieeprom.upd into itself. Whoever can write into the boot files must not own the board.",
			withUpdate(BootTree(rpi.Model4, small)), noUpdate},
	}
}

// patience is that of the Pis that are not about patience: a computer that runs
// many tests at once may well not come to one of them for a second.
const patience = 5 * time.Second

// boots returns a check that p boots on its first DISCOVER of each stage and
// that the files are the right ones.
func boots(p Pi) func(context.Context, Link, fs.FS) error {
	p.GiveUp = cmp.Or(p.GiveUp, patience)
	return func(ctx context.Context, link Link, files fs.FS) error {
		p := p
		p.Link = link
		boot, err := p.Run(ctx)
		if err != nil {
			return err
		}
		if n := len(boot.Stages); boot.Discovers != n {
			return fmt.Errorf("%d DISCOVERs in %d stages", boot.Discovers, n)
		}
		if boot.Fragments+boot.BadChecksums > 0 {
			return fmt.Errorf("%d IP fragments and %d wrong checksums", boot.Fragments, boot.BadChecksums)
		}
		return boot.Verify(files)
	}
}

func impatient(ctx context.Context, link Link, files fs.FS) error {
	p := Pi{Link: &droppingLink{Link: link}, Model: rpi.Model3BPlus}
	boot, err := p.Run(ctx)
	if err != nil {
		return err
	}
	return boot.Verify(files)
}

func missingAtOnce(ctx context.Context, link Link, _ fs.FS) error {
	boot, err := Pi{Link: link, Model: rpi.Model4}.Run(ctx)
	if err != nil {
		return err
	}
	missing := 0
	for _, f := range boot.Files {
		if f.Outcome == Missing {
			missing++
		}
		if f.Outcome == Missing && f.Took > 500*time.Millisecond {
			return fmt.Errorf("it took %s to say that %q is missing", f.Took, f.Name)
		}
	}
	if missing == 0 {
		return errors.New("no file was missing")
	}
	return nil
}

func noPaths(ctx context.Context, link Link, _ fs.FS) error {
	boot, err := Pi{Link: link, Model: rpi.Model3BPlus}.Run(ctx)
	if err != nil {
		return err
	}
	for _, f := range boot.Files {
		if strings.ContainsAny(f.Message, `/\`) {
			return fmt.Errorf("the error for %q is %q", f.Name, f.Message)
		}
	}
	return nil
}

func oneAddress(ctx context.Context, link Link, _ fs.FS) error {
	boot, err := Pi{Link: link, Model: rpi.Model4, OS: true}.Run(ctx)
	if err == nil && boot.Addr != boot.OSAddr {
		err = fmt.Errorf("firmware got %s, the operating system %s", boot.Addr, boot.OSAddr)
	}
	return err
}

// powerOff is how long a board takes at least from one transfer to the first
// of its next boot.
const powerOff = 2 * time.Second

func powerCycle(ctx context.Context, link Link, files fs.FS) error {
	p := Pi{Link: link, Model: rpi.Model3BPlus, GiveUp: patience}
	first, off := context.WithCancel(ctx)
	defer off()
	cut := p
	cut.OnStep = func(s Step) {
		if s.Kind == StepProgress && path.Base(s.File.Name) == "start.elf" {
			off()
		}
	}
	if _, err := cut.Run(first); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("the first boot did not come to its middle: %w", err)
	}
	s := newStack(ctx, link, hwAddr{})
	if err := s.pause(powerOff); err != nil {
		return err
	}
	boot, err := p.Run(ctx)
	if err != nil {
		return err
	}
	return boot.Verify(files)
}

func withUpdate(tree fs.FS) fs.FS {
	files := make(fstest.MapFS)
	maps.Copy(files, tree.(fstest.MapFS))
	for _, name := range []string{"pieeprom.upd", "pieeprom.sig", "vl805.bin", "vl805.sig"} {
		files[name] = &fstest.MapFile{Data: fill(name, 4096), Mode: 0o444}
	}
	return files
}

func noUpdate(ctx context.Context, link Link, files fs.FS) error {
	boot, err := Pi{Link: link, Model: rpi.Model4}.Run(ctx)
	if err == nil {
		err = boot.Verify(files)
	}
	if err == nil && len(boot.Updates) > 0 {
		err = fmt.Errorf("it was given %s", strings.Join(boot.Updates, ", "))
	}
	return err
}
