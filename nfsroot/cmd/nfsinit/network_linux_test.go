package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/cmd/nfsinit/internal/boot"
)

const rackMAC = "02:00:00:00:00:17"

// rack is a machine's namespace with an interface eth0 and nothing set up, and a
// server's with 10.0.0.1.
func rack(t *testing.T) (client, server *netnstest.NS, eth0 boot.Link) {
	t.Helper()
	client, server = netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t, server, "srv0", client, "eth0")
	client.IP("link", "set", "eth0", "down")
	client.IP("link", "set", "eth0", "address", rackMAC)
	server.AddAddr("srv0", netip.MustParsePrefix("10.0.0.1/24"))
	mac, err := net.ParseMAC(rackMAC)
	require.NoError(t, err)
	return client, server, boot.Link{Name: "eth0", MAC: mac, Carrier: true}
}

func TestRealNetwork(t *testing.T) {
	client, server, eth0 := rack(t)
	var listener net.Listener
	do(t, server, func() (err error) {
		listener, err = net.Listen("tcp4", "10.0.0.1:2049")
		return err
	})
	defer listener.Close()
	var n *network
	do(t, client, func() (err error) {
		n, err = newNetwork()
		return err
	})
	defer unix.Close(n.fd)
	do(t, client, func() error { return errors.Join(n.Up(eth0), n.Up(eth0)) })
	addr, gateway := netip.MustParsePrefix("10.0.0.17/24"), netip.MustParseAddr("10.0.0.1")
	for range 2 { // the second time by another lease
		do(t, client, func() error { return n.SetAddress(eth0, addr, gateway) })
	}
	require.Contains(t, client.IP("address", "show", "dev", "eth0"), "inet 10.0.0.17/24")
	require.Contains(t, client.IP("route"), "default via 10.0.0.1 dev eth0")

	dial := func(to string, within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		return client.Do(func() error { return n.Dial(ctx, netip.MustParseAddrPort(to)) })
	}
	require.NoError(t, dial("10.0.0.1:2049", time.Minute))
	require.ErrorIs(t, dial("10.0.0.1:2050", time.Minute), unix.ECONNREFUSED)
	require.Error(t, dial("10.0.0.99:2049", 100*time.Millisecond))
	var answered, silent string
	do(t, client, func() error {
		answered, silent = n.Neighbour(gateway), n.Neighbour(netip.MustParseAddr("10.0.0.99"))
		return nil
	})
	require.NotEmpty(t, answered)
	require.Empty(t, silent)

	require.ErrorIs(t, client.Do(func() error { return n.Up(boot.Link{Name: "none0"}) }), unix.ENODEV)
	require.Error(t, client.Do(func() error { return n.Up(boot.Link{Name: strings.Repeat("x", 20)}) }))

	do(t, client, func() error { return n.SetAddress(eth0, netip.MustParsePrefix("10.0.0.18/25"), netip.Addr{}) })
	require.Contains(t, client.IP("address", "show", "dev", "eth0"), "inet 10.0.0.18/25")
	require.NotContains(t, client.IP("address", "show", "dev", "eth0"), "10.0.0.17")
}

func do(t *testing.T, ns *netnstest.NS, fn func() error) {
	t.Helper()
	require.NoError(t, ns.Do(fn))
}

// asking is the kernel's network, but with nothing to mount.
type asking struct {
	*network
	link  boot.Link
	mount boot.Mount
}

func (a *asking) Links() ([]boot.Link, error)                { return []boot.Link{a.link}, nil }
func (a *asking) Dial(context.Context, netip.AddrPort) error { return nil }
func (a *asking) Runnable(string) error                      { return nil }
func (a *asking) WriteFile(string, []byte) error             { return nil }
func (a *asking) SetHostname(string) error                   { return nil }

func (a *asking) Mount(m boot.Mount) error {
	a.mount = m
	return nil
}

// dnsmasq answers a machine that has no address.
func TestRealDHCP(t *testing.T) {
	client, server, eth0 := rack(t)
	peer.Start(t, server.Command(peer.Look(t, "dnsmasq"), "--keep-in-foreground", "--port=0", "--log-facility=-",
		"--conf-file=/dev/null", "--interface=srv0", "--bind-interfaces", "--leasefile-ro", "--no-ping",
		"--dhcp-range=10.0.0.100,10.0.0.199,255.255.255.0,2h", "--dhcp-host="+rackMAC+",10.0.0.17,pi17",
		"--dhcp-option=option:root-path,/srv/%s,vers=4.1"), peer.Options{ReadyOutput: regexp.MustCompile("DHCP, IP range")})
	params, err := boot.ParseParams("ip=dhcp nfsinit.limit=60")
	require.NoError(t, err)
	var lease boot.Lease
	var mount boot.Mount
	do(t, client, func() error {
		n, err := newNetwork()
		if err != nil {
			return err
		}
		defer unix.Close(n.fd)
		if err := n.Up(eth0); err != nil {
			return err
		}
		a := &asking{network: n, link: eth0}
		m := boot.Machine{Params: params, System: a, Log: func(line string) { t.Log(line) }}
		lease, err = m.Run(t.Context())
		mount = a.mount
		return err
	})
	require.Equal(t, netip.MustParsePrefix("10.0.0.17/24"), lease.Addr)
	require.Equal(t, "pi17", lease.Hostname)
	require.Equal(t, 2*time.Hour, lease.Time)
	require.Equal(t, "10.0.0.1:/srv/pi17", mount.Source)
	require.Equal(t, "vers=4.1,clientaddr=10.0.0.17,addr=10.0.0.1", mount.Data)
}
