package vlan_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
)

// farm is a spec of shelves with 96 Pis each on two switches of 48, the second of
// which hangs off the first.
func farm(shelves, pis int) vlan.Spec {
	spec := vlan.Spec{
		Private: netip.MustParsePrefix("10.64.0.0/16"),
		Public: vlan.Public{
			VID: 131, Prefix: netip.MustParsePrefix("2001:db8:0:84::/64"),
			Gateway: netip.MustParseAddr("2001:db8:0:84::1"),
		},
	}
	spec.FileServer.Iface = "eth0"
	for s := 1; s <= shelves; s++ {
		shelf := vlan.Shelf{Name: fmt.Sprintf("shelf%d", s)}
		first, second := fmt.Sprintf("sw%da", s), fmt.Sprintf("sw%db", s)
		shelf.Switches = []vlan.Switch{
			{Name: first, Uplink: vlan.Uplink{Port: "49", Iface: fmt.Sprintf("eth%d", s)}},
			{Name: second, Uplink: vlan.Uplink{Port: "49", To: first, ToPort: "50"}},
		}
		for n := range pis {
			shelf.Pis = append(shelf.Pis, vlan.Host{
				Name:   fmt.Sprintf("pi-%d-%d", s, n+1),
				Switch: []string{first, second}[n/48%2], Port: fmt.Sprint(n%48 + 1),
			})
		}
		spec.Shelves = append(spec.Shelves, shelf)
	}
	return spec
}

// small is one switch with a few Pis and a file server.
func small(pis int) vlan.Spec {
	spec := vlan.Spec{
		Private: netip.MustParsePrefix("10.64.0.0/24"),
		VLANs:   vlan.Range{First: 11, Last: 99},
		Public:  vlan.Public{VID: 131, Prefix: netip.MustParsePrefix("2001:db8:0:84::/64")},
	}
	spec.FileServer.Iface = "eth0"
	shelf := vlan.Shelf{Name: "a", Switches: []vlan.Switch{{Name: "sw1", Uplink: vlan.Uplink{Port: "24"}}}}
	for n := range pis {
		shelf.Pis = append(shelf.Pis, vlan.Host{Name: fmt.Sprintf("pi%d", n+1), Port: fmt.Sprint(n + 1)})
	}
	spec.Shelves = []vlan.Shelf{shelf}
	return spec
}

func build(t testing.TB, spec vlan.Spec, previous *vlan.Plan) *vlan.Plan {
	t.Helper()
	plan, err := vlan.Build(spec, previous)
	require.NoError(t, err)
	return plan
}

// byName finds a Pi of a plan.
func byName(t testing.TB, p *vlan.Plan, name string) vlan.Pi {
	t.Helper()
	for _, pi := range p.Pis {
		if pi.Name == name {
			return pi
		}
	}
	require.Fail(t, "no such Pi", name)
	return vlan.Pi{}
}
