package snmp_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// What switches of each vendor answer for a port that delivers, in the vendor's
// unit, and what that is in milliwatts.
func TestWatts(t *testing.T) {
	const fastpath = ".15.1.1.1.2.1.7"
	measured := func(mw int64) poe.Power { return poe.Power{Milliwatts: mw, Kind: poe.PowerMeasured} }
	for _, c := range []struct {
		name     string
		objectID string
		watts    objects
		vendor   snmp.Vendor
		from     string // Info.Watts
		want     poe.Power
	}{
		{"AOS-S", "11.2.3.7.11.182.20", objects{
			enterprises + "11.2.14.11.1.9.1.1.1.3.1.7": snmpx.Integer(1800), enterprises + "11.2.14.11.1.9.1.1.1.8.1.7": snmpx.Integer(1790),
		}, snmp.ArubaS, enterprises + "11.2.14.11.1.9.1.1.1.8", measured(1790)},
		{"older ProCurve", "11.2.3.7.11.50", objects{
			enterprises + "11.2.14.11.1.9.1.1.1.3.1.7": snmpx.Integer(1800),
		}, snmp.ArubaS, enterprises + "11.2.14.11.1.9.1.1.1.3", measured(1800)},
		{"AOS-CX", "47196.4.1.1.1.72", objects{
			enterprises + "47196.4.1.1.3.8.1.1.1.6.1.7": snmpx.Integer(13920), enterprises + "47196.4.1.1.3.8.1.1.1.7.1.7": snmpx.Integer(12369),
		}, snmp.ArubaCX, enterprises + "47196.4.1.1.3.8.1.1.1.7", measured(12369)},
		{"EdgeSwitch", "4413", objects{enterprises + "4413.1.1" + fastpath: snmpx.Gauge32(2100)},
			snmp.Fastpath, enterprises + "4413.1.1.15.1.1.1.2", measured(2100)},
		{"Netgear managed", "4526.100.1.20", objects{enterprises + "4526.10" + fastpath: snmpx.Gauge32(3300)},
			snmp.Netgear, enterprises + "4526.10.15.1.1.1.2", measured(3300)},
		{"Netgear smart", "4526.100.4.25", objects{enterprises + "4526.11" + fastpath: snmpx.Gauge32(3400)},
			snmp.Netgear, enterprises + "4526.11.15.1.1.1.2", measured(3400)},
		{"Netgear of old", "4526.100.10.1", objects{enterprises + "4526.1.9" + fastpath: snmpx.Gauge32(3500)},
			snmp.Netgear, enterprises + "4526.1.9.15.1.1.1.2", measured(3500)},
		{"Dell N", "674.10895.3065", objects{enterprises + "674.10895.5000.2.6132.1.1" + fastpath: snmpx.Gauge32(5100)},
			snmp.Dell, enterprises + "674.10895.5000.2.6132.1.1.15.1.1.1.2", measured(5100)},
		{"Force10", "6027.1.3.20", objects{enterprises + "6027.1.3.1" + fastpath: snmpx.Gauge32(5200)},
			snmp.Force10, enterprises + "6027.1.3.1.15.1.1.1.2", measured(5200)},
		{"CBS350", "9.6.1.1006.48.2", objects{enterprises + "9.6.1.101.108.1.1.5.1.7": snmpx.Integer(2200)},
			snmp.CiscoSB, enterprises + "9.6.1.101.108.1.1.5", measured(2200)},
		{"Comware", "25506.11.1.181", objects{enterprises + "25506.2.14.1.1.5.1.7": snmpx.Integer(2400)},
			snmp.Comware, enterprises + "25506.2.14.1.1.5", measured(2400)},
		{"Cisco that measures", "9.1.1208", objects{cpe + "9.1.7": snmpx.Gauge32(2300), cpe + "10.1.7": snmpx.Gauge32(2600)},
			snmp.Cisco, cpe + "9", measured(2300)},
		{"Cisco that sets aside", "9.1.516", objects{cpe + "9.1.7": snmpx.Gauge32(15400), cpe + "10.1.7": snmpx.Gauge32(0)},
			snmp.Cisco, cpe + "9", poe.Power{Milliwatts: 15400, Kind: poe.PowerAllocated}},
		{"no watts at all", "8072.3.2.10", nil, snmp.Standard, "", poe.Power{Milliwatts: 7000, Kind: poe.PowerClassMax}},
		{"watts of nobody", "11.2.3.7.11.50", objects{enterprises + "11.2.14.11.1.9.1.1.1.8.1.7": snmpx.Text("many")},
			snmp.ArubaS, enterprises + "11.2.14.11.1.9.1.1.1.8", poe.Power{Milliwatts: 7000, Kind: poe.PowerClassMax}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, addr := agent(t, is(c.objectID), iface("7", "p7", "pi"), delivering("1.7"), c.watts)
			cfg := config(addr)
			cfg.Mapper = snmp.ByIfIndex
			s := dial(t, cfg)
			require.Equal(t, c.vendor, s.Info().Vendor)
			require.Equal(t, enterprises+c.objectID, s.Info().ObjectID)
			require.Equal(t, c.from[max(len(c.from)-len(s.Info().Watts), 0):], s.Info().Watts)
			ports, err := s.Ports(t.Context())
			require.NoError(t, err)
			require.Len(t, ports, 1)
			want := poe.PortStatus{
				Name: "p7", Index: "1.7", IfIndex: 7, Alias: "pi", Admin: true, Detection: poe.DetectionDelivering, Class: 2,
				Priority: poe.PriorityLow, Power: c.want, At: ports[0].At,
				Counters: poe.Counters{MPSAbsent: 1, InvalidSignature: 2, Denied: 3, Overload: 4, Short: 5},
			}
			require.Equal(t, want, ports[0])
			one, err := s.Port(t.Context(), "p7")
			require.NoError(t, err)
			want.At = one.At
			require.Equal(t, want, one)
		})
	}
}

// Foundry's and MikroTik's own tables.
func TestOwnTables(t *testing.T) {
	foundry := func(control, class, consumed int32) objects {
		port := enterprises + "1991.1.1.2.14.2.2.1."
		return objects{
			port + "2.7": snmpx.Integer(control), port + "3.7": snmpx.Integer(30000), port + "4.7": snmpx.Integer(class),
			port + "5.7": snmpx.Integer(3), port + "6.7": snmpx.Integer(consumed),
		}
	}
	mikrotik := func(status, volts, current, power int32) objects {
		entry := enterprises + "14988.1.1.15.1.1."
		return objects{
			entry + "3.7": snmpx.Integer(status), entry + "4.7": snmpx.Integer(volts), entry + "5.7": snmpx.Integer(current),
			entry + "6.7": snmpx.Integer(power),
		}
	}
	mw := func(n int64) poe.Power { return poe.Power{Milliwatts: n, Kind: poe.PowerMeasured} }
	for _, c := range []struct {
		name      string
		objectID  string
		row       objects
		admin     bool
		detection poe.Detection
		class     int
		priority  poe.Priority
		power     poe.Power
	}{
		{"foundry delivering", "1991.1.3.62", foundry(3, 2, 2723), true, poe.DetectionDelivering, 2, poe.PriorityLow, mw(2723)},
		{"foundry legacy", "1991.1.3.62", foundry(4, 0, 900), true, poe.DetectionDelivering, 0, poe.PriorityLow, mw(900)},
		{"foundry searching", "1991.1.3.62", foundry(3, 0, 0), true, poe.DetectionSearching, -1, poe.PriorityLow, mw(0)},
		{"foundry off", "1991.1.3.62", foundry(2, 0, 0), false, poe.DetectionDisabled, -1, poe.PriorityLow, mw(0)},
		{"mikrotik delivering", "14988.1", mikrotik(3, 481, 44, 21), true, poe.DetectionDelivering, -1, 0, mw(2100)},
		{"mikrotik passive", "14988.1", mikrotik(3, 0, 0, 0), true, poe.DetectionDelivering, -1, 0, poe.Power{}},
		{"mikrotik waiting", "14988.1", mikrotik(2, 0, 0, 0), true, poe.DetectionSearching, -1, 0, mw(0)},
		{"mikrotik off", "14988.1", mikrotik(1, 0, 0, 0), false, poe.DetectionDisabled, -1, 0, mw(0)},
		{"mikrotik short", "14988.1", mikrotik(5, 0, 0, 0), true, poe.DetectionFault, -1, 0, mw(0)},
		{"mikrotik voltage", "14988.1", mikrotik(6, 0, 0, 0), true, poe.DetectionOtherFault, -1, 0, mw(0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, addr := agent(t, is(c.objectID), iface("7", "p7", ""), c.row)
			ports, err := dial(t, config(addr)).Ports(t.Context())
			require.NoError(t, err)
			require.Equal(t, []poe.PortStatus{{
				Name: "p7", Index: "7", IfIndex: 7, Admin: c.admin, Detection: c.detection, Class: c.class,
				Priority: c.priority, Power: c.power, At: ports[0].At,
			}}, ports)
		})
	}
}

// Foundry lists ports that have no PoE, as other(1).
func TestFoundryPortsWithoutPoE(t *testing.T) {
	port := enterprises + "1991.1.1.2.14.2.2.1.2."
	_, addr := agent(t, is("1991.1.3.62"), iface("7", "p7", ""), iface("8", "p8", ""), objects{
		port + "7": snmpx.Integer(3), port + "8": snmpx.Integer(1),
	})
	s := dial(t, config(addr))
	ports, err := s.Ports(t.Context())
	require.NoError(t, err)
	require.Len(t, ports, 1)
	_, err = s.Port(t.Context(), "p8")
	require.ErrorIs(t, err, poe.ErrUnknownPort)
}

// RFC 3621 counts classes from 1, and means them only while it delivers.
func TestClassAndDetection(t *testing.T) {
	for _, c := range []struct {
		detection, class int32
		want             poe.Detection
		wantClass        int
	}{
		{3, 1, poe.DetectionDelivering, 0},
		{3, 5, poe.DetectionDelivering, 4},
		{3, 7, poe.DetectionDelivering, 6}, // IEEE 802.3bt
		{3, 0, poe.DetectionDelivering, -1},
		{3, 40, poe.DetectionDelivering, -1},
		{2, 5, poe.DetectionSearching, -1},
		{1, 1, poe.DetectionDisabled, -1},
		{9, 1, poe.DetectionUnknown, -1},
		{-1, -1, poe.DetectionUnknown, -1},
	} {
		_, addr := agent(t, is("4413"), iface("7", "p7", ""), delivering("1.7"), objects{
			peth + "6.1.7": snmpx.Integer(c.detection), peth + "10.1.7": snmpx.Integer(c.class),
		})
		p, err := dial(t, config(addr)).Port(t.Context(), "p7")
		require.NoError(t, err)
		require.Equal(t, c.want, p.Detection)
		require.Equal(t, c.wantClass, p.Class)
	}
}

func TestVendorText(t *testing.T) {
	for v := snmp.Auto; v <= snmp.MikroTik; v++ {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		var back snmp.Vendor
		require.NoError(t, json.Unmarshal(b, &back))
		require.Equal(t, v, back)
	}
	require.Error(t, new(snmp.Vendor).UnmarshalText([]byte("acme")))
	require.Equal(t, "unknown(99)", snmp.Vendor(99).String())
	require.Equal(t, "ifindex", snmp.ByIfIndex.String())
	require.Equal(t, "SHA-256", snmp.SHA256.String())
	require.Equal(t, "AES-256C", snmp.AES256C.String())
}

// A switch whose sysObjectID is none has to be named.
func TestNoObjectID(t *testing.T) {
	_, addr := agent(t, iface("7", "p7", ""), delivering("1.7"))
	_, err := snmp.Dial(t.Context(), config(addr))
	require.ErrorContains(t, err, "Config.Vendor")
	cfg := config(addr)
	cfg.Vendor = snmp.Fastpath
	require.Empty(t, dial(t, cfg).Info().ObjectID)
}
