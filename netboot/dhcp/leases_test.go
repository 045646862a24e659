package dhcp_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

// journaled is a handler whose leases are in the journal at path.
func journaled(t testing.TB, path string) *dhcp.Handler {
	t.Helper()
	l, err := dhcp.OpenLeases(path)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return &dhcp.Handler{Inventory: lan(t), Leases: l}
}

func TestJournalKeepsLeases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases")
	h := journaled(t, path)
	var had []net.IP
	for i := range 3 {
		had = append(had, lease(t, h, request{mac: poolMAC(i), iface: "br 0"}))
	}
	ask(t, h, request{mac: poolMAC(2), iface: "br 0", kind: dhcpv4.MessageTypeRelease, mods: []dhcpv4.Modifier{ciaddr(had[2].String())}})
	require.NoError(t, h.Leases.Close())
	require.NoError(t, h.Leases.Close())

	h = journaled(t, path)
	require.Len(t, h.Leases.All(), 2)
	c, ok := h.Leases.Client(netip.MustParseAddr(had[1].String()))
	require.True(t, ok)
	require.Equal(t, poolMAC(1), c.MAC)
	require.Equal(t, "br 0", c.Interface)
	for _, i := range []int{1, 0, 2} {
		got, _ := ask(t, h, request{mac: poolMAC(i), iface: "br 0", kind: discover})
		require.Equal(t, had[i], got.YourIPAddr, "client %d", i)
	}
	got, _ := ask(t, h, request{mac: poolMAC(0), iface: "br 0", kind: req, mods: []dhcpv4.Modifier{wants(had[0].String())}})
	require.Equal(t, ack, got.MessageType(), "INIT-REBOOT is known after a restart")
}

func TestJournalIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases")
	l, err := dhcp.OpenLeases(path)
	require.NoError(t, err)
	_, err = dhcp.OpenLeases(path)
	require.ErrorContains(t, err, "another server")
	require.NoError(t, l.Close())
	l, err = dhcp.OpenLeases(path)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

// A crash may cut the file anywhere: what was acknowledged before the cut is
// there, and the torn line is not taken for anything.
func TestJournalCutAnywhere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "leases")
	h := journaled(t, path)
	type point struct {
		size int64
		mac  net.HardwareAddr
		addr string
	}
	var acked []point
	for i := range 3 {
		addr := lease(t, h, request{mac: poolMAC(i), iface: "br0"})
		_, err := h.Leases.Sync()
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		acked = append(acked, point{info.Size(), poolMAC(i), addr.String()})
	}
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.EqualValues(t, len(whole), acked[2].size)
	for cut := range len(whole) + 1 {
		torn := filepath.Join(dir, "torn")
		require.NoError(t, os.WriteFile(torn, whole[:cut], 0o600))
		l, err := dhcp.OpenLeases(torn)
		require.NoError(t, err)
		there := make(map[string]string)
		for _, le := range l.All() {
			there[le.Addr.String()] = le.MAC.String()
		}
		want := make(map[string]string)
		for _, p := range acked {
			if p.size <= int64(cut) {
				want[p.addr] = p.mac.String()
			}
		}
		require.Equal(t, want, there, "cut at byte %d", cut)
		require.NoError(t, l.Close())
	}
}

func TestJournalDamagedInTheMiddle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases")
	h := journaled(t, path)
	for i := range 3 {
		lease(t, h, request{mac: poolMAC(i), iface: "br0"})
	}
	require.NoError(t, h.Leases.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(b), "\n")
	require.GreaterOrEqual(t, len(lines), 3)
	b[len(lines[0])+30] ^= 1
	require.NoError(t, os.WriteFile(path, b, 0o600))
	h = journaled(t, path)
	require.Len(t, h.Leases.All(), 2, "the lines around a damaged one are kept")
}

func TestJournalCompacts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases")
	h := journaled(t, path)
	largest := int64(0)
	for i := range 30000 {
		lease(t, h, request{mac: poolMAC(0), iface: "br0", at: time.Duration(i) * time.Second})
		if i%100 == 0 {
			_, err := h.Leases.Sync()
			require.NoError(t, err)
			info, err := os.Stat(path)
			require.NoError(t, err)
			largest = max(largest, info.Size())
		}
	}
	require.Less(t, largest, int64(2<<20))
	require.Greater(t, largest, int64(1<<20))
	require.NoError(t, h.Leases.Close())
	require.Len(t, journaled(t, path).Leases.All(), 1)
}

func TestExpiredOldestFirst(t *testing.T) {
	h := newHandler(t)
	var had []net.IP
	for i, at := range []time.Duration{2 * time.Minute, 0, time.Minute} {
		had = append(had, lease(t, h, request{mac: poolMAC(i), iface: "br0", at: at}))
	}
	got, _ := ask(t, h, request{mac: poolMAC(3), iface: "br0", kind: discover, at: 30 * time.Minute})
	require.Nil(t, got, "all are live")
	got, _ = ask(t, h, request{mac: poolMAC(3), iface: "br0", kind: discover, at: 2 * time.Hour})
	require.Equal(t, had[1], got.YourIPAddr)
	got, _ = ask(t, h, request{mac: poolMAC(4), iface: "br0", kind: discover, at: 2 * time.Hour})
	require.Equal(t, had[2], got.YourIPAddr)
	got, _ = ask(t, h, request{mac: poolMAC(0), iface: "br0", kind: discover, at: 3 * time.Hour})
	require.Equal(t, had[0], got.YourIPAddr, "a client that is back gets its own")
}

// A clock that was stepped while the server was down, either way, makes no live
// address free.
func TestClockStepAcrossRestart(t *testing.T) {
	for _, step := range []time.Duration{-50 * 365 * 24 * time.Hour, 50 * 365 * 24 * time.Hour} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "leases")
			h := journaled(t, path)
			for i := range 3 {
				lease(t, h, request{mac: poolMAC(i), iface: "br0"})
			}
			require.NoError(t, h.Leases.Close())
			h = journaled(t, path)
			got, _ := ask(t, h, request{mac: poolMAC(4), iface: "br0", kind: discover, at: step})
			require.Nil(t, got)
			got, _ = ask(t, h, request{mac: poolMAC(4), iface: "br0", kind: discover, at: step + time.Hour + time.Second})
			require.NotNil(t, got, "an hour later they have expired")
		})
	}
}

// Whatever clients do, no address is acknowledged to two at a time.
func TestNoAddressTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases")
	h := journaled(t, path)
	rnd := rand.New(rand.NewPCG(1, 2))
	type holder struct {
		mac   string
		until time.Duration
	}
	holds := make(map[string]holder)
	at := time.Duration(0)
	for step := range 5000 {
		at += time.Duration(rnd.IntN(300)) * time.Second
		r := request{mac: poolMAC(rnd.IntN(6)), iface: "br0", at: at, kind: discover}
		addr := fmt.Sprintf("10.81.0.%d", 10+rnd.IntN(3))
		switch rnd.IntN(9) {
		case 0:
			r.kind, r.mods = dhcpv4.MessageTypeRelease, []dhcpv4.Modifier{ciaddr(addr)}
			if holds[addr].mac == r.mac.String() {
				delete(holds, addr)
			}
		case 1:
			r.kind, r.mods = dhcpv4.MessageTypeDecline, []dhcpv4.Modifier{wants(addr)}
			if holds[addr].mac == r.mac.String() {
				delete(holds, addr)
			}
		case 2, 3:
			r.kind, r.mods = req, []dhcpv4.Modifier{wants(addr)}
		case 4:
			r.kind, r.mods, r.dst = req, []dhcpv4.Modifier{ciaddr(addr)}, netip.MustParseAddr("10.81.0.1")
		case 5, 6:
			r.kind, r.mods = req, []dhcpv4.Modifier{wants(addr), serverID("10.81.0.1")}
		case 7:
			r.mods = []dhcpv4.Modifier{piROM} // an OFFER to it counts as a lease
		}
		if step%500 == 499 {
			require.NoError(t, h.Leases.Close())
			h = journaled(t, path)
		}
		got, _ := ask(t, h, r)
		if got == nil || got.MessageType() != ack && (got.MessageType() == nak || len(r.mods) == 0) {
			continue
		}
		ip, mac := got.YourIPAddr.String(), r.mac.String()
		if other := holds[ip]; other.mac != mac {
			require.LessOrEqual(t, other.until, at, "step %d: %s is %s's, and went to %s", step, ip, other.mac, mac)
		}
		for a, hold := range holds { // a client has one address
			if hold.mac == mac {
				delete(holds, a)
			}
		}
		holds[ip] = holder{mac, at + time.Hour}
	}
}

// A configuration with other bounds takes over who has what.
func TestPoolBoundsChange(t *testing.T) {
	inv := &oneMachine{netboot.Machine{Name: "any", Lease: time.Hour, Pool: netboot.Pool{
		First: netip.MustParseAddr("10.81.0.10"), Last: netip.MustParseAddr("10.81.0.12"), Bits: 24}}}
	h := &dhcp.Handler{Inventory: inv}
	first := lease(t, h, request{mac: poolMAC(0), iface: "br0"})
	inv.m.Pool.First, inv.m.Pool.Last = netip.MustParseAddr("10.81.0.8"), netip.MustParseAddr("10.81.0.11")
	require.Equal(t, first, lease(t, h, request{mac: poolMAC(0), iface: "br0"}))
	seen := map[string]bool{first.String(): true}
	for i := 1; i < 4; i++ {
		ip := lease(t, h, request{mac: poolMAC(i), iface: "br0"}).String()
		require.False(t, seen[ip], ip)
		seen[ip] = true
	}
}

func TestPoolLeavesOutOwnAddresses(t *testing.T) {
	inv := &oneMachine{netboot.Machine{Name: "any", Gateway: netip.MustParseAddr("10.81.0.2"), Pool: netboot.Pool{
		First: netip.MustParseAddr("10.81.0.0"), Last: netip.MustParseAddr("10.81.0.7"), Bits: 29}}}
	h := &dhcp.Handler{Inventory: inv}
	for i := range 4 { // 0 and 7 are the network's, 1 ours, 2 the router's
		require.Equal(t, fmt.Sprintf("10.81.0.%d", 3+i), lease(t, h, request{mac: poolMAC(i), iface: "br0"}).String())
	}
	got, _ := ask(t, h, request{mac: poolMAC(9), iface: "br0", kind: discover})
	require.Nil(t, got)
}
