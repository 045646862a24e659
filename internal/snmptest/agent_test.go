package snmptest_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

var port = snmpx.MustOID("1.3.6.1.2.1.105.1.1.1")

// poeSwitch has four PoE ports whose detection status follows their admin
// state.
func poeSwitch() *snmptest.Agent {
	a := snmptest.NewAgent()
	for p := range uint32(4) {
		a.Set(port.Append(3, 1, p+1), snmpx.Integer(1))
		a.Set(port.Append(6, 1, p+1), snmpx.Integer(3))
		a.Set(port.Append(9, 1, p+1), snmpx.Text("pi"))
	}
	a.Writable(port.Append(3), snmptest.Hook{
		Check: snmptest.OneOf(1, 2),
		Commit: func(o snmpx.OID, v snmpx.Value) snmpx.Status {
			a.Set(o, v)
			detection := o.Append()
			detection[len(port)] = 6
			a.Set(detection, snmpx.Integer(int32(5-2*v.Int)))
			return snmpx.NoError
		},
	})
	return a
}

// net-snmp's own programs are the judge of what the agent says.
func TestRealTools(t *testing.T) {
	peer.Need(t, "snmpget", "snmpset", "snmpbulkwalk", "snmpwalk")
	addr := snmptest.Start(t, poeSwitch())
	admin := "1.3.6.1.2.1.105.1.1.1.3.1.2"
	for _, c := range []struct {
		name string
		args []string
		want string
		fail bool
	}{
		{"get", []string{"snmpget", "-c", "public", addr, admin}, "1", false},
		{"get of nothing", []string{"snmpget", "-c", "public", addr, admin + "9"}, "No Such Instance", false},
		{"set", []string{"snmpset", "-c", "private", addr, admin, "i", "2"}, "2", false},
		{"status after set", []string{"snmpget", "-c", "public", addr, "1.3.6.1.2.1.105.1.1.1.6.1.2"}, "1", false},
		{"read community", []string{"snmpset", "-c", "public", addr, admin, "i", "1"}, "noAccess", true},
		{"wrong value", []string{"snmpset", "-c", "private", addr, admin, "i", "9"}, "wrongValue", true},
		{"wrong type", []string{"snmpset", "-c", "private", addr, admin, "u", "1"}, "wrongType", true},
		{"not writable", []string{"snmpset", "-c", "private", addr, "1.3.6.1.2.1.105.1.1.1.6.1.2", "i", "1"}, "notWritable", true},
		{"no creation", []string{"snmpset", "-c", "private", addr, admin + "9", "i", "1"}, "noCreation", true},
		{"wrong community", []string{"snmpget", "-r", "0", "-t", "0.1", "-c", "x", addr, admin}, "Timeout", true},
		{"walk", []string{"snmpwalk", "-c", "public", addr, "1.3.6.1.2.1.105"}, "\"pi\"\n\"pi\"\n\"pi\"\n\"pi\"", false},
		{"bulk walk", []string{"snmpbulkwalk", "-c", "public", addr, "1.3.6.1.2.1.105"}, "\"pi\"\n\"pi\"\n\"pi\"\n\"pi\"", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"-v2c", "-On", "-Ov", "-OQ", "-m", ""}, c.args[1:]...)
			out, err := exec.CommandContext(t.Context(), c.args[0], args...).CombinedOutput()
			require.Equal(t, c.fail, err != nil, "%s", out)
			require.Contains(t, string(out), c.want)
		})
	}
}
