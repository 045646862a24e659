package snmp_test

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
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// listen takes notifications until the test ends.
func listen(t *testing.T, c snmp.TrapConfig) (addr string, events chan poe.Event, dropped chan error) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	events, dropped = make(chan poe.Event, 10), make(chan error, 10)
	c.Dropped = func(_ netip.AddrPort, why error) { dropped <- why }
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- snmp.ListenTraps(ctx, conn, c, func(e poe.Event) { events <- e }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return conn.LocalAddr().String(), events, dropped
}

func receive[T any](t *testing.T, from chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

const (
	onOff    = "1.3.6.1.2.1.105.0.1"
	usageOn  = "1.3.6.1.2.1.105.0.2"
	usageOff = "1.3.6.1.2.1.105.0.3"
)

// What a switch sends becomes an event, with the port's name where it is known
// which switch that is.
func TestTraps(t *testing.T) {
	sw := poetest.New(30)
	a := &poetest.Agent{Switch: sw, Vendor: poetest.VendorCisco}
	s := dial(t, config(a.Start(t)))
	addr, events, dropped := listen(t, snmp.TrapConfig{
		Communities: []snmp.Secret{"public"},
		Switch: func(from netip.Addr) *snmp.Switch {
			if from.IsLoopback() {
				return s
			}
			return nil
		},
	})
	require.NoError(t, a.NotifyPort(t.Context(), addr, "25"))
	e := receive(t, events)
	require.Equal(t, poe.EventPowerOn, e.Kind)
	require.Equal(t, "25", e.Port)
	require.Equal(t, "127.0.0.1", e.Switch)
	require.True(t, e.Notice)
	require.Equal(t, "3.29", e.Status.Index)
	require.Equal(t, 11025, e.Status.IfIndex)
	require.Equal(t, poe.DetectionDelivering, e.Status.Detection)

	sw.Unplug("25")
	require.NoError(t, a.NotifyPort(t.Context(), addr, "25"))
	require.Equal(t, poe.EventPowerOff, receive(t, events).Kind)
	require.NoError(t, a.NotifyUsage(t.Context(), addr, true))
	e = receive(t, events)
	require.Equal(t, poe.EventBudgetHigh, e.Kind)
	require.Equal(t, poe.Power{Milliwatts: 60000, Kind: poe.PowerAllocated}, e.Budget.Used)
	require.Equal(t, 1, e.Budget.Group)
	require.NoError(t, a.NotifyUsage(t.Context(), addr, false))
	require.Equal(t, poe.EventBudgetNormal, receive(t, events).Kind)

	a.NotifyCommunity = "stranger"
	require.NoError(t, a.NotifyPort(t.Context(), addr, "25"))
	require.Error(t, receive(t, dropped))
	require.Empty(t, events)
}

// Of all that may be in a notification only what RFC 3621 puts there counts.
func TestStrangeTraps(t *testing.T) {
	addr, events, _ := listen(t, snmp.TrapConfig{Communities: []snmp.Secret{"public"}})
	detection := func(v snmpx.Value) []snmpx.Var {
		return []snmpx.Var{{OID: snmpx.MustOID("1.3.6.1.2.1.1.1.0"), Value: snmpx.Text("noise")}, {OID: snmpx.MustOID(peth + "6.3.29"), Value: v}}
	}
	for _, c := range []struct {
		name string
		oid  string
		vars []snmpx.Var
		want poe.EventKind // 0: none
	}{
		{"delivering", onOff, detection(snmpx.Integer(3)), poe.EventPowerOn},
		{"searching", onOff, detection(snmpx.Integer(2)), poe.EventPowerOff},
		{"disabled", onOff, detection(snmpx.Integer(1)), poe.EventPowerOff},
		{"fault", onOff, detection(snmpx.Integer(4)), poe.EventFault},
		{"another fault", onOff, detection(snmpx.Integer(6)), poe.EventFault},
		{"a state that is none", onOff, detection(snmpx.Integer(77)), 0},
		{"a state that is no number", onOff, detection(snmpx.Text("on")), 0},
		{"no state", onOff, nil, 0},
		{"no row", onOff, []snmpx.Var{{OID: snmpx.MustOID(peth + "6"), Value: snmpx.Integer(3)}}, 0},
		{"another object", onOff, []snmpx.Var{{OID: snmpx.MustOID(peth + "3.3.29"), Value: snmpx.Integer(1)}}, 0},
		{"usage on", usageOn, []snmpx.Var{{OID: snmpx.MustOID(pethMain + "4.3"), Value: snmpx.Gauge32(300)}}, poe.EventBudgetHigh},
		{"usage off", usageOff, []snmpx.Var{{OID: snmpx.MustOID(pethMain + "4.3"), Value: snmpx.Gauge32(3)}}, poe.EventBudgetNormal},
		{"usage of nothing", usageOn, nil, 0},
		{"a notification to come", "1.3.6.1.2.1.105.0.4", detection(snmpx.Integer(3)), 0},
		{"another MIB's", "1.3.6.1.6.3.1.1.5.1", detection(snmpx.Integer(3)), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := snmptest.Notification{Community: "public", OID: snmpx.MustOID(c.oid), Vars: c.vars}
			require.NoError(t, n.Inform(t.Context(), addr))
			if c.want == 0 { // it is acknowledged after the event would have come
				require.Empty(t, events)
				return
			}
			e := receive(t, events)
			require.Equal(t, c.want, e.Kind)
			require.Empty(t, e.Port)
			require.True(t, e.Notice)
			if e.Budget.Group == 0 {
				require.Equal(t, "3.29", e.Status.Index)
				return
			}
			require.Equal(t, 3, e.Budget.Group)
		})
	}
}

// net-snmp's own programs send, by v2c and by v3.
func TestRealTraps(t *testing.T) {
	trap, inform := peer.Look(t, "snmptrap"), peer.Look(t, "snmpinform")
	user := snmp.V3{User: "poetrap", Auth: snmp.SHA256, AuthPass: "authpass12345", Priv: snmp.AES, PrivPass: "privpass12345"}
	addr, events, dropped := listen(t, snmp.TrapConfig{
		Communities: []snmp.Secret{"trapc"}, Users: []snmp.V3{user}, EngineID: []byte{0x80, 0, 0, 0, 5, 1, 2, 3, 4},
	})
	v3 := func(pass string, more ...string) []string {
		return append([]string{
			"-v3", "-l", "authPriv", "-u", "poetrap", "-a", "SHA-256", "-A", pass, "-x", "AES", "-X", "privpass12345",
		}, more...)
	}
	for _, c := range []struct {
		name string
		prog string
		args []string
		good bool
	}{
		{"v2c trap", trap, []string{"-v2c", "-c", "trapc"}, true},
		{"v2c trap of a stranger", trap, []string{"-v2c", "-c", "wrong"}, false},
		{"v2c inform", inform, []string{"-v2c", "-c", "trapc", "-r", "2", "-t", "5"}, true},
		{"v3 trap", trap, v3("authpass12345", "-e", "0x8000000001020304"), true},
		{"v3 trap with a wrong password", trap, v3("wrong-password", "-e", "0x8000000001020304"), false},
		{"v3 inform", inform, v3("authpass12345", "-r", "2", "-t", "5"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"-m", ""}, c.args...)
			args = append(args, addr, "", "."+onOff, "."+peth+"6.1.7", "i", "1")
			cmd := exec.CommandContext(t.Context(), c.prog, args...)
			cmd.Env = append(cmd.Environ(), "SNMP_PERSISTENT_DIR="+t.TempDir())
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			if !c.good {
				require.Error(t, receive(t, dropped))
				require.Empty(t, events)
				return
			}
			e := receive(t, events)
			require.Equal(t, poe.EventPowerOff, e.Kind)
			require.Equal(t, "1.7", e.Status.Index)
			for len(dropped) > 0 { // the discovery of our engine
				<-dropped
			}
		})
	}
}
