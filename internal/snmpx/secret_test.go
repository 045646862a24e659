package snmpx_test

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
)

// Whatever a secret is part of, it is not printed.
func TestSecretsAreNeverPrinted(t *testing.T) {
	const secret = "hunter2hunter2"
	v2c := snmpx.Credentials{V2c: snmpx.V2c{Read: secret, Write: secret}}
	v3 := snmpx.Credentials{V3: snmpx.V3{User: "u", Auth: snmpx.SHA256, AuthPass: secret, Priv: snmpx.AES, PrivPass: secret}}
	addr := snmptest.Start(t, poeSwitch(1))
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))

	things := []any{snmpx.Secret(secret), v2c, v3, &v2c, []snmpx.Secret{secret}, map[string]snmpx.Secret{"a": secret},
		snmpx.TrapConfig{Communities: []snmpx.Secret{secret}, Users: []snmpx.V3{v3.V3}}}
	for _, credentials := range []snmpx.Credentials{v2c, v3} {
		config := snmpx.Config{Addr: addr, Credentials: credentials, MinTimeout: time.Millisecond, Retries: 1, Log: logger}
		c := dial(t, config)
		_, err := c.Get(t.Context(), sysUpTime)
		require.Error(t, err)
		things = append(things, c, err, config.Credentials, fmt.Errorf("poe: %w", err))
		err = c.Set(t.Context(), snmpx.Var{OID: admin.Append(1, 1), Value: snmpx.Integer(1)})
		require.Error(t, err)
		things = append(things, err)
	}
	bad := v3
	bad.V3.AuthPass = snmpx.Secret(secret[:7])
	things = append(things, bad.Validate())

	for _, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			require.NotContains(t, fmt.Sprintf(verb, thing), secret[:7], "%s of %T", verb, thing)
			require.NotContains(t, fmt.Sprintf(verb, thing), fmt.Sprintf("%x", secret[:7]), "%s of %T", verb, thing)
		}
		logger.Error("x", "thing", thing)
		if text, err := json.Marshal(thing); err == nil {
			require.NotContains(t, string(text), secret[:7])
		}
	}
	require.NotContains(t, log.String(), secret[:7])
}

func TestValidate(t *testing.T) {
	good := snmpx.V3{User: "u", Auth: snmpx.SHA256, AuthPass: "12345678", Priv: snmpx.AES, PrivPass: "12345678"}
	change := func(fn func(*snmpx.V3)) snmpx.Credentials {
		v := good
		fn(&v)
		return snmpx.Credentials{V3: v}
	}
	for want, c := range map[string]snmpx.Credentials{
		"":                          {V3: good},
		"neither":                   {},
		"both":                      {V2c: snmpx.V2c{Read: "x"}, V3: good},
		"authentication passphrase": change(func(v *snmpx.V3) { v.AuthPass = "1234567" }),
		"privacy passphrase":        change(func(v *snmpx.V3) { v.PrivPass = "" }),
		"wants authentication":      change(func(v *snmpx.V3) { v.Auth = snmpx.NoAuth }),
		"unknown protocol":          change(func(v *snmpx.V3) { v.Auth = 99 }),
		"engine id":                 change(func(v *snmpx.V3) { v.EngineID = []byte{1} }),
		"32 octets":                 change(func(v *snmpx.V3) { v.User = "123456789012345678901234567890123" }),
	} {
		err := c.Validate()
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want)
		_, err = snmpx.Dial(t.Context(), snmpx.Config{Addr: "127.0.0.1", Credentials: c})
		require.Error(t, err)
	}
}
