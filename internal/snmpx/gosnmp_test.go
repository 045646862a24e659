package snmpx_test

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// plain is gosnmp without us.
func plain(t *testing.T, addr, community string) *gosnmp.GoSNMP {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	n, err := strconv.ParseUint(port, 10, 16)
	require.NoError(t, err)
	x := &gosnmp.GoSNMP{
		Target: host, Port: uint16(n), Community: community, Version: gosnmp.Version2c,
		Timeout: 50 * time.Millisecond, MaxOids: gosnmp.MaxOids,
	}
	require.NoError(t, x.Connect())
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x
}

// What gosnmp leaves to its user is why this package is. Where one of these
// fails, gosnmp has mended it, and our side of it may go.
func TestWhatGosnmpLeaves(t *testing.T) {
	name := func(o snmpx.OID) string { return "." + o.String() }

	t.Run("a refused SET is no error", func(t *testing.T) {
		x := plain(t, snmptest.Start(t, poeSwitch(1)), "private")
		r, err := x.Set([]gosnmp.SnmpPDU{{Name: name(admin.Append(1, 1)), Type: gosnmp.Integer, Value: 9}})
		require.NoError(t, err)
		require.Equal(t, gosnmp.WrongValue, r.Error)
		require.Equal(t, 9, r.Variables[0].Value, "and looks as if it had been done")
	})
	t.Run("a walk that fails ends", func(t *testing.T) {
		a := poeSwitch(4)
		x := plain(t, snmptest.Start(t, a), "public")
		a.SetFaults(snmptest.Faults{Status: snmpx.AuthorizationError})
		all, err := x.BulkWalkAll(name(admin))
		require.NoError(t, err)
		require.Empty(t, all)
	})
	t.Run("request id 0 is anybody's", func(t *testing.T) {
		a := poeSwitch(1)
		x := plain(t, snmptest.Start(t, a), "public")
		a.SetFaults(snmptest.Faults{ZeroRequestID: true, WrongCommunity: true})
		r, err := x.Get([]string{name(admin.Append(1, 1))})
		require.NoError(t, err)
		require.Equal(t, -1, r.Variables[0].Value)
	})
	t.Run("a long community is not sent right", func(t *testing.T) {
		a := poeSwitch(1)
		a.ReadCommunity = strings.Repeat("x", 130)
		x := plain(t, snmptest.Start(t, a), a.ReadCommunity)
		_, err := x.Get([]string{name(admin.Append(1, 1))})
		require.Error(t, err)
	})
	t.Run("the log shows the community", func(t *testing.T) {
		p := gosnmp.SnmpPacket{Community: "hunter2"}
		require.Contains(t, p.SafeString(), "hunter2")
	})
}
