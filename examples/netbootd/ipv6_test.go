package main

import (
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// A real client gets its address by DHCPv6 and its files by TFTP over IPv6.
func TestIPv6(t *testing.T) {
	dhclient := peer.Look(t, "dhclient")
	l := newLab(t)
	l.more = "ipv6 = true\n"
	l.cable("vlan1", "10.80.0.65/30")
	l.server.AddAddr("vlan1", netip.MustParsePrefix("fd00:80::41/64"))
	files := filepath.Join(l.dir, "files")
	write(t, filepath.Join(files, "hello.txt"), "hello six")
	l.configure(machine("six", `interface = "vlan1"`, `address = "10.80.0.66/30"`, files, `address6 = "fd00:80::42/64"`))
	l.start()

	c := tenant{netnstest.New(t)}
	l.shelf.IP("link", "set", "port1", "netns", c.Name())
	c.IP("link", "set", "port1", "up")
	require.Eventually(t, func() bool {
		return strings.Contains(c.IP("-6", "address", "show", "dev", "port1", "scope", "link", "-tentative"), "fe80:")
	}, 10*time.Second, 20*time.Millisecond)
	dir := t.TempDir()
	p := peer.Start(t, c.Command(dhclient, "-6", "-d", "-1", "-sf", "/bin/true",
		"-lf", filepath.Join(dir, "lease"), "-pf", filepath.Join(dir, "pid"), "port1"), peer.Options{})
	out, err := p.WaitOutput(t.Context(), regexp.MustCompile(`IAADDR (\S+)`))
	require.NoError(t, err)
	require.Equal(t, "fd00:80::42", out[1])

	c.AddAddr("port1", netip.MustParsePrefix("fd00:80::42/64"))
	data, err := c.tftp("fd00:80::42", "fd00:80::41", "hello.txt")
	require.NoError(t, err)
	require.Equal(t, "hello six", data)
}
