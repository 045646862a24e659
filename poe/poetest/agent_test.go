package poetest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
)

// tool runs one of net-snmp's programs, which have no code in common with the
// agent.
func tool(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	args = append([]string{"-v2c", "-On", "-Oe", "-OQ", "-m", "", "-r", "1", "-t", "2"}, args...)
	out, err := exec.CommandContext(t.Context(), peer.Look(t, program), args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

const (
	pethPort    = ".1.3.6.1.2.1.105.1.1.1."
	pethMain    = ".1.3.6.1.2.1.105.1.3.1.1."
	enterprises = ".1.3.6.1.4.1."
)

func TestRealToolsReadTheAgent(t *testing.T) {
	sw := poetest.New(30)
	sw.Edit("25", func(p *poe.PortStatus) {
		p.Alias, p.Priority, p.Counters = "pi25", poe.PriorityHigh, poe.Counters{MPSAbsent: 1, InvalidSignature: 2, Denied: 3, Overload: 4, Short: 5}
	})
	sw.Unplug("5")
	for _, c := range []struct {
		name   string
		vendor poetest.Vendor
		object string
		want   string
	}{
		{"sysObjectID", poetest.VendorCisco, ".1.3.6.1.2.1.1.2.0", enterprises + "9.1.516"},
		{"ifName", poetest.VendorCisco, ".1.3.6.1.2.1.31.1.1.1.1.11025", `"25"`},
		{"ifAlias", poetest.VendorCisco, ".1.3.6.1.2.1.31.1.1.1.18.11025", `"pi25"`},
		{"ifType", poetest.VendorCisco, ".1.3.6.1.2.1.2.2.1.3.11025", "6"},
		{"an uplink", poetest.VendorCisco, ".1.3.6.1.2.1.31.1.1.1.1.11031", `"A1"`},
		{"a row behind the gap", poetest.VendorCisco, pethPort + "3.3.29", "1"},
		{"detection", poetest.VendorCisco, pethPort + "6.3.29", "3"},
		{"nothing plugged in", poetest.VendorCisco, pethPort + "6.3.7", "2"},
		{"priority", poetest.VendorCisco, pethPort + "7.3.29", "2"},
		{"class 2 is 3", poetest.VendorCisco, pethPort + "10.3.29", "3"},
		{"MPSAbsent", poetest.VendorCisco, pethPort + "8.3.29", "1"},
		{"InvalidSignature", poetest.VendorCisco, pethPort + "11.3.29", "2"},
		{"PowerDenied", poetest.VendorCisco, pethPort + "12.3.29", "3"},
		{"OverLoad", poetest.VendorCisco, pethPort + "13.3.29", "4"},
		{"Short", poetest.VendorCisco, pethPort + "14.3.29", "5"},
		{"entity", poetest.VendorCisco, enterprises + "9.9.402.1.2.1.11.3.29", "3032"},
		{"entity's interface", poetest.VendorCisco, ".1.3.6.1.2.1.47.1.3.2.1.2.3032.0", ".1.3.6.1.2.1.2.2.1.1.11025"},
		{"entity's name", poetest.VendorCisco, ".1.3.6.1.2.1.47.1.1.1.1.7.3032", `"25"`},
		{"Cisco's watts", poetest.VendorCisco, enterprises + "9.9.402.1.2.1.9.3.29", "2100"},
		{"the supply", poetest.VendorCisco, pethMain + "2.1", "900"},
		{"what it gives", poetest.VendorCisco, pethMain + "4.1", "60"},
		{"AOS-S", poetest.VendorArubaS, enterprises + "11.2.14.11.1.9.1.1.1.8.1.25", "2100"},
		{"AOS-CX", poetest.VendorArubaCX, enterprises + "47196.4.1.1.3.8.1.1.1.7.1.25", "2100"},
		{"EdgeSwitch", poetest.VendorFastpath, enterprises + "4413.1.1.15.1.1.1.2.1.25", "2100"},
		{"Netgear", poetest.VendorNetgear, enterprises + "4526.10.15.1.1.1.2.1.25", "2100"},
		{"Dell", poetest.VendorDell, enterprises + "674.10895.5000.2.6132.1.1.15.1.1.1.2.1.25", "2100"},
		{"Force10", poetest.VendorForce10, enterprises + "6027.1.3.1.15.1.1.1.2.1.25", "2100"},
		{"CBS", poetest.VendorCiscoSB, enterprises + "9.6.1.101.108.1.1.5.1.73", "2100"},
		{"Comware", poetest.VendorComware, enterprises + "25506.2.14.1.1.5.1.25", "2100"},
		{"Foundry", poetest.VendorFoundry, enterprises + "1991.1.1.2.14.2.2.1.6.25", "2100"},
		{"Foundry's capacity", poetest.VendorFoundry, enterprises + "1991.1.1.2.14.1.1.0", "900000"},
		{"what is free of it", poetest.VendorFoundry, enterprises + "1991.1.1.2.14.1.2.0", "839100"},
		{"MikroTik, in tenths of a watt", poetest.VendorMikroTik, enterprises + "14988.1.1.15.1.1.6.25", "21"},
		{"MikroTik's state", poetest.VendorMikroTik, enterprises + "14988.1.1.15.1.1.3.5", "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &poetest.Agent{Switch: sw, Vendor: c.vendor, Uplinks: []string{"A1", "A2"}}
			out, err := tool(t, "snmpget", "-c", "public", a.Start(t), c.object)
			require.NoError(t, err, out)
			require.Equal(t, c.object+" = "+c.want, out)
		})
	}
}

func TestRealToolsWriteToTheAgent(t *testing.T) {
	const cisco, foundry = enterprises + "9.9.402.1.2.1.1.3.29", enterprises + "1991.1.1.2.14.2.2.1.2.25"
	for _, c := range []struct {
		name   string
		vendor poetest.Vendor
		faults poetest.SwitchFaults
		args   []string
		refuse string // what the tool says
		on     bool   // afterwards
	}{
		{"off", poetest.VendorCisco, poetest.SwitchFaults{}, []string{pethPort + "3.3.29", "i", "2"}, "", false},
		{"off in Cisco's way", poetest.VendorCisco, poetest.SwitchFaults{}, []string{cisco, "i", "4"}, "", false},
		{"static", poetest.VendorCisco, poetest.SwitchFaults{}, []string{cisco, "i", "2"}, "", true},
		{"off in Foundry's way", poetest.VendorFoundry, poetest.SwitchFaults{}, []string{foundry, "i", "2"}, "", false},
		{"a wrong value", poetest.VendorCisco, poetest.SwitchFaults{}, []string{pethPort + "3.3.29", "i", "3"}, "wrongValue", true},
		{"a wrong type", poetest.VendorCisco, poetest.SwitchFaults{}, []string{pethPort + "3.3.29", "u", "2"}, "wrongType", true},
		{"no such row", poetest.VendorCisco, poetest.SwitchFaults{}, []string{pethPort + "3.1.25", "i", "2"}, "noCreation", true},
		{"for reading", poetest.VendorCisco, poetest.SwitchFaults{}, []string{pethPort + "6.3.29", "i", "1"}, "notWritable", true},
		{"MikroTik", poetest.VendorMikroTik, poetest.SwitchFaults{}, []string{enterprises + "14988.1.1.15.1.1.3.25", "i", "1"}, "notWritable", true},
		{"a switch that takes no orders", poetest.VendorCisco, poetest.SwitchFaults{ReadOnly: true}, []string{pethPort + "3.3.29", "i", "2"}, "notWritable", true},
		{"one that ignores them", poetest.VendorCisco, poetest.SwitchFaults{Ignore: true}, []string{pethPort + "3.3.29", "i", "2"}, "", true},
		{"one that fails", poetest.VendorCisco, poetest.SwitchFaults{Fail: func(c poetest.Call) error {
			if c.Op == "set" {
				return errors.New("it burns")
			}
			return nil
		}}, []string{pethPort + "3.3.29", "i", "2"}, "commitFailed", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			sw := poetest.New(30)
			sw.SetFaults(c.faults)
			a := &poetest.Agent{Switch: sw, Vendor: c.vendor}
			out, err := tool(t, "snmpset", append([]string{"-c", "private", a.Start(t)}, c.args...)...)
			require.Equal(t, c.refuse != "", err != nil, out)
			require.Contains(t, out, c.refuse)
			p, err := sw.Port(t.Context(), "25")
			require.NoError(t, err)
			require.Equal(t, c.on, p.Admin)
			require.Equal(t, int64(1), a.Sets())
		})
	}
}

// RFC 3621's "true" makes a port auto that was static.
func TestCiscoForgetsItsMode(t *testing.T) {
	const mode = enterprises + "9.9.402.1.2.1.1.3.29"
	a := &poetest.Agent{Switch: poetest.New(30), Vendor: poetest.VendorCisco}
	addr := a.Start(t)
	for _, c := range []struct{ object, value, want string }{
		{mode, "2", "2"}, {pethPort + "3.3.29", "1", "2"}, {pethPort + "3.3.29", "2", "4"}, {pethPort + "3.3.29", "1", "1"},
	} {
		out, err := tool(t, "snmpset", "-c", "private", addr, c.object, "i", c.value)
		require.NoError(t, err, out)
		out, err = tool(t, "snmpget", "-c", "public", addr, mode)
		require.NoError(t, err, out)
		require.Equal(t, mode+" = "+c.want, out)
	}
}

func TestAgentCommunitiesAndFaults(t *testing.T) {
	a := &poetest.Agent{Switch: poetest.New(4), ReadCommunity: "r", WriteCommunity: "w"}
	addr := a.Start(t)
	object := pethPort + "3.1.2"
	_, err := tool(t, "snmpget", "-r", "0", "-t", "0.1", "-c", "public", addr, object)
	require.Error(t, err)
	out, err := tool(t, "snmpset", "-c", "r", addr, object, "i", "2")
	require.Error(t, err)
	require.Contains(t, out, "noAccess")
	a.SetFaults(poetest.Faults{LoseRequest: 1})
	before := a.Requests()
	_, err = tool(t, "snmpget", "-r", "0", "-t", "0.1", "-c", "r", addr, object)
	require.Error(t, err)
	require.Greater(t, a.Requests(), before)
	a.SetFaults(poetest.Faults{GenErr: true})
	out, err = tool(t, "snmpget", "-c", "r", addr, object)
	require.Error(t, err)
	require.Contains(t, out, "genError")
	a.SetFaults(poetest.Faults{MaxVarbinds: 1})
	out, err = tool(t, "snmpget", "-c", "r", addr, object, pethPort+"6.1.2")
	require.Error(t, err)
	require.Contains(t, out, "tooBig")
	a.SetFaults(poetest.Faults{IgnoreSet: true})
	out, err = tool(t, "snmpset", "-c", "w", addr, object, "i", "2")
	require.NoError(t, err, out)
	a.SetFaults(poetest.Faults{})
	out, err = tool(t, "snmpget", "-c", "r", addr, object)
	require.NoError(t, err)
	require.Equal(t, object+" = 1", out)
}

// Index numbers rows as a test wants them.
func TestAgentIndex(t *testing.T) {
	a := &poetest.Agent{Switch: poetest.New(4), Index: func(place int, s poe.PortStatus) (uint32, uint32) {
		return 7, 100*uint32(place) + uint32(s.IfIndex)
	}}
	out, err := tool(t, "snmpbulkwalk", "-c", "public", a.Start(t), pethPort+"3")
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%[1]s3.7.1 = 1\n%[1]s3.7.102 = 1\n%[1]s3.7.203 = 1\n%[1]s3.7.304 = 1", pethPort), out)
}

// A switch that cannot be read cannot be served, and one that fails later shows
// what was last known.
func TestAgentOfAFailingSwitch(t *testing.T) {
	sw := poetest.New(4)
	broken := errors.New("it burns")
	sw.SetFaults(poetest.SwitchFaults{Fail: func(poetest.Call) error { return broken }})
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	require.ErrorIs(t, (&poetest.Agent{Switch: sw}).Serve(t.Context(), conn), broken)

	sw.SetFaults(poetest.SwitchFaults{NoBudgets: true})
	a := &poetest.Agent{Switch: sw}
	addr := a.Start(t)
	out, err := tool(t, "snmpget", "-c", "public", addr, pethMain+"2.1")
	require.NoError(t, err)
	require.Contains(t, out, "No Such")
	sw.SetFaults(poetest.SwitchFaults{Fail: func(poetest.Call) error { return broken }})
	out, err = tool(t, "snmpget", "-c", "public", addr, pethPort+"3.1.2")
	require.NoError(t, err)
	require.Contains(t, out, "= 1")
	require.ErrorIs(t, a.NotifyPort(t.Context(), addr, "2"), broken)
	require.ErrorIs(t, a.NotifyUsage(t.Context(), addr, true), broken)
}

// What the agent notifies of, as a listener takes it.
func TestAgentNotifies(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	traps, done := make(chan snmpx.Trap, 10), make(chan error, 1)
	go func() {
		done <- snmpx.ListenTraps(ctx, conn, snmpx.TrapConfig{Communities: []snmpx.Secret{"events"}}, func(n snmpx.Trap) { traps <- n })
	}()
	addr := conn.LocalAddr().String()
	a := &poetest.Agent{Switch: poetest.New(30), Vendor: poetest.VendorCisco, NotifyCommunity: "events", GroupMilliwatts: true}
	_, err = tool(t, "snmpget", "-c", "public", a.Start(t), pethPort+"3.3.3") // it serves
	require.NoError(t, err)
	for _, c := range []struct {
		notify func() error
		oid    string
		want   snmpx.Var
	}{
		{func() error { return a.NotifyPort(ctx, addr, "25") }, ".1.3.6.1.2.1.105.0.1", snmpx.Var{OID: snmpx.MustOID(pethPort + "6.3.29"), Value: snmpx.Integer(3)}},
		{func() error { return a.NotifyUsage(ctx, addr, true) }, ".1.3.6.1.2.1.105.0.2", snmpx.Var{OID: snmpx.MustOID(pethMain + "4.1"), Value: snmpx.Gauge32(63000)}},
		{func() error { return a.NotifyUsage(ctx, addr, false) }, ".1.3.6.1.2.1.105.0.3", snmpx.Var{OID: snmpx.MustOID(pethMain + "4.1"), Value: snmpx.Gauge32(63000)}},
	} {
		require.NoError(t, c.notify())
		got := <-traps
		require.Equal(t, snmpx.MustOID(c.oid), got.OID)
		require.Equal(t, []snmpx.Var{c.want}, got.Vars)
	}
	require.ErrorIs(t, a.NotifyPort(ctx, addr, "31"), poe.ErrUnknownPort)
	cancel()
	require.NoError(t, <-done)
}

// Serve ends with its context, and that is no error.
func TestAgentServeEnds(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&poetest.Agent{Switch: poetest.New(1)}).Serve(ctx, conn) }()
	cancel()
	err = <-done
	if err != nil { // it had not begun
		require.ErrorIs(t, err, context.Canceled)
	}
}
