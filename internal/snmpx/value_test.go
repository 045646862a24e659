package snmpx_test

import (
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

func TestParseOID(t *testing.T) {
	for s, want := range map[string]snmpx.OID{
		"1.3":                {1, 3},
		".1.3.6.1":           {1, 3, 6, 1},
		"2.999.4294967295":   {2, 999, math.MaxUint32},
		"0.39.0.128.16384.1": {0, 39, 0, 128, 16384, 1},
	} {
		o, err := snmpx.ParseOID(s)
		require.NoError(t, err)
		require.Equal(t, want, o)
		require.Equal(t, strings.TrimPrefix(s, "."), o.String())
		again, err := snmpx.ParseOIDBER(o.AppendBER(nil))
		require.NoError(t, err)
		require.Equal(t, want, again)
	}
	for _, s := range []string{"", "1", ".", "1.3.", "..1.3", "1.-3", "1.+3", "1.40", "3.1", "1.3.4294967296", "1.3.x", strings.Repeat("1.", 128) + "1"} {
		_, err := snmpx.ParseOID(s)
		require.Error(t, err, "%q", s)
	}
	require.Panics(t, func() { snmpx.MustOID("x") })
	for _, b := range [][]byte{{}, {0x80}, {0x2b, 0x86}, {0x2b, 0x90, 0x80, 0x80, 0x80, 0x00}, {0x2b, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}} {
		_, err := snmpx.ParseOIDBER(b)
		require.Error(t, err, "%x", b)
	}
}

func TestOIDOrder(t *testing.T) {
	o := snmpx.OID{1, 3, 6}
	require.True(t, o.HasPrefix(snmpx.OID{1, 3}))
	require.True(t, o.HasPrefix(o))
	require.False(t, o.HasPrefix(snmpx.OID{1, 3, 6, 1}))
	require.False(t, o.HasPrefix(snmpx.OID{1, 4}))
	require.Negative(t, o.Compare(snmpx.OID{1, 3, 6, 0}))
	require.Negative(t, o.Compare(snmpx.OID{1, 3, 7}))
	require.Zero(t, o.Compare(snmpx.OID{1, 3, 6}))
	p := o.Append(1)
	p[0] = 2
	require.Equal(t, snmpx.OID{1, 3, 6}, o, "Append copies")
}

// values are of all types, with their bounds.
var values = []struct {
	value snmpx.Value
	text  string
}{
	{snmpx.Integer(0), "0"},
	{snmpx.Integer(-1), "-1"},
	{snmpx.Integer(127), "127"},
	{snmpx.Integer(128), "128"},
	{snmpx.Integer(-129), "-129"},
	{snmpx.Integer(math.MinInt32), "-2147483648"},
	{snmpx.Integer(math.MaxInt32), "2147483647"},
	{snmpx.Gauge32(math.MaxUint32), "4294967295"},
	{snmpx.Counter32(1 << 31), "2147483648"},
	{snmpx.TimeTicks(255), "255"},
	{snmpx.Counter64(math.MaxUint64), "18446744073709551615"},
	{snmpx.Counter64(1 << 40), "1099511627776"},
	{snmpx.Text("Fa3/0/25"), `"Fa3/0/25"`},
	{snmpx.OctetString([]byte{0x80, 0}), "80 00"},
	{snmpx.OctetString(make([]byte, 300)), strings.TrimSpace(strings.Repeat("00 ", 300))},
	{snmpx.ObjectID(snmpx.OID{1, 3, 6, 1, 4, 1, 9, 1, 516}), "1.3.6.1.4.1.9.1.516"},
	{snmpx.IPAddress(netip.MustParseAddr("192.0.2.1")), "192.0.2.1"},
}

// Each value is read by a GET and written by a SET as it is, through our
// encoder and the agent's.
func TestValuesCrossTheNetwork(t *testing.T) {
	a := snmptest.NewAgent()
	root := snmpx.OID{1, 3, 6, 1, 4, 1, 99999}
	a.Writable(root, snmptest.Hook{Create: true})
	c := dial(t, snmpx.Config{Addr: snmptest.Start(t, a)})
	for i, v := range values {
		require.Equal(t, v.text, v.value.String())
		o := root.Append(uint32(i), 0)
		require.NoError(t, c.Set(t.Context(), snmpx.Var{OID: o, Value: v.value}))
		got, err := c.Get(t.Context(), o)
		require.NoError(t, err)
		require.Equal(t, v.value, got[0])
		require.Equal(t, v.value, a.Get(o))
		require.True(t, got[0].Present())
	}
	for _, bad := range []snmpx.Value{
		{}, {Type: snmpx.TypeNull}, {Type: snmpx.TypeNoSuchObject}, {Type: snmpx.TypeInteger, Int: 1 << 31},
		{Type: snmpx.TypeGauge32, Int: -1}, {Type: snmpx.TypeIPAddress, Bytes: []byte{1}}, {Type: snmpx.TypeObjectID},
	} {
		require.Error(t, c.Set(t.Context(), snmpx.Var{OID: root.Append(99), Value: bad}), "%v", bad)
	}
	require.EqualValues(t, len(values), a.Stats().Set)
}

func TestAccessors(t *testing.T) {
	n, ok := snmpx.Gauge32(7).Int64()
	require.True(t, ok)
	require.EqualValues(t, 7, n)
	_, ok = snmpx.Counter64(math.MaxUint64).Int64()
	require.False(t, ok)
	u, ok := snmpx.Counter64(math.MaxUint64).Uint64()
	require.True(t, ok)
	require.EqualValues(t, uint64(math.MaxUint64), u)
	_, ok = snmpx.Integer(-1).Uint64()
	require.False(t, ok)
	_, ok = snmpx.Text("7").Int64()
	require.False(t, ok)
	s, ok := snmpx.Text("x").Text()
	require.True(t, ok)
	require.Equal(t, "x", s)
	_, ok = snmpx.Integer(1).Text()
	require.False(t, ok)
	b, ok := snmpx.OctetString([]byte{1}).Octets()
	require.True(t, ok)
	require.Equal(t, []byte{1}, b)
	_, ok = snmpx.Integer(1).Addr()
	require.False(t, ok)
	require.Equal(t, "nothing", snmpx.Value{}.String())
	require.Equal(t, "noSuchInstance", snmpx.Value{Type: snmpx.TypeNoSuchInstance}.String())
	require.Equal(t, "type 200", snmpx.Type(200).String())
	require.Equal(t, "error-status 99", snmpx.Status(99).String())
	require.Equal(t, "inconsistentName", snmpx.InconsistentName.String())
}
