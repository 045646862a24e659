package dns64_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/sniproxy/dns64"
	"github.com/stretchr/testify/require"
)

// site is a network with a host that has only IPv6, a gateway with DNS64 and tayga's
// NAT64, and a web server that has only IPv4.
type site struct{ host, gateway, server *netnstest.NS }

func newSite(t *testing.T) site {
	t.Helper()
	s := site{host: netnstest.New(t), gateway: netnstest.New(t), server: netnstest.New(t)}
	netnstest.Veth(t, s.host, "h0", s.gateway, "g6")
	netnstest.Veth(t, s.server, "s0", s.gateway, "g4")
	s.host.IP("-6", "address", "add", "2001:db8:6::2/64", "dev", "h0", "nodad")
	s.gateway.IP("-6", "address", "add", "2001:db8:6::1/64", "dev", "g6", "nodad")
	s.gateway.AddAddr("g4", netip.MustParsePrefix("198.51.100.1/24"))
	s.server.AddAddr("s0", netip.MustParsePrefix("198.51.100.80/24"))
	s.host.IP("-6", "route", "add", "default", "via", "2001:db8:6::1")
	s.server.IP("route", "add", "192.168.255.0/24", "via", "198.51.100.1")
	s.gateway.Sysctl("net.ipv4.ip_forward", "1")
	s.gateway.Sysctl("net.ipv6.conf.all.forwarding", "1")
	return s
}

// translate runs tayga on the gateway.
func (s site) translate(t *testing.T, prefix string) {
	t.Helper()
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		peer.Skip(t, "needs /dev/net/tun: %v", err)
	}
	tayga := peer.Look(t, "tayga")
	dir := t.TempDir()
	config := filepath.Join(dir, "tayga.conf")
	require.NoError(t, os.WriteFile(config, []byte(strings.Join([]string{
		"tun-device nat64", "ipv4-addr 192.168.255.1", "ipv6-addr 2001:db8:6:1::1", "prefix " + prefix,
		"dynamic-pool 192.168.255.0/24", "data-dir " + dir, "",
	}, "\n")), 0o600))
	made := peer.Start(t, s.gateway.Command(tayga, "--mktun", "-c", config), peer.Options{})
	require.NoError(t, made.Wait(t.Context()), made.Output())
	s.gateway.IP("link", "set", "nat64", "up")
	s.gateway.IP("route", "add", "192.168.255.0/24", "dev", "nat64")
	s.gateway.IP("-6", "route", "add", prefix, "dev", "nat64")
	peer.Start(t, s.gateway.Command(tayga, "-d", "-c", config), peer.Options{Ready: func(context.Context) error {
		if link := s.gateway.IP("-o", "link", "show", "nat64"); !strings.Contains(link, "LOWER_UP") {
			return fmt.Errorf("tayga has not opened its device: %s", link)
		}
		return nil
	}})
}

// web serves a page that tells the client its address.
func (s site) web(t *testing.T) {
	t.Helper()
	var l net.Listener
	require.NoError(t, s.server.Do(func() (err error) {
		l, err = net.Listen("tcp4", "198.51.100.80:80")
		return err
	}))
	web := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s for %s", r.Host, r.RemoteAddr)
	})}
	var done sync.WaitGroup
	done.Go(func() { _ = web.Serve(l) })
	t.Cleanup(func() {
		_ = web.Close()
		done.Wait()
	})
}

// resolve serves the handler on the gateway.
func (s site) resolve(t *testing.T, h *dns64.Handler) {
	t.Helper()
	var conn net.PacketConn
	require.NoError(t, s.gateway.Do(func() (err error) {
		conn, err = net.ListenPacket("udp6", "[2001:db8:6::1]:53")
		return err
	}))
	server := &dns.Server{PacketConn: conn, Handler: h}
	var done, started sync.WaitGroup
	started.Add(1)
	server.NotifyStartedFunc = started.Done
	done.Go(func() { _ = server.ActivateAndServe() })
	started.Wait()
	t.Cleanup(func() {
		_ = server.Shutdown()
		done.Wait()
	})
}

// dial connects from the host.
func (s site) dial(t *testing.T, network, address string) net.Conn {
	t.Helper()
	var conn net.Conn
	require.NoError(t, s.host.Do(func() (err error) {
		dialer := net.Dialer{Timeout: time.Minute}
		conn, err = dialer.DialContext(t.Context(), network, address)
		return err
	}))
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

func TestRealTayga(t *testing.T) {
	const prefix = "2001:db8:64::/96"
	s := newSite(t)
	s.translate(t, prefix)
	s.web(t)
	h, authority := handler(t)
	authority.Records(t, "www.four.example. 60 IN A 198.51.100.80")
	h.Clients = []netip.Prefix{netip.MustParsePrefix("2001:db8:6::/64")}
	h.Prefixes = []netip.Prefix{netip.MustParsePrefix(prefix)}
	s.resolve(t, h)

	resolver := dns.Conn{Conn: s.dial(t, "udp6", "[2001:db8:6::1]:53")}
	require.NoError(t, resolver.WriteMsg(new(dns.Msg).SetQuestion("www.four.example.", dns.TypeAAAA)))
	answer, err := resolver.ReadMsg()
	require.NoError(t, err)
	require.Len(t, answer.Answer, 1)
	addr, _ := netip.AddrFromSlice(answer.Answer[0].(*dns.AAAA).AAAA)
	require.Equal(t, netip.MustParseAddr("2001:db8:64::198.51.100.80"), addr)

	conn := s.dial(t, "tcp6", netip.AddrPortFrom(addr, 80).String())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://www.four.example/", nil)
	require.NoError(t, err)
	require.NoError(t, req.Write(conn))
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	require.NoError(t, err)
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Regexp(t, `^www\.four\.example for 192\.168\.255\.`, string(page))
}
