package backend_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// addAddr gives an interface an address that can be bound at once: without nodad the
// kernel ends its being tentative when it comes to it.
func addAddr(ns *netnstest.NS, ifname, prefix string) {
	ns.IP("-6", "address", "add", prefix, "dev", ifname, "nodad")
}

// joined is a proxy's namespace and a backend's, which tells each client the address
// that it sees.
func joined(t *testing.T) (proxy *netnstest.NS, server netip.AddrPort) {
	t.Helper()
	proxy, far := netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t, proxy, "p0", far, "b0")
	addAddr(proxy, "p0", "2001:db8:1::1/64")
	addAddr(far, "b0", "2001:db8:1::80/64")
	// The way back, which the operator of a NAT46 or pool prefix has to make.
	far.IP("-6", "route", "add", "64:ff9b:1::/96", "via", "2001:db8:1::1")
	far.IP("-6", "route", "add", "2001:db8:2::/64", "via", "2001:db8:1::1")
	proxy.IP("-6", "route", "add", "local", "64:ff9b:1::/96", "dev", "lo")
	proxy.IP("-6", "route", "add", "local", "2001:db8:2::/64", "dev", "lo")
	var l net.Listener
	require.NoError(t, far.Do(func() (err error) {
		l, err = net.Listen("tcp6", "[2001:db8:1::80]:443")
		return err
	}))
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().String())
			_ = c.Close()
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		done.Wait()
	})
	return proxy, l.Addr().(*net.TCPAddr).AddrPort()
}

// seen is the address that the server sees of a connection for a client.
func seen(t *testing.T, ns *netnstest.NS, server netip.AddrPort, s *backend.Source, client string) string {
	t.Helper()
	var got []byte
	require.NoError(t, ns.Do(func() error {
		conn, err := backend.Dial(t.Context(), []netip.AddrPort{server}, backend.DialOptions{
			Guard:  &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}},
			Source: s, Client: netip.MustParseAddr(client), Timeout: time.Minute,
		})
		if err != nil {
			return err
		}
		defer conn.Close()
		got, err = io.ReadAll(conn)
		return err
	}))
	return string(got)
}

func TestSourceAsTheBackendSeesIt(t *testing.T) {
	proxy, server := joined(t)
	addAddr(proxy, "p0", "2001:db8:1::2/64")
	own := &backend.Source{Addrs: addrs("2001:db8:1::2")}
	nat46 := &backend.Source{NAT46: netip.MustParsePrefix("64:ff9b:1::/96")}
	pool := &backend.Source{Pool: netip.MustParsePrefix("2001:db8:2::/64")}
	require.Equal(t, "2001:db8:1::2", seen(t, proxy, server, own, "198.51.100.7"))
	require.Equal(t, "64:ff9b:1::c633:6407", seen(t, proxy, server, nat46, "198.51.100.7"))
	require.Equal(t, "64:ff9b:1::cb00:71ff", seen(t, proxy, server, nat46, "203.0.113.255"))
	require.Contains(t, []string{"2001:db8:1::1", "2001:db8:1::2"}, seen(t, proxy, server, nat46, "2001:db8:9::9"))
	want, _ := pool.Addr(netip.MustParseAddr("198.51.100.7"))
	require.Equal(t, want.String(), seen(t, proxy, server, pool, "198.51.100.7"))
}

func TestSourceNotOurs(t *testing.T) {
	proxy, server := joined(t)
	require.ErrorIs(t, proxy.Do(func() error {
		_, err := backend.Dial(t.Context(), []netip.AddrPort{server}, backend.DialOptions{
			Source: &backend.Source{Addrs: addrs("2001:db8:77::1")}, Client: client,
		})
		return err
	}), unix.EADDRNOTAVAIL)
}

// Bind is what an engine with descriptors of its own calls.
func TestSourceBind(t *testing.T) {
	proxy, server := joined(t)
	nat46 := &backend.Source{NAT46: netip.MustParsePrefix("64:ff9b:1::/96")}
	buf := make([]byte, 64)
	var got string
	require.NoError(t, proxy.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := nat46.Bind(fd, client); err != nil {
			return err
		}
		name, err := unix.Getsockname(fd)
		if err != nil {
			return err
		}
		if port := name.(*unix.SockaddrInet6).Port; port != 0 {
			return fmt.Errorf("bind took port %d before connect", port)
		}
		if err := unix.Connect(fd, &unix.SockaddrInet6{Addr: server.Addr().As16(), Port: int(server.Port())}); err != nil {
			return err
		}
		n, err := unix.Read(fd, buf)
		got = string(buf[:max(0, n)])
		return err
	}))
	require.Equal(t, "64:ff9b:1::c633:6407", got)
	require.Error(t, nat46.Bind(-1, client))
}

// With two addresses a backend has connections from more ports than one address has.
func TestSourcePoolMultipliesPorts(t *testing.T) {
	proxy, server := joined(t)
	proxy.Sysctl("net.ipv4.ip_local_port_range", "40000 40009")
	pool := &backend.Source{Pool: netip.MustParsePrefix("2001:db8:2::/64")}
	open := func(s *backend.Source, n int) (opened int, err error) {
		err = proxy.Do(func() error {
			for i := range n {
				conn, err := backend.Dial(t.Context(), []netip.AddrPort{server}, backend.DialOptions{
					Source: s, Client: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), Timeout: time.Minute,
				})
				if err != nil {
					return err
				}
				opened++
				t.Cleanup(func() { _ = conn.Close() })
			}
			return nil
		})
		return opened, err
	}
	n, err := open(nil, 40)
	require.ErrorIs(t, err, unix.EADDRNOTAVAIL)
	require.LessOrEqual(t, n, 10)
	n, err = open(pool, 40)
	require.NoError(t, err)
	require.Equal(t, 40, n)
}
