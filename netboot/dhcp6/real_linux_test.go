package dhcp6_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp6"
)

// TestRealDhclient has ISC dhclient get its address on an interface that is
// made after the server was started.
func TestRealDhclient(t *testing.T) {
	dhclient := peer.Look(t, "dhclient")
	peer.NeedRoot(t)
	here, there := netnstest.New(t), netnstest.New(t)

	inv, err := netboot.NewStatic(netboot.Reservation{Interface: "pi1", Machine: netboot.Machine{
		Name: "pi1", Addr: netip.MustParsePrefix("10.0.0.2/30"), Addr6: address,
	}})
	require.NoError(t, err)
	var transport *dhcp6.Linux
	require.NoError(t, here.Do(func() (err error) {
		transport, err = dhcp6.ListenLinux(dhcp6.LinuxConfig{Match: func(name string) bool { return name == "pi1" }})
		return err
	}))
	leased := make(chan netboot.Event, 8)
	h := &dhcp6.Handler{Inventory: inv, Observer: netboot.ObserverFunc(func(e netboot.Event) {
		if e.Kind == netboot.OSLease {
			leased <- e
		}
	})}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- dhcp6.Serve(ctx, transport, h) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-served)
		require.NoError(t, transport.Close())
	})

	netnstest.Veth(t, here, "pi1", there, "eth0")
	here.AddAddr("pi1", server)
	// dhclient ends when the kernel has not given the link its address yet.
	require.Eventually(t, func() bool {
		out, err := there.Command("ip", "-6", "-oneline", "address", "show", "dev", "eth0", "scope", "link", "-tentative").Output()
		return err == nil && len(out) > 0
	}, 20*time.Second, 20*time.Millisecond)
	dir := t.TempDir()
	lease := filepath.Join(dir, "lease")
	p := peer.Start(t, there.Command(dhclient, "-6", "-d", "-1", "-sf", "/bin/true", "-lf", lease, "-pf", filepath.Join(dir, "pid"), "eth0"), peer.Options{})
	select {
	case e := <-leased:
		require.Equal(t, address.Addr(), e.Addr)
	case <-time.After(60 * time.Second):
		t.Fatalf("no lease in a minute:\n%s", p.Output())
	}
	_, err = p.WaitOutput(t.Context(), regexp.MustCompile(`Bound to lease`))
	require.NoError(t, err)
	p.Stop()
	text, err := os.ReadFile(lease)
	require.NoError(t, err)
	require.Contains(t, string(text), "iaaddr fd00:80::2")
}
