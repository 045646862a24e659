package snmptest_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

func TestLoadRecording(t *testing.T) {
	a := snmptest.NewAgent()
	require.NoError(t, a.LoadRecording(strings.NewReader("# a switch\r\n\n"+
		"1.3.6.1.2.1.1.5.0|4|a|b\r\n1.3.6.1.2.1.1.1.0|4x|0d0a00\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.516\n"+
		"1.3.6.1.2.1.1.3.0|67|697202257\n1.3.6.1.2.1.4.1|64|192.0.2.1\n1.3.6.1.2.1.4.2|64x|c0000202\n"+
		"1.3.6.1.2.1.4.3|70|18446744073709551615\n1.3.6.1.2.1.4.4|2|-1\n1.3.6.1.2.1.4.5|65|4294967295\n1.3.6.1.2.1.4.6|66|7\n")))
	system := snmpx.OID{1, 3, 6, 1, 2, 1}
	for _, v := range []snmpx.Var{
		{OID: system.Append(1, 5, 0), Value: snmpx.Text("a|b")},
		{OID: system.Append(1, 1, 0), Value: snmpx.OctetString([]byte{13, 10, 0})},
		{OID: system.Append(1, 2, 0), Value: snmpx.ObjectID(snmpx.OID{1, 3, 6, 1, 4, 1, 9, 1, 516})},
		{OID: system.Append(1, 3, 0), Value: snmpx.TimeTicks(697202257)},
		{OID: system.Append(4, 1), Value: snmpx.IPAddress(netip.MustParseAddr("192.0.2.1"))},
		{OID: system.Append(4, 2), Value: snmpx.IPAddress(netip.MustParseAddr("192.0.2.2"))},
		{OID: system.Append(4, 3), Value: snmpx.Counter64(1<<64 - 1)},
		{OID: system.Append(4, 4), Value: snmpx.Integer(-1)},
		{OID: system.Append(4, 5), Value: snmpx.Counter32(1<<32 - 1)},
		{OID: system.Append(4, 6), Value: snmpx.Gauge32(7)},
	} {
		require.Equal(t, v.Value, a.Get(v.OID), "%s", v.OID)
	}
	require.Len(t, a.Below(system), 10)
}

func TestLoadBadRecording(t *testing.T) {
	for _, bad := range []string{
		"1.3.6|2", "x|2|1", "1.3.6|2|x", "1.3.6|2|2147483648", "1.3.6|66|-1", "1.3.6|4x|0", "1.3.6|64|::1", "1.3.6|64x|00",
		"1.3.6|6|x", "1.3.6|2:delay|value=1", "1.3.6|99|1", "1.3.6|300|1", "1.3.6||", "1.3.6|70|18446744073709551616",
	} {
		err := snmptest.NewAgent().LoadRecording(strings.NewReader("1.3.6.1|2|1\n" + bad + "\n"))
		require.ErrorContains(t, err, "line 2", "%q", bad)
	}
}

// The recording that Debian has of a real Catalyst 3750 is read whole, and
// answers as snmpsim does.
func TestRealRecording(t *testing.T) {
	all := snmptest.DebianRecording(t, snmptest.Catalyst3750)
	a := snmptest.NewAgent()
	require.NoError(t, a.LoadRecording(bytes.NewReader(all)))
	c := client(t, a)
	rows, err := c.Table(t.Context(), port.Append(3), port.Append(6))
	require.NoError(t, err)
	require.Len(t, rows, 48)
	require.Equal(t, snmpx.OID{3, 3}, rows[0].Index)
	require.Equal(t, snmpx.OID{3, 29}, rows[24].Index, "two numbers are left out in the middle")
	lines := snmptest.Select(all, port.Append(3))
	require.Equal(t, 48, bytes.Count(lines, []byte("\n")))
}

// FuzzRecording reads anything as a recording.
func FuzzRecording(f *testing.F) {
	f.Add([]byte("1.3.6.1.2.1.1.5.0|4|name\n1.3.6.1.2.1.1.1.0|4x|0d0a\n"))
	f.Add([]byte("1.3.6.1.2.1.1.2.0|6|1.3.6.1\r\n#\n1.3.6|64|192.0.2.1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a := snmptest.NewAgent()
		if a.LoadRecording(bytes.NewReader(b)) != nil {
			return
		}
		for _, v := range a.Below(nil) {
			if !a.Get(v.OID).Present() && v.Value.Type != snmpx.TypeNull {
				t.Fatalf("%s is lost", v.OID)
			}
		}
	})
}
