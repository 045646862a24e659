package realtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan/realtest"
)

func TestGuestHasVLANs(t *testing.T) {
	t.Parallel()
	out := realtest.Guest{Modules: []string{"8021q", "bridge", "veth"}}.Run(t, `
echo a line
ip link add eth0 type veth peer name peer0
ip link add link eth0 name eth0.11 type vlan id 11
ip -d link show eth0.11
ip link add br0 type bridge vlan_filtering 1
`)
	require.Contains(t, out, "a line\n")
	require.Contains(t, out, "vlan protocol 802.1Q id 11")
}
