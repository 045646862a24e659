package snmp_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// bench is a switch of a vendor, over UDP.
func bench(t *testing.T, vendor poetest.Vendor, faults poetest.Faults) poetest.Bench {
	t.Helper()
	const ports = 30
	sw := poetest.New(ports)
	sw.PowerUp, sw.PowerDown = 30*time.Millisecond, 10*time.Millisecond
	sw.Plug("3", poetest.Device{Class: 4, Milliwatts: 12300})
	sw.Unplug("5")
	require.Eventually(t, func() bool {
		p, err := sw.Port(t.Context(), "3")
		return err == nil && p.Delivering()
	}, 10*time.Second, time.Millisecond)
	a := &poetest.Agent{Switch: sw, Vendor: vendor, Uplinks: []string{"A1", "A2"}}
	cfg := snmp.Config{Addr: a.Start(t), Credentials: communities(), MinTimeout: 20 * time.Millisecond, Retries: 8}
	if vendor == poetest.VendorStandard || vendor == poetest.VendorComware {
		cfg.Ports = map[string]string{}
		for n := range ports {
			cfg.Ports[strconv.Itoa(n+1)] = "1." + strconv.Itoa(n+1)
		}
	}
	s := dial(t, cfg)
	a.SetFaults(faults)
	return poetest.Bench{Switch: s, Port: "28", ReadOnly: vendor == poetest.VendorMikroTik}
}

func TestConformance(t *testing.T) {
	for _, vendor := range poetest.Vendors() {
		t.Run(string(vendor), func(t *testing.T) {
			poetest.TestSwitch(t, func(t *testing.T) poetest.Bench { return bench(t, vendor, poetest.Faults{}) })
		})
	}
	t.Run("on a bad network", func(t *testing.T) {
		poetest.TestSwitch(t, func(t *testing.T) poetest.Bench {
			return bench(t, poetest.VendorCisco, poetest.Faults{LoseRequest: 0.05, LoseReply: 0.05, Duplicate: 0.1, Reorder: 0.05, MaxVarbinds: 60})
		})
	})
}

// What the driver reads is what is behind the agent, whoever's switch it is.
func TestAgentTellsTheTruth(t *testing.T) {
	for _, vendor := range poetest.Vendors() {
		t.Run(string(vendor), func(t *testing.T) {
			b := bench(t, vendor, poetest.Faults{})
			s := b.Switch.(*snmp.Switch)
			require.Equal(t, string(vendor), s.Info().Vendor.String())
			p, err := s.Port(t.Context(), "3")
			require.NoError(t, err)
			require.Equal(t, poe.DetectionDelivering, p.Detection)
			class, power := 4, poe.Power{Milliwatts: 12300, Kind: poe.PowerMeasured}
			switch vendor {
			case poetest.VendorMikroTik:
				class = -1
			case poetest.VendorStandard:
				power = poe.ClassMax(4)
			}
			require.Equal(t, class, p.Class)
			require.Equal(t, power, p.Power)
			ports, err := s.Ports(t.Context())
			require.NoError(t, err)
			require.Len(t, ports, 30)
		})
	}
}

// A Controller on the driver on an agent: the whole way to a port and back, and
// why there is no power.
func TestControllerOnTheDriver(t *testing.T) {
	for _, c := range []struct {
		name   string
		vendor poetest.Vendor
		device poetest.Device
		budget int64
		cause  func(*poe.NoPowerError) uint32 // nil: there is power
	}{
		{"power", poetest.VendorCisco, poetest.Device{Class: 2}, 0, nil},
		{"power from Foundry", poetest.VendorFoundry, poetest.Device{Class: 2}, 0, nil},
		{"short circuit", poetest.VendorNetgear, poetest.Device{Short: true}, 0, func(e *poe.NoPowerError) uint32 { return e.Short }},
		{"overload", poetest.VendorCisco, poetest.Device{Overload: true}, 0, func(e *poe.NoPowerError) uint32 { return e.Overload }},
		{"invalid signature", poetest.VendorArubaS, poetest.Device{InvalidSignature: true}, 0, func(e *poe.NoPowerError) uint32 { return e.InvalidSignature }},
		{"denied", poetest.VendorArubaCX, poetest.Device{Class: 4, Milliwatts: 25000}, 70000, func(e *poe.NoPowerError) uint32 { return e.Denied }},
	} {
		t.Run(c.name, func(t *testing.T) {
			sw := poetest.New(30)
			sw.PowerUp, sw.PowerDown, sw.Budget = time.Millisecond, time.Millisecond, c.budget
			sw.Plug("4", c.device)
			a := &poetest.Agent{Switch: sw, Vendor: c.vendor}
			control := &poe.Controller{
				Switch: dial(t, config(a.Start(t))),
				Policy: poe.Policy{MinOff: 20 * time.Millisecond, OnDeadline: 300 * time.Millisecond, Poll: 10 * time.Millisecond},
			}
			r, err := control.Cycle(t.Context(), "4", poe.Reason{Who: "test", Why: "it hangs"})
			if c.cause == nil {
				require.NoError(t, err)
				require.True(t, r.After.Delivering())
				require.Equal(t, int64(3500), r.After.Power.Milliwatts)
				return
			}
			var none *poe.NoPowerError
			require.True(t, errorAs(err, &none), "%v", err)
			require.NotZero(t, c.cause(none))
			require.Equal(t, none.Denied > 0, errors.Is(err, poe.ErrBudget))
		})
	}
}

// The answers to "off" are lost, so that it is sent several times, and the network
// delivers each once more, late: the port is on in the end.
func TestLateDuplicates(t *testing.T) {
	a := pse()
	a.Set(snmpx.MustOID(sysObjectID), snmpx.ObjectID(snmpx.MustOID(enterprises+"4413")))
	cfg := hasty(config(snmptest.Start(t, a)))
	control := &poe.Controller{Switch: dial(t, cfg), Policy: poe.Policy{MinOff: 100 * time.Millisecond, Poll: 10 * time.Millisecond}}
	a.SetFaults(snmptest.Faults{
		LoseReply: 1, RepeatRequest: 1, RepeatDelay: 50 * time.Millisecond,
		Only: func(r snmptest.Request) bool { return r.Kind == snmptest.Set && r.Vars[0].Value.Int == 2 },
	})
	r, err := control.Cycle(t.Context(), "0/3", poe.Reason{Who: "test"})
	require.NoError(t, err)
	require.True(t, r.After.Delivering())
	require.Equal(t, int64(1), a.Get(snmpx.MustOID(peth+"3.1.9003")).Int)
	require.GreaterOrEqual(t, a.Stats().Set, int64(3), "off twice, and on")
}
