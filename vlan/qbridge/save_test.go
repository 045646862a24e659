package qbridge_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/qbridge"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// Products, by sysObjectID.
const (
	aCatalyst = "1.3.6.1.4.1.9.1.1208"
	aDell     = "1.3.6.1.4.1.674.10895.3065"
	anH3C     = "1.3.6.1.4.1.25506.11.1.168"
	aProCurve = "1.3.6.1.4.1.11.2.3.7.11.160"
)

func TestSaveCiscoOldWay(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(4), ObjectID: aCatalyst}
	writeMem := oid("1.3.6.1.4.1.9.2.1.54.0")
	fake.Agent().Set(writeMem, number(0))
	fake.Agent().Writable(writeMem, snmptest.Hook{Check: snmptest.OneOf(1)})
	require.NoError(t, dial(t, fake).Save(t.Context()))
	require.Equal(t, number(1), fake.Agent().Get(writeMem))
}

// ciscoCopy serves CISCO-CONFIG-COPY-MIB with a row of somebody else's; its states
// come one after the other.
func ciscoCopy(fake *vlantest.QBridge, states ...int32) (entry snmpx.OID) {
	a := fake.Agent()
	entry = oid("1.3.6.1.4.1.9.9.96.1.1.1.1")
	a.Set(entry.Append(14, 1), number(1))
	a.Writable(entry, snmptest.Hook{Create: true, Commit: func(o snmpx.OID, v snmpx.Value) snmpx.Status {
		if v.Int == 6 {
			a.Delete(o)
			return snmpx.NoError
		}
		a.Set(o, v)
		return snmpx.NoError
	}})
	a.Computed(entry.Append(10, 2), func() snmpx.Value {
		state := states[0]
		if len(states) > 1 {
			states = states[1:]
		}
		return number(state)
	})
	return entry
}

func TestSaveCiscoNewWay(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(4), ObjectID: aCatalyst}
	entry := ciscoCopy(fake, 1, 2, 3)
	require.NoError(t, dial(t, fake).Save(t.Context()))
	require.Equal(t, number(4), fake.Agent().Get(entry.Append(3, 2)), "from the running configuration")
	require.Equal(t, number(3), fake.Agent().Get(entry.Append(4, 2)), "to the one at start")
	require.False(t, fake.Agent().Get(entry.Append(14, 2)).Present(), "the row is gone")
	require.True(t, fake.Agent().Get(entry.Append(14, 1)).Present(), "the other row is not")
}

func TestSaveCiscoFails(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(4), ObjectID: aCatalyst}
	entry := ciscoCopy(fake, 4)
	require.ErrorContains(t, dial(t, fake).Save(t.Context()), "could not copy")
	require.False(t, fake.Agent().Get(entry.Append(14, 2)).Present())

	fake = &vlantest.QBridge{Ports: shelf(4), ObjectID: aCatalyst}
	ctx, cancel := context.WithCancel(t.Context())
	a := fake.Agent()
	entry = ciscoCopy(fake, 2)
	a.Computed(entry.Append(10, 2), func() snmpx.Value {
		cancel()
		return number(2)
	})
	require.ErrorIs(t, dial(t, fake).Save(ctx), context.Canceled)
	require.False(t, a.Get(entry.Append(14, 2)).Present(), "the row is gone all the same")
}

func TestSaveDellAndH3C(t *testing.T) {
	dell := &vlantest.QBridge{Ports: shelf(4), ObjectID: aDell}
	save := oid("1.3.6.1.4.1.674.10895.5000.2.6132.1.1.1.3.1.0")
	dell.Agent().Set(save, number(2))
	dell.Agent().Writable(save, snmptest.Hook{Check: snmptest.OneOf(1)})
	require.NoError(t, dial(t, dell).Save(t.Context()))
	require.Equal(t, number(1), dell.Agent().Get(save))

	h3c := &vlantest.QBridge{Ports: shelf(4), ObjectID: anH3C}
	entry := oid("1.3.6.1.4.1.25506.2.4.1.2.4.1")
	h3c.Agent().Set(entry.Append(9, 1), number(1))
	h3c.Agent().Set(entry.Append(9, 3), number(1))
	h3c.Agent().Writable(entry, snmptest.Hook{Create: true})
	require.NoError(t, dial(t, h3c).Save(t.Context()))
	require.Equal(t, number(1), h3c.Agent().Get(entry.Append(2, 2)))
	require.Equal(t, number(4), h3c.Agent().Get(entry.Append(9, 2)))
}

// An HP switch does not write its flash for each of many changes.
func TestSaveHP(t *testing.T) {
	implicit := oid("1.3.6.1.4.1.11.2.14.11.5.1.7.1.29.1.11.0")
	hp := func(state int32) *vlantest.QBridge {
		fake := &vlantest.QBridge{Ports: shelf(4), ObjectID: aProCurve}
		fake.Agent().Set(implicit, number(state))
		fake.Agent().Writable(implicit, snmptest.Hook{Check: snmptest.OneOf(1, 2)})
		return fake
	}
	ingress := vlan.Step{Op: vlan.SetIngress, Port: "Gi1/0/1", On: true}

	fake := hp(1)
	sw := dial(t, fake)
	require.NoError(t, sw.Do(t.Context(), ingress))
	require.Equal(t, number(2), fake.Agent().Get(implicit), "off while there are changes")
	require.NoError(t, sw.Save(t.Context()))
	require.Equal(t, number(1), fake.Agent().Get(implicit), "on again")

	fake = hp(1)
	sw = dial(t, fake)
	require.NoError(t, sw.Do(t.Context(), ingress))
	require.NoError(t, sw.Close())
	require.Equal(t, number(1), fake.Agent().Get(implicit), "Close turns it on as well")

	fake = hp(2)
	sw = dial(t, fake)
	require.NoError(t, sw.Do(t.Context(), ingress))
	require.NoError(t, sw.Save(t.Context()))
	require.Equal(t, number(2), fake.Agent().Get(implicit), "somebody wants it off")
}

func TestSaveOfOthers(t *testing.T) {
	require.ErrorIs(t, dial(t, &vlantest.QBridge{Ports: shelf(4)}).Save(t.Context()), errors.ErrUnsupported)
	named := dial(t, &vlantest.QBridge{Ports: shelf(4)}, func(c *qbridge.Config) { c.Vendor = qbridge.Dell })
	require.ErrorContains(t, named.Save(t.Context()), "save the configuration")
	require.Equal(t, "h3c", qbridge.H3C.String())
	require.Equal(t, "unknown vendor", qbridge.Vendor(99).String())
}
