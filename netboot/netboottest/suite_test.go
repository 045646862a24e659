package netboottest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// start runs a server on one end of a cable and returns the other.
func start(t *testing.T, s *server) Link {
	client, link := Pipe()
	s.link = link
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.run()
	}()
	t.Cleanup(func() {
		link.Close()
		client.Close()
		<-done
	})
	return client
}

// TestSuite runs the suite on a server without faults.
func TestSuite(t *testing.T) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				require.NoError(t, run(t, c, start(t, &server{files: c.Files})))
			})
		})
	}
}

// TestSuiteCanFail runs each case on servers with a fault that it is there to
// find, and all cases on a server that does nothing.
func TestSuiteCanFail(t *testing.T) {
	faults := []struct {
		name, in string
		set      func(*server)
	}{
		{"boot text without spaces", "3B", func(s *server) { s.text = "Raspberry Pi Boot" }},
		{"no option 43", "3B", func(s *server) { s.noVendor = true }},
		{"reply that was relayed", "3B", func(s *server) { s.hops = 1 }},
		{"wrong byte in bootcode.bin", "3B", func(s *server) { s.corrupt = "bootcode.bin" }},
		{"no option 43", "3B+", func(s *server) { s.noVendor = true }},
		{"wrong byte in start.elf", "3B+", func(s *server) { s.corrupt = "start.elf" }},
		{"NAK", "4", func(s *server) { s.nak = true }},
		{"wrong byte in the kernel", "4", func(s *server) { s.corrupt = "kernel8.img" }},
		{"pad option", "4 of early 2020", func(s *server) { s.pad, s.noNextServer = true, true }},
		{"wrong byte in the kernel", "5", func(s *server) { s.corrupt = "kernel_2712.img" }},
		{"no wake-up frames", "receive bug", func(s *server) { s.noNudge = true }},
		{"neighbour forgotten", "ARP mute", func(s *server) { s.neighbor = 5 * time.Second }},
		{"retransmission after a second", "impatient", func(s *server) { s.rto = time.Second }},
		{"no block after 65535", "rollover", func(s *server) { s.noWrap = true }},
		{"silence", "missing files at once", func(s *server) { s.silent = true }},
		{"a path", "no paths in errors", func(s *server) { s.leak = true }},
		{"deaf to ERROR", "probe", func(s *server) { s.ignoreErrors = true }},
		{"two transfers", "repeated request", func(s *server) { s.fork = true }},
		{"addresses by client identifier", "one address", func(s *server) { s.twoAddresses = true }},
		{"port kept busy", "power cycle", func(s *server) { s.keepOld = true }},
		{"updates served", "self-update", func(s *server) { s.updates = true }},
	}
	found := make(map[string]bool)
	for _, f := range faults {
		found[f.in] = true
		t.Run(f.in+" finds "+f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := caseNamed(t, f.in)
				s := &server{files: c.Files}
				f.set(s)
				err := run(t, c, start(t, s))
				require.Error(t, err)
				t.Log(err)
			})
		})
	}
	for _, c := range Cases() {
		require.True(t, found[c.Name], "no fault is planted for case %q", c.Name)
		t.Run(c.Name+" finds silence", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				require.Error(t, run(t, c, start(t, &server{files: c.Files, dead: true})))
			})
		})
	}
}

func run(t *testing.T, c Case, link Link) error {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	return c.Run(ctx, link)
}

func caseNamed(t *testing.T, name string) Case {
	for _, c := range Cases() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no case %q", name)
	return Case{}
}
