package backend_test

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/stretchr/testify/require"
)

var (
	customers = netip.MustParsePrefix("2001:db8:1000::/36")
	everybody = netip.MustParsePrefix("::/0")
	good      = netip.MustParseAddr("2001:db8:1000::80")
	good2     = netip.MustParseAddr("2001:db8:1000::81")
)

func addrs(list ...string) []netip.Addr {
	out := make([]netip.Addr, len(list))
	for i, s := range list {
		out[i] = netip.MustParseAddr(s)
	}
	return out
}

func ports(port uint16, list ...netip.Addr) []netip.AddrPort {
	out := make([]netip.AddrPort, len(list))
	for i, a := range list {
		out[i] = netip.AddrPortFrom(a, port)
	}
	return out
}

// pass lets time go by in a bubble, and what it wakes run.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestGuardReasons(t *testing.T) {
	strict := &backend.Guard{Allow: []netip.Prefix{customers}, Self: func() []netip.Addr { return addrs("2001:db8:1000::443", "192.0.2.1") }}
	open := &backend.Guard{Allow: []netip.Prefix{everybody}, Deny: []netip.Prefix{netip.MustParsePrefix("2001:db8:46::/96")}}
	listed := &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("fd12::/16")}, Ports: []uint16{8443}}
	wide := &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("f800::/5")}}
	local := &backend.Guard{Loopback: true, Self: func() []netip.Addr { return addrs("::1") }}
	tests := []struct {
		name  string
		guard *backend.Guard
		addr  string
		want  backend.Reason
	}{
		{"customer", strict, "[2001:db8:1000::80]:443", ""},
		{"customer, first", strict, "[2001:db8:1000::]:80", ""},
		{"customer, last", strict, "[2001:db8:1fff:ffff:ffff:ffff:ffff:ffff]:443", ""},
		{"below", strict, "[2001:db8:fff:ffff:ffff:ffff:ffff:ffff]:443", backend.ReasonPrefix},
		{"above", strict, "[2001:db8:2000::]:443", backend.ReasonPrefix},
		{"port 22", strict, "[2001:db8:1000::80]:22", backend.ReasonPort},
		{"port 0", strict, "[2001:db8:1000::80]:0", backend.ReasonPort},
		{"self", strict, "[2001:db8:1000::443]:443", backend.ReasonSelf},
		{"zero value", &backend.Guard{}, "[2001:db8:1000::80]:443", backend.ReasonPrefix},
		{"IPv4", open, "192.0.2.1:443", backend.ReasonIPv4},
		{"mapped", open, "[::ffff:192.0.2.1]:443", backend.ReasonMapped},
		{"mapped, mapped allowed", &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("::ffff:0:0/96")}}, "[::ffff:192.0.2.1]:443", backend.ReasonMapped},
		{"IPv4, IPv4 allowed", &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}, "192.0.2.1:443", backend.ReasonIPv4},
		{"unspecified", open, "[::]:443", backend.ReasonUnspecified},
		{"unspecified, loopback allowed", local, "[::]:443", backend.ReasonUnspecified},
		{"loopback", open, "[::1]:443", backend.ReasonLoopback},
		{"loopback allowed", local, "[::1]:443", ""},
		{"loopback allowed, other", local, "[::2]:443", backend.ReasonCompatible},
		{"loopback allowed, port", local, "[::1]:22", backend.ReasonPort},
		{"compatible", open, "[::192.0.2.1]:443", backend.ReasonCompatible},
		{"translated", open, "[::ffff:0:192.0.2.1]:443", backend.ReasonTranslated},
		{"link-local", open, "[fe80::1]:443", backend.ReasonLinkLocal},
		{"link-local, end", open, "[febf::1]:443", backend.ReasonLinkLocal},
		{"link-local with zone", open, "[fe80::1%lo]:443", backend.ReasonZone},
		{"global with zone", strict, "[2001:db8:1000::80%eth0]:443", backend.ReasonZone},
		{"site-local", open, "[fec0::1]:443", backend.ReasonSiteLocal},
		{"all nodes", open, "[ff02::1]:443", backend.ReasonMulticast},
		{"global multicast", open, "[ff0e::1]:443", backend.ReasonMulticast},
		{"NAT64", open, "[64:ff9b::c000:201]:443", backend.ReasonNAT64},
		{"NAT64 allowed", &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96")}}, "[64:ff9b::c000:201]:443", backend.ReasonNAT64},
		{"local NAT64", open, "[64:ff9b:1::c000:201]:443", backend.ReasonNAT64},
		{"local NAT64, end", open, "[64:ff9b:1:ffff:ffff::1]:443", backend.ReasonNAT64},
		{"6to4", open, "[2002:c000:201::1]:443", backend.Reason6to4},
		{"Teredo", open, "[2001:0:c000:201::1]:443", backend.ReasonTeredo},
		{"unique local under ::/0", open, "[fd12::1]:443", backend.ReasonUniqueLocal},
		{"unique local under a wider prefix", wide, "[fd12::1]:443", backend.ReasonUniqueLocal},
		{"unique local, listed", listed, "[fd12::1]:8443", ""},
		{"unique local, another listed", listed, "[fd13::1]:8443", backend.ReasonUniqueLocal},
		{"listed port only", listed, "[fd12::1]:443", backend.ReasonPort},
		{"denied", open, "[2001:db8:46::c000:201]:443", backend.ReasonDenied},
		{"open", open, "[2001:db8:47::1]:443", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr := netip.MustParseAddrPort(tt.addr)
			err := tt.guard.Check(addr)
			require.Equal(t, tt.want == "", tt.guard.Allowed(addr))
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			var refused *backend.RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, tt.want, refused.Reason)
			require.Equal(t, addr, refused.Addr)
			require.Contains(t, err.Error(), string(tt.want))
		})
	}
	err := open.Check(netip.AddrPort{})
	var refused *backend.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, backend.ReasonInvalid, refused.Reason)
}

func TestGuardDoesNotAllocate(t *testing.T) {
	own := &backend.OwnAddrs{}
	g := &backend.Guard{Allow: []netip.Prefix{customers}, Self: own.Addrs}
	addr := netip.AddrPortFrom(good, 443)
	require.NoError(t, g.Check(addr))
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = g.Check(addr) }))
}

// interfaces is a list of addresses that a test changes.
type interfaces struct {
	mu    sync.Mutex
	addrs []net.Addr
	err   error
	reads int
}

func (i *interfaces) set(err error, cidrs ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err, i.addrs = err, nil
	for _, s := range cidrs {
		ip, n, err := net.ParseCIDR(s)
		if err != nil {
			panic(err)
		}
		n.IP = ip
		i.addrs = append(i.addrs, n)
	}
}

func (i *interfaces) list() ([]net.Addr, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.reads++
	return i.addrs, i.err
}

func TestOwnAddrsAreReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ifs interfaces
		own := &backend.OwnAddrs{List: ifs.list, Extra: addrs("2001:db8::5")}
		ifs.set(errors.New("netlink is busy"))
		require.Equal(t, addrs("2001:db8::5"), own.Addrs())

		pass(10 * time.Second)
		ifs.set(nil, "192.0.2.1/24", "2001:db8::1/64")
		require.Equal(t, addrs("2001:db8::5", "192.0.2.1", "2001:db8::1"), own.Addrs())

		ifs.set(nil, "2001:db8::2/64")
		pass(9 * time.Second)
		require.Contains(t, own.Addrs(), netip.MustParseAddr("2001:db8::1"), "before its time")
		require.Equal(t, 2, ifs.reads)
		pass(time.Second)
		require.Equal(t, addrs("2001:db8::5", "2001:db8::2"), own.Addrs())

		ifs.set(errors.New("netlink is busy"))
		pass(time.Minute)
		require.Equal(t, addrs("2001:db8::5", "2001:db8::2"), own.Addrs(), "the old ones stay in use")
	})
}

func TestOwnAddrsOfThisMachine(t *testing.T) {
	own := &backend.OwnAddrs{}
	require.Contains(t, own.Addrs(), netip.MustParseAddr("127.0.0.1"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _ = own.Addrs() })
	}
	all.Wait()
}
