package snmp_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// communities are those of agents that say nothing else.
func communities() snmp.Credentials {
	return snmp.Credentials{V2c: snmp.V2c{Read: "public", Write: "private"}}
}

// config is one for a test. Nothing is sent twice on a busy machine, so that
// requests can be counted.
func config(addr string) snmp.Config {
	return snmp.Config{
		Addr: addr, Credentials: communities(), Settle: 200 * time.Millisecond, MinTimeout: 10 * time.Second, MaxTimeout: 10 * time.Second,
	}
}

// hasty gives up soon.
func hasty(c snmp.Config) snmp.Config {
	c.MinTimeout, c.MaxTimeout, c.Retries = 20*time.Millisecond, 100*time.Millisecond, 1
	return c
}

func dial(t *testing.T, cfg snmp.Config) *snmp.Switch {
	t.Helper()
	s, err := snmp.Dial(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// objects are what an agent is made of: names to values.
type objects map[string]snmpx.Value

// agent serves objects.
func agent(t *testing.T, all ...objects) (*snmptest.Agent, string) {
	t.Helper()
	a := snmptest.NewAgent()
	for _, some := range all {
		for name, value := range some {
			a.Set(snmpx.MustOID(name), value)
		}
	}
	return a, snmptest.Start(t, a)
}

const (
	sysObjectID = "1.3.6.1.2.1.1.2.0"
	ifDescr     = "1.3.6.1.2.1.2.2.1.2."
	ifType      = "1.3.6.1.2.1.2.2.1.3."
	ifName      = "1.3.6.1.2.1.31.1.1.1.1."
	ifAlias     = "1.3.6.1.2.1.31.1.1.1.18."
	peth        = "1.3.6.1.2.1.105.1.1.1."
	pethMain    = "1.3.6.1.2.1.105.1.3.1.1."
	enterprises = "1.3.6.1.4.1."
	cpe         = enterprises + "9.9.402.1.2.1."
)

// iface is an Ethernet interface.
func iface(index, name, alias string) objects {
	return objects{
		ifDescr + index: snmpx.Text("Port " + name), ifType + index: snmpx.Integer(6),
		ifName + index: snmpx.Text(name), ifAlias + index: snmpx.Text(alias),
	}
}

// delivering is a row of pethPsePortTable that gives power to a device of class 2.
func delivering(index string) objects {
	return objects{
		peth + "3." + index: snmpx.Integer(1), peth + "6." + index: snmpx.Integer(3),
		peth + "7." + index: snmpx.Integer(3), peth + "10." + index: snmpx.Integer(3),
		peth + "8." + index: snmpx.Counter32(1), peth + "11." + index: snmpx.Counter32(2),
		peth + "12." + index: snmpx.Counter32(3), peth + "13." + index: snmpx.Counter32(4),
		peth + "14." + index: snmpx.Counter32(5),
	}
}

// is makes an agent one of a vendor's switches.
func is(vendor string) objects {
	return objects{sysObjectID: snmpx.ObjectID(snmpx.MustOID(enterprises + vendor))}
}

// hookNothing takes what RFC 3621 allows and stores it.
func hookNothing() snmptest.Hook { return snmptest.Hook{Check: snmptest.OneOf(1, 2)} }

// client is one that sees what the driver does not show.
func client(t *testing.T, addr string) *snmpx.Client {
	t.Helper()
	c, err := snmpx.Dial(t.Context(), snmpx.Config{
		Addr: addr, Credentials: snmpx.Credentials{V2c: snmpx.V2c{Read: "public", Write: "private"}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func value(t *testing.T, c *snmpx.Client, o snmpx.OID) int64 {
	t.Helper()
	v, err := c.Get(t.Context(), o)
	require.NoError(t, err)
	require.True(t, v[0].Present(), "%v is %v", o, v[0])
	return v[0].Int
}

func errorAs[E error](err error, target *E) bool { return errors.As(err, target) }

func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

// pse is an agent with four ports of a FASTPATH switch, whose detection follows
// what is written.
func pse() *snmptest.Agent {
	a := snmptest.NewAgent()
	for _, n := range []string{"1", "2", "3", "4"} {
		index := "1.900" + n // beside the interfaces of this host
		row := join(iface("900"+n, "0/"+n, "pi"+n), delivering(index),
			objects{enterprises + "4413.1.1.15.1.1.1.2." + index: snmpx.Gauge32(2100)})
		for name, v := range row {
			a.Set(snmpx.MustOID(name), v)
		}
	}
	admin := snmpx.MustOID(peth + "3")
	a.Writable(admin, snmptest.Hook{
		Check: snmptest.OneOf(1, 2),
		Commit: func(o snmpx.OID, v snmpx.Value) snmpx.Status {
			a.Set(o, v)
			index := o[len(admin):]
			a.Set(snmpx.MustOID(peth+"6").Append(index...), snmpx.Integer(int32(5-2*v.Int)))
			return snmpx.NoError
		},
	})
	return a
}
