package qbridge_test

import (
	"testing"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/qbridge"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// saving is a fake that saves by SNMP.
func saving(fake vlantest.QBridge) *vlantest.QBridge {
	fake.Ports, fake.ObjectID = shelf(4), aDell
	save := oid("1.3.6.1.4.1.674.10895.5000.2.6132.1.1.1.3.1.0")
	fake.Agent().Set(save, number(2))
	fake.Agent().Writable(save, snmptest.Hook{})
	return &fake
}

func subject(sw *qbridge.Switch) vlantest.Subject {
	return vlantest.Subject{
		Driver: sw, Ports: []string{"Gi1/0/1", "Gi1/0/2", "Gi1/0/4"}, VIDs: []vlan.VID{4000, 131, 11, 12, 13},
	}
}

func TestConformance(t *testing.T) {
	for _, c := range dialects {
		t.Run(c.name, func(t *testing.T) {
			vlantest.TestDriver(t, func(t *testing.T) vlantest.Subject {
				return subject(dial(t, saving(c.fake), func(config *qbridge.Config) { config.NoNames = c.fake.NoNames }))
			})
		})
	}
}

// The same with net-snmp's agent in between, by SNMPv3 with authentication and
// encryption: it takes one variable at a time, so that a message that is refused
// may be half done.
func TestRealConformanceSnmpd(t *testing.T) {
	t.Parallel()
	vlantest.TestDriver(t, func(t *testing.T) vlantest.Subject {
		addr := snmptest.StartSnmpd(t, snmptest.SnmpdConfig{
			Agent: saving(vlantest.QBridge{}).Agent(),
			Roots: []snmpx.OID{oid("1.3.6.1.2.1.17"), qIfName, oid("1.3.6.1.4.1.674")},
			Users: []snmptest.SnmpdUser{{Name: "vlans", Auth: "SHA-256", AuthPass: "authentic", Priv: "AES", PrivPass: "privately"}},
		})
		return subject(dialAddr(t, addr, func(c *qbridge.Config) {
			c.Vendor = qbridge.Dell
			c.Credentials = qbridge.Credentials{V3: qbridge.V3{
				User: "vlans", Auth: qbridge.SHA256, AuthPass: "authentic", Priv: qbridge.AES, PrivPass: "privately",
			}}
		}))
	})
}
