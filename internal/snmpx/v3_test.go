package snmpx_test

import (
	"encoding/hex"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

const (
	authPass = "authpass12345"
	privPass = "privpass12345"
	engineA  = "80001f8880aabbccdd00112233"
	engineB  = "80001f8880aabbccdd00112299"
)

var poeRoot = snmpx.MustOID("1.3.6.1.2.1.105")

// snmpd runs net-snmp's agent with the objects of a, and users of all protocols.
func snmpd(t *testing.T, a *snmptest.Agent, c snmptest.SnmpdConfig) *snmptest.Daemon {
	t.Helper()
	peer.Look(t, "snmpd")
	c.Agent, c.Roots = a, []snmpx.OID{poeRoot}
	c.Users = []snmptest.SnmpdUser{
		{Name: "poeadmin", Auth: "SHA-256", AuthPass: authPass, Priv: "AES", PrivPass: privPass},
		{Name: "sha512", Auth: "SHA-512", AuthPass: authPass, Priv: "AES", PrivPass: privPass},
		{Name: "aes256", Auth: "SHA-256", AuthPass: authPass, Priv: "AES-256", PrivPass: privPass},
		{Name: "md5", Auth: "MD5", AuthPass: authPass, Priv: "DES", PrivPass: privPass},
		{Name: "reader", Auth: "SHA-256", AuthPass: authPass, Priv: "AES", PrivPass: privPass, ReadOnly: true},
	}
	return snmptest.RunSnmpd(t, c)
}

func user(name string) snmpx.V3 {
	v := poeadmin
	v.User = name
	return v
}

func v3(v snmpx.V3) snmpx.Credentials { return snmpx.Credentials{V3: v} }

func TestRealV2c(t *testing.T) {
	a := poeSwitch(4)
	c := dial(t, snmpx.Config{Addr: snmpd(t, a, snmptest.SnmpdConfig{}).Addr})
	require.NoError(t, c.Set(t.Context(), snmpx.Var{OID: admin.Append(1, 2), Value: snmpx.Integer(1)}))
	values, err := c.Get(t.Context(), admin.Append(1, 2), port.Append(9, 1, 2), admin.Append(1, 9))
	require.NoError(t, err)
	require.Equal(t, snmpx.Integer(1), values[0])
	require.Equal(t, snmpx.Text("pi"), values[1])
	require.False(t, values[2].Present())
	rows, err := c.Table(t.Context(), admin, detection, port.Append(9))
	require.NoError(t, err)
	require.Len(t, rows, 4)
	refusal, ok := errors.AsType[*snmpx.PDUError](c.Set(t.Context(), snmpx.Var{OID: admin.Append(1, 2), Value: snmpx.Integer(9)}))
	require.True(t, ok)
	require.Equal(t, snmpx.WrongValue, refusal.Status)
}

func TestRealV3(t *testing.T) {
	a := poeSwitch(4)
	addr := snmpd(t, a, snmptest.SnmpdConfig{}).Addr
	sha512, aes256, md5 := user("sha512"), user("aes256"), user("md5")
	sha512.Auth, aes256.Priv = snmpx.SHA512, snmpx.AES256
	md5.Auth, md5.Priv = snmpx.MD5, snmpx.DES
	for _, v := range []snmpx.V3{poeadmin, sha512, aes256, md5} {
		t.Run(v.User, func(t *testing.T) {
			c := dial(t, snmpx.Config{Addr: addr, Credentials: v3(v), AllowWeak: true})
			rows, err := c.Table(t.Context(), admin, detection)
			require.NoError(t, err)
			require.Len(t, rows, 4)
			on, off := snmpx.Var{OID: admin.Append(1, 3), Value: snmpx.Integer(1)}, snmpx.Var{OID: admin.Append(1, 3), Value: snmpx.Integer(2)}
			require.NoError(t, c.Set(t.Context(), off))
			require.Equal(t, off.Value, a.Get(off.OID))
			require.NoError(t, c.Set(t.Context(), on))
			err = c.Set(t.Context(), snmpx.Var{OID: admin.Append(1, 3), Value: snmpx.Integer(9)})
			require.ErrorContains(t, err, "wrongValue")
		})
	}
	t.Run("weak users only read", func(t *testing.T) {
		none := snmpx.V3{User: "nobody"}
		for _, v := range []snmpx.V3{md5, none} {
			c := dial(t, snmpx.Config{Addr: addr, Credentials: v3(v)})
			err := c.Set(t.Context(), snmpx.Var{OID: admin.Append(1, 3), Value: snmpx.Integer(2)})
			require.ErrorIs(t, err, snmpx.ErrReadOnly)
		}
	})
}

// gosnmp has one text for all of these.
func TestRealWrongCredentials(t *testing.T) {
	addr := snmpd(t, poeSwitch(4), snmptest.SnmpdConfig{}).Addr
	wrongAuth, wrongPriv, low, lowest := poeadmin, poeadmin, poeadmin, poeadmin
	wrongAuth.AuthPass, wrongPriv.PrivPass = "wrongpass12345", "wrongpass12345"
	low.Priv, lowest.Priv, lowest.Auth = snmpx.NoPriv, snmpx.NoPriv, snmpx.NoAuth
	otherAuth := poeadmin
	otherAuth.Auth = snmpx.SHA512
	for _, test := range []struct {
		name string
		v    snmpx.V3
		want string
	}{
		{"wrong authentication passphrase", wrongAuth, "authentication passphrase"},
		{"wrong authentication protocol", otherAuth, "authentication passphrase or protocol"},
		{"wrong privacy passphrase", wrongPriv, "privacy passphrase"},
		{"unknown user", user("somebody"), `does not know the user "somebody"`},
		{"without encryption", low, "authorizationError"},
		{"without authentication", lowest, "authorizationError"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := dial(t, snmpx.Config{Addr: addr, Credentials: v3(test.v), MinTimeout: 30 * time.Millisecond, Retries: 1})
			for range 2 { // the second time as the first
				_, err := c.Get(t.Context(), sysUpTime)
				require.ErrorIs(t, err, snmpx.ErrAuth)
				require.ErrorContains(t, err, test.want)
				require.NotContains(t, err.Error(), "pass12345")
			}
			_, err := c.Table(t.Context(), admin)
			require.ErrorIs(t, err, snmpx.ErrAuth)
		})
	}
	t.Run("read only", func(t *testing.T) {
		c := dial(t, snmpx.Config{Addr: addr, Credentials: v3(user("reader"))})
		err := c.Set(t.Context(), snmpx.Var{OID: admin.Append(1, 1), Value: snmpx.Integer(2)})
		require.ErrorAs(t, err, new(*snmpx.PDUError))
		require.ErrorContains(t, err, "noAccess")
	})
}

// A session of gosnmp never recovers from another engine.
func TestRealEngineChange(t *testing.T) {
	first := snmpd(t, poeSwitch(4), snmptest.SnmpdConfig{EngineID: engineA})
	var changes atomic.Int32
	var was, is []byte
	c := dial(t, snmpx.Config{Addr: first.Addr, Credentials: v3(poeadmin), OnEngineChange: func(o, n []byte) {
		changes.Add(1)
		was, is = o, n
	}})
	pin, err := hex.DecodeString(engineA)
	require.NoError(t, err)
	pinned := poeadmin
	pinned.EngineID = pin
	careful := dial(t, snmpx.Config{Addr: first.Addr, Credentials: v3(pinned)})
	writer := dial(t, snmpx.Config{Addr: first.Addr, Credentials: v3(poeadmin)})
	for _, client := range []*snmpx.Client{c, careful, writer} {
		_, err := client.Get(t.Context(), sysUpTime)
		require.NoError(t, err)
	}
	require.Zero(t, changes.Load())

	first.Stop()
	other := poeSwitch(4)
	snmpd(t, other, snmptest.SnmpdConfig{EngineID: engineB, Addr: first.Addr})
	off := snmpx.Var{OID: admin.Append(1, 1), Value: snmpx.Integer(2)}

	_, err = c.Get(t.Context(), sysUpTime)
	require.NoError(t, err, "the session was rebuilt")
	require.EqualValues(t, 1, changes.Load())
	require.Equal(t, engineA, hex.EncodeToString(was))
	require.Equal(t, engineB, hex.EncodeToString(is))
	require.NoError(t, c.Set(t.Context(), off), "after the change was reported")

	for range 2 {
		_, err = careful.Get(t.Context(), sysUpTime)
		require.ErrorIs(t, err, snmpx.ErrEngineChanged)
		require.ErrorIs(t, careful.Set(t.Context(), off), snmpx.ErrEngineChanged)
	}

	writes := other.Stats().Set
	require.ErrorIs(t, writer.Set(t.Context(), off), snmpx.ErrEngineChanged)
	require.Equal(t, writes, other.Stats().Set, "nothing was written to a switch that nobody knows of")
	require.NoError(t, writer.Set(t.Context(), off), "who was told may go on")
}

// A read that has met the new engine, and failed, is no leave to write to it.
func TestRealEngineChangeUnproved(t *testing.T) {
	for name, half := range map[string]snmptest.SnmpdUser{
		"no such user":  {Name: "somebody", Auth: "SHA-256", AuthPass: authPass},
		"other privacy": {Name: "poeadmin", Auth: "SHA-256", AuthPass: authPass, Priv: "AES", PrivPass: "otherpass12345"},
	} {
		t.Run(name, func(t *testing.T) {
			d := snmpd(t, poeSwitch(4), snmptest.SnmpdConfig{EngineID: engineA})
			c := dial(t, snmpx.Config{Addr: d.Addr, Credentials: v3(poeadmin), MinTimeout: 50 * time.Millisecond, MaxTimeout: 500 * time.Millisecond, Retries: 6})
			_, err := c.Get(t.Context(), sysUpTime)
			require.NoError(t, err)
			d.Stop()
			d = snmptest.RunSnmpd(t, snmptest.SnmpdConfig{EngineID: engineB, Addr: d.Addr, Users: []snmptest.SnmpdUser{half}})
			_, err = c.Get(t.Context(), sysUpTime)
			require.Error(t, err)
			d.Stop()
			other := poeSwitch(4)
			snmpd(t, other, snmptest.SnmpdConfig{EngineID: engineB, Addr: d.Addr})
			off := snmpx.Var{OID: admin.Append(1, 1), Value: snmpx.Integer(2)}
			require.ErrorIs(t, c.Set(t.Context(), off), snmpx.ErrEngineChanged)
			require.Zero(t, other.Stats().Set)
			require.NoError(t, c.Set(t.Context(), off))
		})
	}
}

// The same engine comes back, with boots that are higher, and then lower as
// after a lost flash.
func TestRealAgentRestart(t *testing.T) {
	d := snmpd(t, poeSwitch(4), snmptest.SnmpdConfig{EngineID: engineA})
	c := dial(t, snmpx.Config{Addr: d.Addr, Credentials: v3(poeadmin), OnEngineChange: func(_, _ []byte) { t.Error("it is the same") }})
	for _, boots := range []string{"7", "70", "3"} {
		d.Stop()
		d = snmpd(t, poeSwitch(4), snmptest.SnmpdConfig{EngineID: engineA, Addr: d.Addr, Lines: []string{"engineBoots " + boots}})
		_, err := c.Get(t.Context(), sysUpTime)
		require.NoError(t, err, "boots %s", boots)
	}
}
