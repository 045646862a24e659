package snmp_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// behind returns a switch in memory and the address of an agent before it.
func behind(t *testing.T, vendor poetest.Vendor, ports int) (*poetest.Switch, *poetest.Agent, string) {
	t.Helper()
	sw := poetest.New(ports)
	sw.PowerUp, sw.PowerDown = time.Millisecond, time.Millisecond
	a := &poetest.Agent{Switch: sw, Vendor: vendor, Uplinks: []string{"uplink1"}}
	return sw, a, a.Start(t)
}

// admin is what the switch in memory says, not what the driver believes.
func admin(t *testing.T, sw *poetest.Switch, port string) bool {
	t.Helper()
	p, err := sw.Port(t.Context(), port)
	require.NoError(t, err)
	return p.Admin
}

func TestSetAdmin(t *testing.T) {
	for _, vendor := range []poetest.Vendor{poetest.VendorCisco, poetest.VendorArubaS, poetest.VendorNetgear, poetest.VendorFoundry} {
		t.Run(string(vendor), func(t *testing.T) {
			sw, a, addr := behind(t, vendor, 48)
			s := dial(t, config(addr))
			require.NoError(t, s.SetAdmin(t.Context(), "25", false))
			require.False(t, admin(t, sw, "25"))
			require.NoError(t, s.SetAdmin(t.Context(), "25", false))
			require.Equal(t, int64(1), a.Sets(), "a port that is off already was written to")
			require.NoError(t, s.SetAdmin(t.Context(), "25", true))
			require.True(t, admin(t, sw, "25"))
			for _, c := range sw.Orders() {
				require.Equal(t, "25", c.Port)
			}
			require.ErrorIs(t, s.SetAdmin(t.Context(), "49", false), poe.ErrUnknownPort)
		})
	}
}

// What stands between an order and its being carried out is told apart.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		config func(*snmp.Config)
		memory poetest.SwitchFaults
		faults poetest.Faults
		is     error
		status string // of a PDUError
	}{
		{name: "configured for reading", config: func(c *snmp.Config) { c.ReadOnly = true }, is: poe.ErrReadOnly},
		{name: "no community for writing", config: func(c *snmp.Config) { c.Credentials.V2c.Write = "" }, is: poe.ErrReadOnly},
		{name: "the wrong community", config: func(c *snmp.Config) {
			*c = hasty(*c)
			c.Credentials.V2c.Write = "wrong"
		}, is: snmp.ErrTimeout},
		{name: "a community for reading", config: func(c *snmp.Config) { c.Credentials.V2c.Write = "public" }, status: "noAccess"},
		{name: "the switch has it read-only", memory: poetest.SwitchFaults{ReadOnly: true}, status: "notWritable"},
		{name: "it takes and ignores", memory: poetest.SwitchFaults{Ignore: true}, is: poe.ErrNotApplied},
		{name: "it lies", memory: poetest.SwitchFaults{Lie: true}, is: poe.ErrNotApplied},
		{name: "its agent ignores", faults: poetest.Faults{IgnoreSet: true}, is: poe.ErrNotApplied},
		{name: "it is out of order", faults: poetest.Faults{GenErr: true}, status: "genErr"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sw, a, addr := behind(t, poetest.VendorNetgear, 4)
			cfg := config(addr)
			if c.config != nil {
				c.config(&cfg)
			}
			s := dial(t, cfg)
			sw.SetFaults(c.memory)
			a.SetFaults(c.faults)
			err := s.SetAdmin(t.Context(), "2", false)
			require.Error(t, err)
			require.True(t, admin(t, sw, "2"))
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			var refused *snmp.PDUError
			require.Equal(t, c.status != "", errorAs(err, &refused))
			if c.status != "" {
				require.Equal(t, c.status, refused.Status)
				require.ErrorContains(t, err, c.status)
			}
		})
	}
}

// An order that was carried out with its answer lost is no failure, and nothing
// else is sent before that is known.
func TestLostAnswer(t *testing.T) {
	a, addr := agent(t, is("4413"), iface("1", "0/1", ""), delivering("1.1"))
	a.Writable(snmpx.MustOID(peth+"3"), hookNothing())
	s := dial(t, hasty(config(addr)))
	a.SetFaults(snmptest.Faults{LoseReply: 1, Only: func(r snmptest.Request) bool { return r.Kind == snmptest.Set }})
	require.NoError(t, s.SetAdmin(t.Context(), "0/1", false))
	a.SetFaults(snmptest.Faults{LoseRequest: 1, Only: func(r snmptest.Request) bool { return r.Kind == snmptest.Set }})
	require.ErrorIs(t, s.SetAdmin(t.Context(), "0/1", true), snmp.ErrTimeout)
	require.Equal(t, int64(2), a.Get(snmpx.MustOID(peth+"3.1.1")).Int)
}

// MikroTik's table is for reading.
func TestMikroTikIsReadOnly(t *testing.T) {
	sw, a, addr := behind(t, poetest.VendorMikroTik, 4)
	s := dial(t, config(addr))
	require.True(t, s.Info().ReadOnly)
	require.ErrorIs(t, s.SetAdmin(t.Context(), "2", false), poe.ErrReadOnly)
	require.True(t, admin(t, sw, "2"))
	require.Zero(t, a.Sets())
}

// A port gives power as it did before it was switched off, though RFC 3621's
// "true" makes it auto; also when another process switches it on.
func TestModesAreRestored(t *testing.T) {
	for _, c := range []struct {
		name   string
		vendor poetest.Vendor
		column string // with the index of port 2
		mode   int32
		want   int64
	}{
		{"cisco auto", poetest.VendorCisco, cpe + "1.3.4", 1, 1},
		{"cisco static", poetest.VendorCisco, cpe + "1.3.4", 2, 2},
		{"cisco limit", poetest.VendorCisco, cpe + "1.3.4", 3, 3},
		{"foundry legacy", poetest.VendorFoundry, enterprises + "1991.1.1.2.14.2.2.1.2.2", 4, 4},
		{"foundry", poetest.VendorFoundry, enterprises + "1991.1.1.2.14.2.2.1.2.2", 3, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			sw, _, addr := behind(t, c.vendor, 4)
			column := snmpx.MustOID(c.column)
			raw := client(t, addr)
			require.NoError(t, raw.Set(t.Context(), snmpx.Var{OID: column, Value: snmpx.Integer(c.mode)}))
			cfg := config(addr)
			cfg.Modes = &snmp.FileModes{Path: filepath.Join(t.TempDir(), "modes.json")}
			s := dial(t, cfg)
			for range 2 {
				require.NoError(t, s.SetAdmin(t.Context(), "2", false))
				require.False(t, admin(t, sw, "2"))
				require.NoError(t, s.SetAdmin(t.Context(), "2", true))
				require.Equal(t, c.want, value(t, raw, column))
			}
			require.NoError(t, s.SetAdmin(t.Context(), "2", false))
			require.NoError(t, s.Close())
			cfg.Modes = &snmp.FileModes{Path: cfg.Modes.(*snmp.FileModes).Path}
			require.NoError(t, dial(t, cfg).SetAdmin(t.Context(), "2", true))
			require.Equal(t, c.want, value(t, raw, column))
		})
	}
}

// The driver writes to one object of one row, and never to
// cpeExtPsePortPwrManAlloc.
func TestWhatIsWritten(t *testing.T) {
	base := join(is("9.1.516"), iface("1", "Gi1", ""), iface("2", "Gi2", ""), delivering("1.1"), entity("1.1", "1001", "", "1"),
		delivering("1.2"), entity("1.2", "1002", "", "2"),
		objects{cpe + "1.1.1": snmpx.Integer(2), cpe + "1.1.2": snmpx.Integer(1), cpe + "15.1.1": snmpx.Gauge32(0)})
	a := snmptest.NewAgent()
	for name, v := range base {
		a.Set(snmpx.MustOID(name), v)
	}
	admin, mode := snmpx.MustOID(peth+"3.1.1"), snmpx.MustOID(cpe+"1.1.1")
	a.Writable(snmpx.MustOID("1.3"), snmptest.Hook{Commit: func(o snmpx.OID, v snmpx.Value) snmpx.Status {
		a.Set(o, v)
		if o.Equal(mode) {
			a.Set(admin, snmpx.Integer(1))
		}
		return snmpx.NoError
	}})
	var mu sync.Mutex
	var written []string
	a.Observe = func(r snmptest.Request) {
		if r.Kind == snmptest.Set {
			mu.Lock()
			defer mu.Unlock()
			for _, v := range r.Vars {
				written = append(written, v.OID.String()+" = "+v.Value.String())
			}
		}
	}
	s := dial(t, config(snmptest.Start(t, a)))
	for _, on := range []bool{false, true} {
		require.NoError(t, s.SetAdmin(t.Context(), "Gi1", on))
	}
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{peth + "3.1.1 = 2", cpe + "1.1.1 = 2"}, written)
}

// AOS-S writes each change to flash, unless it is told not to.
func TestImplicitSave(t *testing.T) {
	save := snmpx.MustOID(enterprises + "11.2.14.11.5.1.7.1.29.1.11.0")
	_, _, addr := behind(t, poetest.VendorArubaS, 4)
	raw := client(t, addr)
	cfg := config(addr)
	s := dial(t, cfg)
	require.True(t, s.Info().ImplicitSave)
	require.NoError(t, s.SetAdmin(t.Context(), "2", false))
	require.Equal(t, int64(1), value(t, raw, save))

	cfg.NoImplicitSave = true
	s = dial(t, cfg)
	require.Equal(t, int64(1), value(t, raw, save), "Dial has written")
	require.NoError(t, s.SetAdmin(t.Context(), "2", true))
	require.Equal(t, int64(2), value(t, raw, save))
	require.NoError(t, s.Close())
	require.Equal(t, int64(1), value(t, raw, save))
	require.NoError(t, s.Close(), "a second time")

	require.NoError(t, raw.Set(t.Context(), snmpx.Var{OID: save, Value: snmpx.Integer(2)}))
	s = dial(t, cfg)
	require.False(t, s.Info().ImplicitSave)
	require.NoError(t, s.SetAdmin(t.Context(), "2", false))
	require.NoError(t, s.Close())
	require.Equal(t, int64(2), value(t, raw, save), "what an operator had turned off is on again")
}

// Whoever waits for the port before gives up with its context.
func TestSetAdminIsCancelled(t *testing.T) {
	_, a, addr := behind(t, poetest.VendorNetgear, 4)
	s := dial(t, config(addr))
	a.SetFaults(poetest.Faults{LoseRequest: 1})
	before := a.Requests()
	first, stop := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.SetAdmin(first, "1", false) }()
	require.Eventually(t, func() bool { return a.Requests() > before }, 10*time.Second, time.Millisecond)
	second, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.SetAdmin(second, "2", false), context.Canceled)
	stop(nil)
	require.ErrorIs(t, <-done, context.Canceled)
}

// Many at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	sw, _, addr := behind(t, poetest.VendorCisco, 8)
	s := dial(t, config(addr))
	var group sync.WaitGroup
	for _, name := range []string{"1", "2", "3", "4"} {
		group.Go(func() {
			for _, on := range []bool{false, true, false} {
				if err := s.SetAdmin(t.Context(), name, on); err != nil {
					t.Error(err)
				}
			}
		})
		group.Go(func() {
			if _, err := s.Ports(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, name := range []string{"1", "2", "3", "4"} {
		require.False(t, admin(t, sw, name))
	}
}

// A file of modes that is damaged stops the port from being switched off, as
// nobody could say then how it was.
func TestDamagedModes(t *testing.T) {
	sw, a, addr := behind(t, poetest.VendorCisco, 4)
	cfg := config(addr)
	path := filepath.Join(t.TempDir(), "modes.json")
	write(t, path, strings.Repeat("[", 10))
	cfg.Modes = &snmp.FileModes{Path: path}
	require.ErrorContains(t, dial(t, cfg).SetAdmin(t.Context(), "2", false), path)
	require.True(t, admin(t, sw, "2"))
	require.Zero(t, a.Sets())
}
