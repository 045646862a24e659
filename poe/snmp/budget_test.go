package snmp_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
)

// supply is a row of pethMainPseTable.
func supply(group string, nominal, used uint32, oper, threshold int32) objects {
	return objects{
		pethMain + "2." + group: snmpx.Gauge32(nominal), pethMain + "3." + group: snmpx.Integer(oper),
		pethMain + "4." + group: snmpx.Gauge32(used), pethMain + "5." + group: snmpx.Integer(threshold),
	}
}

func TestBudgets(t *testing.T) {
	drawing := func(mw uint32) objects {
		return join(iface("7", "p7", ""), delivering("1.7"), objects{enterprises + "4526.10.15.1.1.1.2.1.7": snmpx.Gauge32(mw)})
	}
	nominal := poe.Power{Milliwatts: 380000, Kind: poe.PowerAllocated}
	measured := func(mw int64) poe.Power { return poe.Power{Milliwatts: mw, Kind: poe.PowerMeasured} }
	for _, c := range []struct {
		name   string
		vendor string
		rows   []objects
		want   []poe.Budget
	}{
		{"watts", "4413", []objects{supply("1", 380, 30, 1, 80)}, []poe.Budget{{Group: 1, Nominal: nominal, Used: measured(30000), Threshold: 80}}},
		{"a stack", "4413", []objects{supply("1", 380, 30, 1, 80), supply("3", 380, 0, 3, 80)}, []poe.Budget{
			{Group: 1, Nominal: nominal, Used: measured(30000), Threshold: 80},
			{Group: 3, Nominal: nominal, Used: measured(0), Threshold: 80, Faulty: true},
		}},
		{"Cisco's is set aside", "9.1.516", []objects{supply("3", 380, 30, 1, 0)},
			[]poe.Budget{{Group: 3, Nominal: nominal, Used: poe.Power{Milliwatts: 30000, Kind: poe.PowerAllocated}}}},
		{"a threshold of 100", "4413", []objects{supply("1", 380, 30, 1, 100)}, []poe.Budget{{Group: 1, Nominal: nominal, Used: measured(30000)}}},
		{"milliwatts, as there is more than there can be", "4526.100", []objects{supply("1", 380, 4200, 1, 90)},
			[]poe.Budget{{Group: 1, Nominal: nominal, Used: measured(4200), Threshold: 90}}},
		{"one of a stack shows it", "4526.100", []objects{supply("1", 380, 200, 1, 90), supply("2", 380, 4200, 1, 90)}, []poe.Budget{
			{Group: 1, Nominal: nominal, Used: measured(200), Threshold: 90},
			{Group: 2, Nominal: nominal, Used: measured(4200), Threshold: 90},
		}},
		{"milliwatts, as the port draws as many", "4526.100", []objects{supply("1", 380, 290, 1, 90), drawing(280)},
			[]poe.Budget{{Group: 1, Nominal: nominal, Used: measured(290), Threshold: 90}}},
		{"watts, as the port draws a thousand times that", "4526.100", []objects{supply("1", 380, 28, 1, 90), drawing(28400)},
			[]poe.Budget{{Group: 1, Nominal: nominal, Used: measured(28000), Threshold: 90}}},
		{"nothing draws", "4526.100", []objects{supply("1", 380, 0, 1, 90), drawing(0)},
			[]poe.Budget{{Group: 1, Nominal: nominal, Used: measured(0), Threshold: 90}}},
		{"nonsense", "4526.100", []objects{supply("1", 180, 1447362561, 1, 90)},
			[]poe.Budget{{Group: 1, Nominal: poe.Power{Milliwatts: 180000, Kind: poe.PowerAllocated}, Threshold: 90}}},
		{"Foundry's units", "1991.1.3.62", []objects{{
			enterprises + "1991.1.1.2.14.4.1.1.2.1": snmpx.Gauge32(740000), enterprises + "1991.1.1.2.14.4.1.1.3.1": snmpx.Gauge32(440000),
		}}, []poe.Budget{{Group: 1, Nominal: poe.Power{Milliwatts: 740000, Kind: poe.PowerAllocated}, Used: poe.Power{Milliwatts: 300000, Kind: poe.PowerAllocated}}}},
		{"Foundry's whole", "1991.1.3.62", []objects{{
			enterprises + "1991.1.1.2.14.1.1.0": snmpx.Gauge32(740000), enterprises + "1991.1.1.2.14.1.2.0": snmpx.Gauge32(740000),
		}}, []poe.Budget{{Group: 1, Nominal: poe.Power{Milliwatts: 740000, Kind: poe.PowerAllocated}, Used: poe.Power{Kind: poe.PowerAllocated}}}},
		{"none", "4413", nil, nil},
		{"MikroTik", "14988.1", nil, nil},
		{"Foundry without", "1991.1.3.62", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, addr := agent(t, append(c.rows, is(c.vendor))...)
			got, err := dial(t, config(addr)).Budgets(t.Context())
			if c.want == nil {
				require.ErrorIs(t, err, errors.ErrUnsupported)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

// Once a switch was seen to count milliwatts it goes on doing so, also when so
// little is drawn that it might be watts.
func TestMilliwattsAreRemembered(t *testing.T) {
	a, addr := agent(t, is("8072"), supply("1", 380, 4200, 1, 90))
	s := dial(t, config(addr))
	for _, used := range []uint32{4200, 40} {
		a.Set(snmpx.MustOID(pethMain+"4.1"), snmpx.Gauge32(used))
		got, err := s.Budgets(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(used), got[0].Used.Milliwatts)
	}
}

// The agent of poetest in both units.
func TestBudgetOfTheAgent(t *testing.T) {
	for _, milli := range []bool{false, true} {
		sw := poetest.New(4)
		a := &poetest.Agent{Switch: sw, Vendor: poetest.VendorNetgear, GroupMilliwatts: milli}
		got, err := dial(t, config(a.Start(t))).Budgets(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(120000), got[0].Nominal.Milliwatts)
		require.InDelta(t, 4*2100, got[0].Used.Milliwatts, 1000)
	}
}
