package snmptest_test

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// tool runs one of net-snmp's programs and returns what it says.
func tool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	peer.Need(t, name)
	out, err := exec.CommandContext(t.Context(), name, append([]string{"-On", "-OQ", "-m", ""}, args...)...).CombinedOutput()
	return string(out), err
}

func TestRealSnmpd(t *testing.T) {
	a := poeSwitch()
	addr := snmptest.StartSnmpd(t, snmptest.SnmpdConfig{
		Agent: a, Roots: []snmpx.OID{snmpx.MustOID("1.3.6.1.2.1.105")},
		Users: []snmptest.SnmpdUser{{Name: "poeadmin", Auth: "SHA-256", AuthPass: "authpass12345", Priv: "AES", PrivPass: "privpass12345"}},
	})
	admin := port.Append(3, 1, 2)
	user := []string{"-v3", "-l", "authPriv", "-u", "poeadmin", "-a", "SHA-256", "-A", "authpass12345", "-x", "AES", "-X", "privpass12345", addr}
	out, err := tool(t, "snmpset", append(user, admin.String(), "i", "2")...)
	require.NoError(t, err, out)
	require.Equal(t, snmpx.Integer(2), a.Get(admin))
	require.Equal(t, snmpx.Integer(1), a.Get(port.Append(6, 1, 2)), "the hook has run")

	out, err = tool(t, "snmpset", "-v2c", "-c", "private", addr, admin.String(), "i", "9")
	require.Error(t, err)
	require.Contains(t, out, "wrongValue")
	out, err = tool(t, "snmpbulkwalk", "-v2c", "-c", "public", addr, "1.3.6.1.2.1.105")
	require.NoError(t, err, out)
	require.Equal(t, 12, bytes.Count([]byte(out), []byte("\n")), out)
}

func TestRealSnmpsim(t *testing.T) {
	all := snmptest.DebianRecording(t, snmptest.Catalyst3750)
	admin := port.Append(3)
	addr := snmptest.StartSnmpsim(t, snmptest.SnmpsimConfig{
		Recordings: map[string][]byte{"cat": snmptest.Select(all, snmpx.MustOID("1.3.6.1.2.1.1"), port)},
		Writable:   []snmpx.OID{admin},
	})
	out, err := tool(t, "snmpset", "-v2c", "-c", "cat", addr, admin.Append(3, 29).String(), "i", "2")
	require.NoError(t, err, out)
	out, err = tool(t, "snmpwalk", "-v2c", "-Ov", "-c", "cat", addr, admin.String())
	require.NoError(t, err, out)
	require.Equal(t, 1, bytes.Count([]byte(out), []byte("2\n")), out)
}
