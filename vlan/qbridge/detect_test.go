package qbridge_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/qbridge"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// The format is found on switches as they come and as they are after a plan, for
// all numbers of ports.
func TestDetectsFormat(t *testing.T) {
	for _, ports := range []int{3, 8, 10, 24, 26, 28, 48, 50, 52, 54, 64} {
		for _, c := range []struct {
			name string
			fake vlantest.QBridge
		}{
			{"bitmap", vlantest.QBridge{}}, {"reversed", vlantest.QBridge{Reversed: true}}, {"text", vlantest.QBridge{Text: true}},
			{"bitmap with a gap", vlantest.QBridge{Gap: 3}}, {"reversed with a gap", vlantest.QBridge{Reversed: true, Gap: 3}},
		} {
			t.Run(fmt.Sprintf("%s of %d", c.name, ports), func(t *testing.T) {
				fake := c.fake
				fake.Ports = shelf(ports)
				first := dial(t, &fake)
				st, err := first.Read(t.Context())
				require.NoError(t, err)
				symmetric := fake.Reversed && ports%8 == 0 && fake.Gap == 0
				require.True(t, st.Equal(fake.State()), "as it comes")

				all := steps(fake.Ports)
				driver := first
				if symmetric {
					// All ports in VLAN 1 read the same both ways.
					driver = dial(t, &fake, func(c *qbridge.Config) { c.Format = qbridge.Reversed })
				}
				require.NoError(t, driver.DoAll(t.Context(), all))
				st, err = dial(t, &fake, func(c *qbridge.Config) {
					if symmetric {
						c.Format = qbridge.Reversed
					}
				}).Read(t.Context())
				require.NoError(t, err)
				require.True(t, st.Equal(fake.State()), "after a plan")
			})
		}
	}
}

// Digits that happen to be a bitmap.
func TestBitmapOfDigitsIsNoText(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(16)}
	egress := oid("1.3.6.1.2.1.17.7.1.4.3.1.2")
	for n := uint32(1); n <= 16; n++ {
		fake.Agent().Set(qPVID.Append(n), value{Type: qPVIDType})
	}
	fake.Agent().Set(egress.Append(1), octets(0x31, 0x32)) // "12"
	st, err := dial(t, fake).Read(t.Context())
	require.NoError(t, err)
	require.True(t, st.Ports["Gi1/0/3"].Member(1), "0x31 is ports 3, 4 and 8")
	require.False(t, st.Ports["Gi1/0/12"].Member(1) && !st.Ports["Gi1/0/11"].Member(1))
	require.True(t, st.Ports["Gi1/0/3"].Equal(vlan.PortState{Untagged: vlan.VIDs{1}}))
}
