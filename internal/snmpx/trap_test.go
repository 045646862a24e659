package snmpx_test

import (
	"context"
	"net"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// heard is what a listener has got.
type heard struct {
	addr    string
	traps   chan snmpx.Trap
	dropped chan error
}

func listen(t *testing.T, c snmpx.TrapConfig) heard {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	h := heard{conn.LocalAddr().String(), make(chan snmpx.Trap, 10), make(chan error, 10)}
	c.Dropped = func(_ netip.AddrPort, why error) { h.dropped <- why }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- snmpx.ListenTraps(ctx, conn, c, func(n snmpx.Trap) { h.traps <- n }) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return h
}

// next waits for the next trap. It fails at one that is dropped.
func (h heard) next(t *testing.T) snmpx.Trap {
	t.Helper()
	select {
	case n := <-h.traps:
		return n
	case err := <-h.dropped:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		require.Fail(t, "no trap")
	}
	return snmpx.Trap{}
}

var (
	portOnOff   = snmpx.MustOID("1.3.6.1.2.1.105.0.1")
	portOff     = snmpx.Var{OID: detection.Append(1, 7), Value: snmpx.Integer(1)}
	engineBytes = []byte{0x80, 0, 0, 0, 1, 2, 3, 4}
	poeadmin    = snmpx.V3{User: "poeadmin", Auth: snmpx.SHA256, AuthPass: "authpass12345", Priv: snmpx.AES, PrivPass: "privpass12345"}
)

func TestTrapV2c(t *testing.T) {
	h := listen(t, snmpx.TrapConfig{Communities: []snmpx.Secret{"other", "traps"}})
	n := snmptest.Notification{Community: "traps", Uptime: 42, OID: portOnOff, Vars: []snmpx.Var{portOff}}
	require.NoError(t, n.Trap(t.Context(), h.addr))
	got := h.next(t)
	require.True(t, got.From.IsValid())
	got.From = netip.AddrPort{}
	require.Equal(t, snmpx.Trap{Uptime: 42, OID: portOnOff, Vars: []snmpx.Var{portOff}}, got)

	require.NoError(t, n.Inform(t.Context(), h.addr))
	require.True(t, h.next(t).Inform)
}

// gosnmp's listener takes traps of any community.
func TestTrapWrongCommunity(t *testing.T) {
	h := listen(t, snmpx.TrapConfig{Communities: []snmpx.Secret{"traps"}})
	for _, community := range []string{"public", "", "trapsx"} {
		n := snmptest.Notification{Community: community, OID: portOnOff}
		require.NoError(t, n.Trap(t.Context(), h.addr))
		require.ErrorIs(t, <-h.dropped, snmpx.ErrAuth)
	}
	require.Empty(t, h.traps)
}

// v3args are those of net-snmp's programs for poeadmin.
func v3args(authPass, privPass string) []string {
	return []string{"-v3", "-l", "authPriv", "-u", "poeadmin", "-a", "SHA-256", "-A", authPass, "-x", "AES", "-X", privPass, "-m", ""}
}

func TestRealTraps(t *testing.T) {
	peer.Need(t, "snmptrap", "snmpinform")
	h := listen(t, snmpx.TrapConfig{
		Communities: []snmpx.Secret{"traps"}, Users: []snmpx.V3{poeadmin}, EngineID: engineBytes,
	})
	about := []string{h.addr, "", portOnOff.String(), portOff.OID.String(), "i", "1"}
	for _, c := range []struct {
		name, program string
		args          []string
		user          string
	}{
		{"v2c trap", "snmptrap", []string{"-v2c", "-c", "traps", "-m", ""}, ""},
		{"v2c inform", "snmpinform", []string{"-v2c", "-c", "traps", "-m", ""}, ""},
		{"v3 trap", "snmptrap", append([]string{"-e", "0x80000000aabbccdd01"}, v3args("authpass12345", "privpass12345")...), "poeadmin"},
		{"v3 inform", "snmpinform", v3args("authpass12345", "privpass12345"), "poeadmin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), c.program, append(c.args, about...)...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			got := h.next(t)
			require.Equal(t, portOnOff, got.OID)
			require.Equal(t, []snmpx.Var{portOff}, got.Vars)
			require.Equal(t, c.user, got.User)
			require.Equal(t, c.program == "snmpinform", got.Inform)
		})
	}
	require.Empty(t, h.dropped)
}
