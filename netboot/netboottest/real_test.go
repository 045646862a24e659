package netboottest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
	"github.com/stretchr/testify/require"
)

// startDnsmasq runs dnsmasq in a namespace and returns a link into it.
func startDnsmasq(t *testing.T, files fs.FS, text string) netboottest.Link {
	t.Helper()
	dnsmasq := peer.Look(t, "dnsmasq")
	server, client := netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t, server, "s0", client, "c0")
	server.AddAddr("s0", netip.MustParsePrefix("10.78.0.1/16"))

	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	require.NoError(t, os.CopyFS(root, files))
	conf := filepath.Join(dir, "dnsmasq.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, `port=0
interface=s0
bind-interfaces
dhcp-range=10.78.5.1,10.78.5.100,255.255.0.0,1h
no-ping
enable-tftp
tftp-root=%s
pxe-service=0,%q
dhcp-leasefile=%s
`, root, text, filepath.Join(dir, "leases")), 0o600))
	peer.Start(t, server.Command(dnsmasq, "-C", conf, "-k", "--user=root", "--log-dhcp", "--log-facility=-", "--pid-file"),
		peer.Options{ReadyOutput: regexp.MustCompile("TFTP root is")})
	var link netboottest.Link
	require.NoError(t, client.Do(func() (err error) {
		link, err = netboottest.ListenPacket("c0")
		return err
	}))
	t.Cleanup(func() { link.Close() })
	return link
}

// TestRealDnsmasq runs the suite on dnsmasq 2.90, which passes and fails just
// what it is known to with real machines.
func TestRealDnsmasq(t *testing.T) {
	want := map[string]string{ // case to what is wrong, "" for nothing
		"3B": "", "3B+": "", "4": "", "5": "", "4 of early 2020": "", "rollover": "",
		"missing files at once": "", "probe": "", "power cycle": "", "one address": "",
		"receive bug":        "gave up", // it sends no wake-up frames
		"ARP mute":           "stood still",
		"impatient":          "gave up", // it waits for more than a second before it sends a block again
		"no paths in errors": "the error for",
		"self-update":        "it was given",
		"repeated request":   "2 transfers",
	}
	for _, c := range netboottest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			err := c.Run(ctx, startDnsmasq(t, c.Files, rpi.BootText))
			problem, known := want[c.Name]
			require.True(t, known, "case without an expectation")
			if problem == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, problem)
		})
	}
}

// TestRealDnsmasqWithoutSpaces is the mistake that half of the world's
// tutorials have made: a 3B does not boot, a 3B+ does.
func TestRealDnsmasqWithoutSpaces(t *testing.T) {
	const text = "Raspberry Pi Boot"
	boot := func(model rpi.Model) error {
		link := startDnsmasq(t, netboottest.BootTree(model, 1<<16), text)
		_, err := netboottest.Pi{Link: link, Model: model, TimeScale: 0.1}.Run(t.Context())
		return err
	}
	require.ErrorIs(t, boot(rpi.Model3B), netboottest.ErrGaveUp)
	require.NoError(t, boot(rpi.Model3BPlus))
}

// TestRealDnsmasqStalls shows where the transfer to an ARP-mute machine ends.
func TestRealDnsmasqStalls(t *testing.T) {
	link := startDnsmasq(t, netboottest.BootTree(rpi.Model3B, 8<<20), rpi.BootText)
	boot, err := netboottest.Pi{Link: link, Model: rpi.Model3B, AckDelay: time.Millisecond}.Run(t.Context())
	require.ErrorIs(t, err, netboottest.ErrStalled)
	require.Greater(t, boot.UnansweredARP, 0)
	var stalled netboottest.File
	for _, f := range boot.Files {
		if f.Outcome == netboottest.Stalled && stalled.Name == "" {
			stalled = f
		}
	}
	after := stalled.Start.Add(stalled.Took).Sub(boot.Stages[1].Start)
	require.InDelta(t, 9, after.Seconds(), 4, "seconds until %q stood still", stalled.Name)
	require.False(t, errors.Is(err, netboottest.ErrNoKernel))
}
