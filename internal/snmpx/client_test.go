package snmpx_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

var (
	port      = snmpx.MustOID("1.3.6.1.2.1.105.1.1.1")
	admin     = port.Append(3)
	detection = port.Append(6)
	sysUpTime = snmpx.MustOID("1.3.6.1.2.1.1.3.0")
)

// poeSwitch has that many PoE ports, and the uptime that every agent has.
func poeSwitch(ports int) *snmptest.Agent {
	a := snmptest.NewAgent()
	a.Set(sysUpTime, snmpx.TimeTicks(4711))
	for p := range uint32(ports) {
		for _, column := range []uint32{3, 4, 5, 6, 7, 10} {
			a.Set(port.Append(column, 1, p+1), snmpx.Integer(int32(p%5)+1))
		}
		for _, column := range []uint32{8, 11, 12, 13, 14} {
			a.Set(port.Append(column, 1, p+1), snmpx.Counter32(4000000000+p))
		}
		a.Set(port.Append(9, 1, p+1), snmpx.Text("pi"))
	}
	a.Writable(admin, snmptest.Hook{Check: snmptest.OneOf(1, 2)})
	return a
}

var communities = snmpx.Credentials{V2c: snmpx.V2c{Read: "public", Write: "private"}}

// dial connects to the agent; the test's end closes it.
func dial(t *testing.T, c snmpx.Config) *snmpx.Client {
	t.Helper()
	if c.Credentials.V2c == (snmpx.V2c{}) && c.Credentials.V3.User == "" {
		c.Credentials = communities
	}
	client, err := snmpx.Dial(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func TestGet(t *testing.T) {
	c := dial(t, snmpx.Config{Addr: snmptest.Start(t, poeSwitch(4))})
	values, err := c.Get(t.Context(), admin.Append(1, 3), sysUpTime, port.Append(9, 1, 1), admin.Append(1, 99), port.Append(8, 1, 1))
	require.NoError(t, err)
	require.Equal(t, []snmpx.Value{
		snmpx.Integer(3), snmpx.TimeTicks(4711), snmpx.Text("pi"), {Type: snmpx.TypeNoSuchInstance}, snmpx.Counter32(4000000000),
	}, values)
}

func TestTable(t *testing.T) {
	a := poeSwitch(48)
	c := dial(t, snmpx.Config{Addr: snmptest.Start(t, a)})
	rows, err := c.Table(t.Context(), admin, detection, port.Append(9), port.Append(10))
	require.NoError(t, err)
	require.Len(t, rows, 48)
	require.Equal(t, snmpx.OID{1, 48}, rows[47].Index)
	require.Equal(t, snmpx.Integer(47%5+1), rows[47].Values[0])
	require.Equal(t, snmpx.Text("pi"), rows[0].Values[2])
	require.EqualValues(t, 1, a.Stats().Requests(), "one message is enough for 48 ports")
}
