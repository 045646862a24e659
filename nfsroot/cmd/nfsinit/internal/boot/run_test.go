package boot_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/cmd/nfsinit/internal/boot"
)

const static = "rw ip=10.0.0.17:10.0.0.1:10.0.0.254:255.255.255.0:pi17:eth0:off nfsroot=/srv/pi17,vers=3 "

// run boots in a bubble in which time costs nothing, and returns what was said.
func run(t *testing.T, cmdline string, s *system) (boot.Lease, string, error) {
	t.Helper()
	var said strings.Builder
	m := boot.Machine{
		Params: params(t, cmdline), System: s,
		Log:    func(line string) { said.WriteString(line + "\n") },
		Uptime: func() time.Duration { return 3 * time.Second },
	}
	lease, err := m.Run(t.Context())
	require.Zero(t, s.open, "sockets left open")
	return lease, said.String(), err
}

// bubble is a test in a bubble.
func bubble(t *testing.T, name string, fn func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, fn) })
}

func TestRun(t *testing.T) {
	bubble(t, "static", func(t *testing.T) {
		s := &system{}
		lease, said, err := run(t, static, s)
		require.NoError(t, err)
		require.Equal(t, netip.MustParsePrefix("10.0.0.17/24"), s.addr)
		require.Equal(t, netip.MustParseAddr("10.0.0.254"), s.gateway)
		require.Equal(t, "10.0.0.1:/srv/pi17", s.mounted.Source)
		require.Equal(t, "pi17", s.hostname)
		require.Equal(t, "static", lease.Proto)
		require.Contains(t, s.files["net-eth0.conf"], "IPV4ADDR='10.0.0.17'\n")
		require.Contains(t, s.files["net-eth0.conf"], "UPTIME='3'\n")
		require.NotContains(t, s.files, "nfsinit/resolv.conf")
		require.Equal(t, "eth0 (b8:27:eb:01:02:03) has 10.0.0.17/24\n"+
			"root 10.0.0.1:/srv/pi17 mounted, NFS 3, read and write\n", said)
	})
	bubble(t, "DHCP", func(t *testing.T) {
		s := &system{serve: server(t)}
		lease, said, err := run(t, "ro ip=dhcp nfsroot=/srv/%s,vers=4.2", s)
		require.NoError(t, err)
		require.Equal(t, time.Hour, lease.Time)
		require.Equal(t, "10.0.0.1:/srv/pi17", s.mounted.Source)
		require.True(t, s.mounted.ReadOnly)
		require.Equal(t, "nameserver 10.0.0.53\n", s.files["nfsinit/resolv.conf"])
		require.Contains(t, said, "has 10.0.0.17/24 by DHCP")
		require.Contains(t, said, "NFS 4.2, read only")
	})
	bubble(t, "ip= counts more than DHCP", func(t *testing.T) {
		s := &system{serve: server(t)}
		_, _, err := run(t, "ip=:10.0.0.9:10.0.0.8::other:eth0:dhcp:10.0.0.7::10.0.0.6 nfsroot=/srv", s)
		require.NoError(t, err)
		require.Equal(t, "10.0.0.9:/srv", s.mounted.Source)
		require.Equal(t, netip.MustParseAddr("10.0.0.8"), s.gateway)
		require.Equal(t, "other", s.hostname)
		require.Equal(t, "nameserver 10.0.0.7\n", s.files["nfsinit/resolv.conf"])
	})
	bubble(t, "gateway elsewhere", func(t *testing.T) {
		s := &system{}
		_, said, err := run(t, "ip=10.0.0.17:10.0.0.1:10.9.9.9:255.255.255.0::eth0:off nfsroot=/srv", s)
		require.NoError(t, err)
		require.False(t, s.gateway.IsValid())
		require.Contains(t, said, "gateway 10.9.9.9 is not in 10.0.0.0/24")
	})
}

func TestLinks(t *testing.T) {
	other := boot.Link{Name: "eth1", Index: 3, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, Carrier: true}
	bubble(t, "comes late", func(t *testing.T) {
		late := after(25*time.Second, errUnknown)
		s := &system{links: func() []boot.Link {
			if late() != nil {
				return []boot.Link{other}
			}
			return []boot.Link{other, eth0}
		}}
		_, said, err := run(t, static, s)
		require.NoError(t, err)
		require.Equal(t, 2, strings.Count(said, "no network interface eth0 yet; there is eth1 (02:00:00:00:00:01)"))
		require.Empty(t, s.upped, "an interface that is not ours is left alone")
	})
	bubble(t, "by MAC, whatever its name", func(t *testing.T) {
		s := &system{links: func() []boot.Link { return []boot.Link{eth0, other} }}
		lease, _, err := run(t, static+"BOOTIF=01-02-00-00-00-00-01", s)
		require.NoError(t, err)
		require.Equal(t, "eth1", lease.Device)
	})
	bubble(t, "no carrier", func(t *testing.T) {
		down := eth0
		down.Carrier = false
		s := &system{links: func() []boot.Link { return []boot.Link{down} }}
		_, said, err := run(t, static, s)
		require.NoError(t, err)
		require.Contains(t, said, "eth0 (b8:27:eb:01:02:03) has no carrier: is the cable in")
		require.Contains(t, s.upped, "eth0")
	})
	bubble(t, "the one with a carrier", func(t *testing.T) {
		down := eth0
		down.Carrier = false
		s := &system{links: func() []boot.Link { return []boot.Link{down, other} }}
		lease, said, err := run(t, "ip=10.0.0.17:10.0.0.1::255.255.255.0 nfsroot=/srv", s)
		require.NoError(t, err)
		require.Equal(t, "eth1", lease.Device)
		require.NotContains(t, said, "carrier")
	})
	bubble(t, "the one that answers", func(t *testing.T) {
		s := &system{links: func() []boot.Link { return []boot.Link{eth0, other} }}
		s.serve = func(m *dhcpMessage) []*dhcpMessage {
			if s.listening != "eth1" {
				return nil
			}
			answer := server(t)(m)
			return answer
		}
		lease, _, err := run(t, "ip=dhcp nfsroot=/srv", s)
		require.NoError(t, err)
		require.Equal(t, "eth1", lease.Device)
	})
	bubble(t, "does not come up", func(t *testing.T) {
		down := eth0
		down.Carrier = false
		s := &system{links: func() []boot.Link { return []boot.Link{down} }, up: func(boot.Link) error { return syscall.EIO }}
		_, _, err := run(t, static, s)
		require.ErrorContains(t, err, "set eth0 up")
	})
}

func TestRetries(t *testing.T) {
	bubble(t, "the server is late", func(t *testing.T) {
		start := time.Now()
		late := after(5*time.Minute, errRefused)
		dials := 0
		s := &system{dial: func(addr netip.AddrPort) error {
			require.Equal(t, netip.MustParseAddrPort("10.0.0.1:2049"), addr)
			dials++
			return late()
		}}
		_, said, err := run(t, static, s)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(said, "nothing listens on TCP port 2049"), "a reason is given once")
		require.Contains(t, said, "no root yet, for the same reason")
		require.Less(t, dials, 30, "attempts become rarer")
		require.Greater(t, dials, 10, "but do not end")
		require.Less(t, time.Since(start), 5*time.Minute+31*time.Second)
	})
	bubble(t, "DHCP is asked again while the root is not there", func(t *testing.T) {
		fixed := after(3*time.Minute, errUnknown)
		s := &system{mount: func(m boot.Mount) error {
			if m.Path == "/wrong" {
				return syscall.ENOENT
			}
			return nil
		}}
		s.serve = func(m *dhcpMessage) []*dhcpMessage {
			path := "/wrong"
			if fixed() == nil {
				path = "/right"
			}
			return server(t, rootPath(path))(m)
		}
		_, said, err := run(t, "ip=dhcp", s)
		require.NoError(t, err)
		require.Equal(t, "/right", s.mounted.Path)
		require.Contains(t, said, "the server has no /wrong")
	})
	bubble(t, "a root without an init", func(t *testing.T) {
		there := after(time.Minute, syscall.ENOENT)
		s := &system{runnable: func(program string) error {
			require.Equal(t, "/lib/systemd/systemd", program)
			return there()
		}}
		_, said, err := run(t, static+"init=/lib/systemd/systemd", s)
		require.NoError(t, err)
		require.Contains(t, said, "10.0.0.1:/srv/pi17 was mounted, but holds no program /lib/systemd/systemd")
		require.Positive(t, s.unmounted)
	})
	bubble(t, "the limit", func(t *testing.T) {
		start := time.Now()
		s := &system{dial: func(netip.AddrPort) error { return errRefused }}
		_, _, err := run(t, static+"nfsinit.limit=600", s)
		require.ErrorIs(t, err, boot.ErrLimit)
		require.Equal(t, 10*time.Minute, time.Since(start))
	})
	bubble(t, "the limit without an interface", func(t *testing.T) {
		s := &system{links: func() []boot.Link { return nil }}
		_, said, err := run(t, static+"nfsinit.limit=30", s)
		require.ErrorIs(t, err, boot.ErrLimit)
		require.Contains(t, said, "there is none")
	})
	bubble(t, "ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		m := boot.Machine{Params: params(t, "ip=dhcp"), System: &system{}}
		_, err := m.Run(ctx)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// A watchdog knows before each step how long it may take.
func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := after(2*time.Minute, errRefused)
		until := time.Now()
		s := &system{
			dial:  func(netip.AddrPort) error { return late() },
			mount: func(boot.Mount) error { <-time.After(2 * time.Minute); return nil },
		}
		m := boot.Machine{Params: params(t, static), System: s, Alive: func(d time.Duration) {
			require.False(t, time.Now().After(until), "a step took longer than it said")
			require.Positive(t, d)
			until = time.Now().Add(d)
		}}
		m.Params.Limit = time.Hour
		until = until.Add(time.Second)
		_, err := m.Run(t.Context())
		require.NoError(t, err)
		require.False(t, time.Now().After(until))
	})
}
