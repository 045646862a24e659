package snmp_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

func snmpd(a *snmptest.Agent) snmptest.SnmpdConfig {
	return snmptest.SnmpdConfig{
		Agent: a, EngineID: "80001f8880aabbccdd00112233",
		Roots: []snmpx.OID{
			snmpx.MustOID("1.3.6.1.2.1.105"), snmpx.MustOID(enterprises + "4413"),
			snmpx.MustOID(strings.TrimSuffix(ifDescr, ".")), snmpx.MustOID(strings.TrimSuffix(ifType, ".")),
			snmpx.MustOID(strings.TrimSuffix(ifName, ".")), snmpx.MustOID(strings.TrimSuffix(ifAlias, ".")),
		},
		Lines: []string{"sysobjectid ." + enterprises + "4413"},
		Users: []snmptest.SnmpdUser{
			{Name: "poeadmin", Auth: "SHA-256", AuthPass: "authpass12345", Priv: "AES", PrivPass: "privpass12345"},
			{Name: "poe512", Auth: "SHA-512", AuthPass: "authpass12345", Priv: "AES-256", PrivPass: "privpass12345"},
			{Name: "poemd5", Auth: "MD5", AuthPass: "authpass12345", Priv: "DES", PrivPass: "privpass12345"},
			{Name: "reader", Auth: "SHA-256", AuthPass: "authpass12345", Priv: "AES", PrivPass: "privpass12345", ReadOnly: true},
		},
	}
}

// net-snmp's snmpd, which has no code in common with ours, in the place of a
// switch.
func TestRealSnmpd(t *testing.T) {
	user := func(name string, auth snmp.AuthProtocol, priv snmp.PrivProtocol) snmp.Credentials {
		return snmp.Credentials{V3: snmp.V3{User: name, Auth: auth, AuthPass: "authpass12345", Priv: priv, PrivPass: "privpass12345"}}
	}
	wrong := user("poeadmin", snmp.SHA256, snmp.AES)
	wrong.V3.AuthPass = "not the password"
	low := user("poeadmin", snmp.SHA256, snmp.NoPriv)
	low.V3.PrivPass = ""
	pinned := user("poeadmin", snmp.SHA256, snmp.AES)
	pinned.V3.EngineID = []byte{0x80, 0, 0x1f, 0x88, 0x80, 1, 2, 3, 4, 5, 6, 7, 8}
	a := pse()
	addr := snmptest.StartSnmpd(t, snmpd(a))
	for _, c := range []struct {
		name        string
		credentials snmp.Credentials
		weak        bool
		dialError   error
		setError    error
		refused     string // status of a PDUError of the SET
	}{
		{name: "v2c", credentials: communities()},
		{name: "SHA-256 and AES", credentials: user("poeadmin", snmp.SHA256, snmp.AES)},
		{name: "SHA-512 and AES-256", credentials: user("poe512", snmp.SHA512, snmp.AES256)},
		{name: "MD5 and DES do not write", credentials: user("poemd5", snmp.MD5, snmp.DES), setError: poe.ErrReadOnly},
		{name: "unless they are to", credentials: user("poemd5", snmp.MD5, snmp.DES), weak: true},
		{name: "a user for reading", credentials: user("reader", snmp.SHA256, snmp.AES), refused: "noAccess"},
		{name: "a community for reading", credentials: snmp.Credentials{V2c: snmp.V2c{Read: "public"}}, setError: poe.ErrReadOnly},
		{name: "a wrong password", credentials: wrong, dialError: snmp.ErrAuth},
		{name: "an unknown user", credentials: user("nobody", snmp.SHA256, snmp.AES), dialError: snmp.ErrAuth},
		{name: "too low a level", credentials: low, refused: "authorizationError"},
		{name: "another engine than the pinned one", credentials: pinned, dialError: snmp.ErrEngineChanged},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(addr)
			cfg.Credentials, cfg.AllowWeak, cfg.Settle = c.credentials, c.weak, 0
			s, err := snmp.Dial(t.Context(), cfg)
			if c.refused == "authorizationError" {
				var refused *snmp.PDUError
				require.True(t, errorAs(err, &refused), "%v", err)
				require.Equal(t, c.refused, refused.Status)
				return
			}
			if c.dialError != nil {
				require.ErrorIs(t, err, c.dialError)
				return
			}
			require.NoError(t, err)
			defer s.Close()
			requirePorts(t, s)
			err = s.SetAdmin(t.Context(), "0/3", false)
			if c.setError != nil || c.refused != "" {
				requireRefusal(t, err, c.setError, c.refused)
				return
			}
			require.NoError(t, err)
			p, err := s.Port(t.Context(), "0/3")
			require.NoError(t, err)
			require.True(t, p.Dark())
			require.Equal(t, int64(2), a.Get(snmpx.MustOID(peth+"3.1.9003")).Int)
			require.Equal(t, int64(1), a.Get(snmpx.MustOID(peth+"3.1.9002")).Int)
			require.NoError(t, s.SetAdmin(t.Context(), "0/3", true))
		})
	}
}

// The conformance suite over SNMPv3, through net-snmp.
func TestRealConformance(t *testing.T) {
	addr := snmptest.StartSnmpd(t, snmpd(pse()))
	poetest.TestSwitch(t, func(t *testing.T) poetest.Bench {
		cfg := config(addr)
		cfg.Settle = 0
		cfg.Credentials = snmp.Credentials{V3: snmp.V3{
			User: "poeadmin", Auth: snmp.SHA256, AuthPass: "authpass12345", Priv: snmp.AES, PrivPass: "privpass12345",
		}}
		return poetest.Bench{Switch: dial(t, cfg), Port: "0/3"}
	})
}

func requirePorts(t *testing.T, s *snmp.Switch) {
	t.Helper()
	require.Equal(t, snmp.Fastpath, s.Info().Vendor)
	ports, err := s.Ports(t.Context())
	require.NoError(t, err)
	require.Len(t, ports, 4)
	for i, p := range ports {
		require.Equal(t, "0/"+string(rune('1'+i)), p.Name)
		require.Equal(t, "pi"+string(rune('1'+i)), p.Alias)
		require.Equal(t, poe.Power{Milliwatts: 2100, Kind: poe.PowerMeasured}, p.Power)
		require.True(t, p.Delivering())
	}
}

func requireRefusal(t *testing.T, err, is error, status string) {
	t.Helper()
	if is != nil {
		require.ErrorIs(t, err, is)
		return
	}
	var refused *snmp.PDUError
	require.True(t, errorAs(err, &refused), "%v", err)
	require.Equal(t, status, refused.Status)
}

// A recording of a real Catalyst 3750-48P that is the third of its stack. Its
// rows are 3.3 to 3.26 and 3.29 to 3.52: whoever counts ports cuts the power of
// another one.
func TestRealCatalyst3750(t *testing.T) {
	recording := snmptest.DebianRecording(t, snmptest.Catalyst3750)
	recording = snmptest.Select(recording,
		snmpx.MustOID("1.3.6.1.2.1.1"), snmpx.MustOID("1.3.6.1.2.1.2"), snmpx.MustOID("1.3.6.1.2.1.31"),
		snmpx.MustOID("1.3.6.1.2.1.47"), snmpx.MustOID("1.3.6.1.2.1.105"), snmpx.MustOID(enterprises+"9.9.402"))
	addr := snmptest.StartSnmpsim(t, snmptest.SnmpsimConfig{
		Recordings: map[string][]byte{"cisco": recording},
		Writable:   []snmpx.OID{snmpx.MustOID(peth + "3"), snmpx.MustOID(cpe + "1")},
	})
	cfg := config(addr)
	cfg.Credentials = snmp.Credentials{V2c: snmp.V2c{Write: "cisco"}}
	cfg.Settle = 0
	s := dial(t, cfg)
	require.Equal(t, snmp.Cisco, s.Info().Vendor)

	ports, err := s.Ports(t.Context())
	require.NoError(t, err)
	require.Len(t, ports, 48)
	for i, p := range ports {
		place := i + 1
		row := place + 2
		if place > 24 {
			row = place + 4
		}
		require.Equal(t, "Fa3/0/"+decimal(place), p.Name)
		require.Equal(t, "3."+decimal(row), p.Index)
		require.Equal(t, 11000+place, p.IfIndex)
		require.True(t, p.Admin)
		if p.Name == "Fa3/0/3" || p.Name == "Fa3/0/42" {
			require.Equal(t, poe.DetectionDelivering, p.Detection)
			require.Equal(t, poe.Power{Milliwatts: 15400, Kind: poe.PowerAllocated}, p.Power)
			continue
		}
		require.Equal(t, poe.DetectionSearching, p.Detection)
	}
	budgets, err := s.Budgets(t.Context())
	require.NoError(t, err)
	require.Equal(t, []poe.Budget{{
		Group: 3, Nominal: poe.Power{Milliwatts: 370000, Kind: poe.PowerAllocated}, Used: poe.Power{Milliwatts: 30000, Kind: poe.PowerAllocated},
	}}, budgets)

	before := written(t, addr)
	require.NoError(t, s.SetAdmin(t.Context(), "Fa3/0/25", false))
	p, err := s.Port(t.Context(), "Fa3/0/25")
	require.NoError(t, err)
	require.False(t, p.Admin)
	require.Equal(t, "3.29", p.Index)
	after := written(t, addr)
	require.Equal(t, strings.Replace(before, peth+"3.3.29 = 1", peth+"3.3.29 = 2", 1), after, "something else was written to")
	require.NotEqual(t, before, after)
	require.NoError(t, s.SetAdmin(t.Context(), "Fa3/0/25", true))
	require.Equal(t, before, written(t, addr))
}

func decimal(n int) string { return snmpx.OID{uint32(n)}.String() }

// written is all that can be written to, as snmpbulkwalk sees it.
func written(t *testing.T, addr string) string {
	t.Helper()
	walk := peer.Look(t, "snmpbulkwalk")
	var all strings.Builder
	for _, root := range []string{peth + "3", cpe + "1"} {
		out, err := exec.CommandContext(t.Context(), walk, "-v2c", "-c", "cisco", "-On", "-Oe", "-OQ", "-m", "", addr, root).Output()
		require.NoError(t, err)
		all.Write(out)
	}
	return strings.ReplaceAll("\n"+all.String(), "\n.", "\n")
}

// The switch is replaced by another of the same address and users: the driver
// goes on and says so. With a wrong privacy passphrase net-snmp says nothing.
func TestRealEngineChange(t *testing.T) {
	credentials := snmp.Credentials{V3: snmp.V3{
		User: "poeadmin", Auth: snmp.SHA256, AuthPass: "authpass12345", Priv: snmp.AES, PrivPass: "privpass12345",
	}}
	first := snmpd(pse())
	daemon := snmptest.RunSnmpd(t, first)
	cfg := config(daemon.Addr)
	cfg.Credentials, cfg.Settle = credentials, 0
	changes := make(chan [2]string, 10)
	cfg.OnEngineChange = func(old, now []byte) { changes <- [2]string{fmt.Sprintf("%x", old), fmt.Sprintf("%x", now)} }
	s := dial(t, cfg)
	pinned := cfg
	pinned.Credentials.V3.EngineID = []byte{0x80, 0, 0x1f, 0x88, 0x80, 0xaa, 0xbb, 0xcc, 0xdd, 0, 0x11, 0x22, 0x33}
	strict := dial(t, pinned)
	requirePorts(t, strict)

	daemon.Stop()
	second := snmpd(pse())
	second.Addr, second.EngineID = daemon.Addr, "80001f8880ffffffff00112244"
	snmptest.RunSnmpd(t, second)
	requirePorts(t, s)
	require.NoError(t, s.SetAdmin(t.Context(), "0/2", false))
	require.Equal(t, [2]string{first.EngineID, second.EngineID}, <-changes)
	require.Empty(t, changes)
	_, err := strict.Ports(t.Context())
	require.ErrorIs(t, err, snmp.ErrEngineChanged)

	cfg = hasty(cfg)
	cfg.Credentials.V3.PrivPass = "not the password"
	_, err = snmp.Dial(t.Context(), cfg)
	require.ErrorIs(t, err, snmp.ErrTimeout)
}
