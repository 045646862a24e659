package snmpx_test

import (
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// notify has net-snmp send a notification about a port to the address.
func notify(t *testing.T, program, addr string, args ...string) error {
	t.Helper()
	peer.Need(t, program)
	args = append(args, addr, "", portOnOff.String(), portOff.OID.String(), "i", "1")
	return exec.CommandContext(t.Context(), program, args...).Run()
}

// why waits until a message is dropped.
func (h heard) why(t *testing.T) error {
	t.Helper()
	select {
	case err := <-h.dropped:
		return err
	case n := <-h.traps:
		require.Fail(t, "it was taken", "%v", n)
	case <-time.After(10 * time.Second):
		require.Fail(t, "nothing came")
	}
	return nil
}

func TestRealTrapRefused(t *testing.T) {
	pinned := poeadmin
	pinned.User, pinned.EngineID = "pinned", []byte{0x80, 0, 0, 0, 9, 9}
	h := listen(t, snmpx.TrapConfig{Users: []snmpx.V3{poeadmin, pinned}})
	engine := []string{"-e", "0x80000000aabbccdd01"}
	auth := []string{"-v3", "-l", "authNoPriv", "-u", "poeadmin", "-a", "SHA-256", "-A", authPass, "-m", ""}
	other := v3args(authPass, privPass)
	other[4] = "somebody"
	foreign := v3args(authPass, privPass)
	foreign[4] = "pinned"
	for _, test := range []struct {
		name string
		args []string
		want error
	}{
		{"wrong authentication passphrase", v3args("wrongpass12345", privPass), snmpx.ErrAuth},
		{"wrong privacy passphrase", v3args(authPass, "wrongpass12345"), snmpx.ErrAuth},
		{"unknown user", other, snmpx.ErrAuth},
		{"not encrypted", auth, snmpx.ErrAuth},
		{"not authenticated", []string{"-v3", "-l", "noAuthNoPriv", "-u", "poeadmin", "-m", ""}, snmpx.ErrAuth},
		{"another engine than pinned", foreign, snmpx.ErrEngineChanged},
		{"v2c where there is none", []string{"-v2c", "-c", "public", "-m", ""}, snmpx.ErrAuth},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := test.args
			if args[0] == "-v3" {
				args = append(engine, args...)
			}
			require.NoError(t, notify(t, "snmptrap", h.addr, args...))
			err := h.why(t)
			require.ErrorIs(t, err, test.want)
			require.NotContains(t, err.Error(), "pass12345")
		})
	}
	t.Run("an inform without an engine of ours", func(t *testing.T) {
		require.Error(t, notify(t, "snmpinform", h.addr, append([]string{"-r", "0", "-t", "0.2"}, v3args(authPass, privPass)...)...))
		require.ErrorIs(t, h.why(t), snmpx.ErrAuth)
	})
}

// A trap that was recorded is not taken again once the agent has started anew.
func TestRealTrapReplayed(t *testing.T) {
	h := listen(t, snmpx.TrapConfig{Users: []snmpx.V3{poeadmin}})
	tap, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer tap.Close()
	// record is what an agent with that many boots sends.
	record := func(boots string) []byte {
		args := append([]string{"-e", "0x80000000aabbccdd01", "-Z", boots + ",1000"}, v3args(authPass, privPass)...)
		require.NoError(t, notify(t, "snmptrap", tap.LocalAddr().String(), args...))
		buf := make([]byte, 1500)
		require.NoError(t, tap.SetReadDeadline(time.Now().Add(10*time.Second)))
		n, _, err := tap.ReadFrom(buf)
		require.NoError(t, err)
		return buf[:n]
	}
	send := func(b []byte) {
		conn, err := net.Dial("udp", h.addr)
		require.NoError(t, err)
		defer conn.Close()
		_, err = conn.Write(b)
		require.NoError(t, err)
	}
	before, after := record("5"), record("6")
	send(before)
	h.next(t)
	send(after)
	h.next(t)
	send(before)
	require.ErrorContains(t, h.why(t), "older than 150 s")
	send(after)
	h.next(t) // within the window nobody can tell
	after[len(after)-1] ^= 1
	send(after)
	require.ErrorIs(t, h.why(t), snmpx.ErrAuth)
}

// An inform by an old clock of ours draws our clock, and is not taken.
func TestRealInformReplayed(t *testing.T) {
	h := listen(t, snmpx.TrapConfig{Users: []snmpx.V3{poeadmin}, EngineID: engineBytes})
	tap, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer tap.Close()
	args := append([]string{"-r", "0", "-t", "0.1", "-e", "0x8000000001020304", "-Z", "5,1000"}, v3args(authPass, privPass)...)
	require.Error(t, notify(t, "snmpinform", tap.LocalAddr().String(), args...), "nobody answers")
	buf := make([]byte, 1500)
	n, _, err := tap.ReadFrom(buf)
	require.NoError(t, err)

	conn, err := net.Dial("udp", h.addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write(buf[:n])
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	n, err = conn.Read(buf)
	require.NoError(t, err)
	require.Contains(t, string(buf[:n]), "\x2b\x06\x01\x06\x03\x0f\x01\x01\x02", "usmStatsNotInTimeWindows")
	require.Empty(t, h.traps)
}

func TestTrapConfig(t *testing.T) {
	reeder := poeadmin
	reeder.Priv = snmpx.AES256C
	for name, c := range map[string]snmpx.TrapConfig{
		"an empty community":   {Communities: []snmpx.Secret{""}},
		"an engine id has":     {EngineID: []byte{1}},
		"without a name":       {Users: []snmpx.V3{{}}},
		"two users":            {Users: []snmpx.V3{poeadmin, poeadmin}},
		"engine must be":       {Users: []snmpx.V3{reeder}},
		"wants authentication": {Users: []snmpx.V3{{User: "x", Priv: snmpx.AES, PrivPass: "12345678"}}},
	} {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		require.NoError(t, err)
		require.ErrorContains(t, snmpx.ListenTraps(t.Context(), conn, c, nil), name)
		require.ErrorIs(t, conn.Close(), net.ErrClosed, "it is closed in any case")
	}
}
