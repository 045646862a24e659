package snmp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// A bad network and a small agent slow things down and change nothing.
func TestBadNetwork(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults poetest.Faults
	}{
		{"requests are lost", poetest.Faults{LoseRequest: 0.2}},
		{"answers are lost", poetest.Faults{LoseReply: 0.2}},
		{"answers come twice", poetest.Faults{Duplicate: 0.5}},
		{"answers overtake each other", poetest.Faults{Reorder: 0.2}},
		{"all of that", poetest.Faults{LoseRequest: 0.1, LoseReply: 0.1, Duplicate: 0.2, Reorder: 0.1}},
		{"answers are small", poetest.Faults{MaxVarbinds: 20}},
		{"answers are very small", poetest.Faults{MaxVarbinds: 1}},
		{"answers are slow", poetest.Faults{Delay: 2 * time.Millisecond}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sw, a, addr := behind(t, poetest.VendorCisco, 12)
			cfg := config(addr)
			cfg.MinTimeout, cfg.MaxTimeout, cfg.Retries, cfg.Settle = 20*time.Millisecond, time.Second, 10, 5*time.Second
			clean := dial(t, cfg)
			want, err := clean.Ports(t.Context())
			require.NoError(t, err)
			c.faults.Seed = 1
			a.SetFaults(c.faults)
			s := dial(t, cfg)
			got, err := s.Ports(t.Context())
			require.NoError(t, err)
			require.Equal(t, timeless(want), timeless(got))
			for _, on := range []bool{false, true, false} {
				require.NoError(t, s.SetAdmin(t.Context(), "7", on))
				require.Equal(t, on, admin(t, sw, "7"))
			}
		})
	}
}

func timeless(ports []poe.PortStatus) []poe.PortStatus {
	for i := range ports {
		ports[i].At = time.Time{}
	}
	return ports
}

// A table that is cut short is an error, not a smaller switch.
func TestTruncatedTable(t *testing.T) {
	a, addr := agent(t, is("4413"), iface("1", "0/1", ""), iface("2", "0/2", ""), delivering("1.1"), delivering("1.2"))
	s := dial(t, config(addr))
	for _, column := range []string{"3", "6", "14"} {
		a.SetFaults(snmptest.Faults{Truncate: []snmptest.Truncation{{Column: snmpx.MustOID(peth + column), Rows: 1}}})
		_, err := s.Ports(t.Context())
		require.ErrorIs(t, err, snmp.ErrTruncated, column)
	}
	a.SetFaults(snmptest.Faults{})
	a.Delete(snmpx.MustOID(peth + "3.1.2"))
	_, err := s.Ports(t.Context())
	require.ErrorIs(t, err, snmp.ErrTruncated)
	require.ErrorContains(t, err, "1.2")
}

// Answers that anybody could have sent are not believed.
func TestForgedAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults snmptest.Faults
	}{
		{"another request's", snmptest.Faults{WrongRequestID: true, Decoy: true}},
		{"of no request", snmptest.Faults{ZeroRequestID: true, Decoy: true}},
		{"with another community", snmptest.Faults{WrongCommunity: true, Decoy: true}},
		{"from another address", snmptest.Faults{OtherAddress: true, Decoy: true}},
		{"garbled", snmptest.Faults{Garbled: true, Decoy: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, addr := agent(t, is("4413"), iface("1", "0/1", ""), delivering("1.1"))
			s := dial(t, config(addr))
			a.SetFaults(c.faults)
			p, err := s.Port(t.Context(), "0/1")
			require.NoError(t, err)
			require.True(t, p.Delivering())
		})
	}
}

// The names that a switch gives are bytes from a stranger, and stay in their
// field.
func TestHostileNames(t *testing.T) {
	name := "Gi1\n<script>\x1b[2J\x00"
	_, addr := agent(t, is("4413"), iface("1", name, "\xff\xfe"), delivering("1.1"))
	s := dial(t, config(addr))
	ports, err := s.Ports(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Gi1\n<script>\x1b[2J", ports[0].Name)
	require.Equal(t, "\xff\xfe", ports[0].Alias)
	_, err = s.Port(t.Context(), "Gi1\nx")
	require.NotContains(t, err.Error(), "\n")
}

// Secrets are in no printed form, no log and no error.
func TestSecrets(t *testing.T) {
	secret := "correct-horse"
	cfg := snmp.Config{Addr: "127.0.0.1:1", Credentials: snmp.Credentials{V2c: snmp.V2c{Read: snmp.Secret(secret), Write: snmp.Secret(secret)}}}
	v3 := snmp.V3{User: "u", Auth: snmp.SHA256, AuthPass: snmp.Secret(secret), Priv: snmp.AES, PrivPass: snmp.Secret(secret)}
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	log.Info("config", "config", cfg.Credentials, "user", v3, "secret", v3.AuthPass)
	slog.New(slog.NewTextHandler(&out, nil)).Info("config", "config", cfg.Credentials, "user", v3, "secret", v3.AuthPass)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, cfg, v3, v3.AuthPass)
	}
	b, err := json.Marshal([]any{cfg.Credentials, v3})
	require.NoError(t, err)
	out.Write(b)
	out.WriteString(v3.AuthPass.String() + v3.AuthPass.GoString())

	cfg.Log, cfg.Retries, cfg.MaxTimeout, cfg.MinTimeout = log, -1, 20*time.Millisecond, 10*time.Millisecond
	_, err = snmp.Dial(t.Context(), cfg)
	require.Error(t, err)
	fmt.Fprintf(&out, "%v %+v", err, err)
	a := snmptest.NewAgent()
	a.ReadCommunity, a.WriteCommunity = secret, secret+"2"
	for name, v := range join(is("4413"), iface("1", "0/1", ""), delivering("1.1")) {
		a.Set(snmpx.MustOID(name), v)
	}
	cfg.Addr, cfg.MinTimeout, cfg.MaxTimeout, cfg.Retries = snmptest.Start(t, a), time.Second, time.Second, 0
	s := dial(t, cfg)
	fmt.Fprintf(&out, "%v %+v", s.SetAdmin(t.Context(), "0/1", false), s.Info())
	fmt.Fprintf(&out, "%v %+v %#v %s %q %x %v", s, s, s, s, s, s, []any{s})
	log.Info("switch", "switch", s)
	require.Equal(t, "snmp switch "+cfg.Addr+" (fastpath)", fmt.Sprint(s))
	for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%d", []byte(secret))} {
		require.NotContains(t, out.String(), form)
	}
	require.Contains(t, out.String(), "[redacted]")
}

// Bad credentials are refused before anything is sent.
func TestBadCredentials(t *testing.T) {
	for _, c := range []snmp.Credentials{
		{},
		{V3: snmp.V3{User: "u", Auth: 99, AuthPass: "long enough"}},
		{V3: snmp.V3{User: "u", Auth: snmp.SHA256, AuthPass: "short"}},
		{V3: snmp.V3{User: "u", Auth: snmp.SHA256, AuthPass: "long enough", Priv: 99, PrivPass: "long enough"}},
		{V3: snmp.V3{User: "u", Priv: snmp.AES, PrivPass: "long enough"}},
		{V2c: snmp.V2c{Read: "public"}, V3: snmp.V3{User: "u"}},
	} {
		_, err := snmp.Dial(t.Context(), snmp.Config{Addr: "127.0.0.1:1", Credentials: c})
		require.Error(t, err)
		require.NotErrorIs(t, err, snmp.ErrTimeout)
	}
}

// After Close nothing works, and it says so.
func TestClose(t *testing.T) {
	_, addr := agent(t, is("4413"), iface("1", "0/1", ""), delivering("1.1"))
	s := dial(t, config(addr))
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err := s.Ports(t.Context())
	require.ErrorIs(t, err, snmp.ErrClosed)
}

// Brief reads fewer columns; Port all of them.
func TestBrief(t *testing.T) {
	a, addr := agent(t, is("4413"), iface("1", "0/1", ""), delivering("1.1"))
	cfg := config(addr)
	cfg.Brief = true
	s := dial(t, cfg)
	before := a.Stats().Requests()
	ports, err := s.Ports(t.Context())
	require.NoError(t, err)
	require.Equal(t, poe.DetectionDelivering, ports[0].Detection)
	require.Zero(t, ports[0].Counters)
	require.Equal(t, int64(1), a.Stats().Requests()-before)
	before = a.Stats().Requests()
	p, err := s.Port(t.Context(), "0/1")
	require.NoError(t, err)
	require.NotZero(t, p.Counters)
	require.Equal(t, int64(1), a.Stats().Requests()-before)
}
