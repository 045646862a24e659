package render_test

import (
	"fmt"
	"net/netip"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/render"
)

func ExampleText() {
	plan, err := vlan.Build(vlan.Spec{
		Private:    netip.MustParsePrefix("10.77.0.0/24"),
		VLANs:      vlan.Range{First: 11, Last: 99},
		FileServer: vlan.FileServer{Iface: "eth0"},
		Shelves: []vlan.Shelf{{
			Name:     "a",
			Switches: []vlan.Switch{{Name: "sw1", Uplink: vlan.Uplink{Port: "49"}}},
			Pis:      []vlan.Host{{Name: "pi1", Port: "1"}, {Name: "pi2", Port: "2"}},
		}},
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, target := range []string{"exports", "pi-cmdline"} {
		files, err := render.Text(target, plan, render.Options{Only: []string{"pi2"}})
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, f := range files {
			fmt.Printf("%s %s\n%s", f.For, f.Path, f.Text)
		}
	}
	// Output:
	// etc/exports.d/pi-vlans.exports
	// # The Pis' roots. Made from the plan: changes will be lost.
	// /export/pi1 10.77.0.2(rw,sync,secure,no_subtree_check,no_root_squash,sec=sys,fsid=00000000-0000-0000-e4da-8a72576678f5)
	// /export/pi2 10.77.0.6(rw,sync,secure,no_subtree_check,no_root_squash,sec=sys,fsid=00000000-0000-0000-2e44-38c8b591a009)
	// pi2 cmdline.txt
	// root=/dev/nfs rootfstype=nfs nfsroot=10.77.0.5:/export/pi2,vers=3,tcp rw ip=10.77.0.6:10.77.0.5::255.255.255.252:pi2:eth0:off rootwait net.ifnames=0
}

// A name that would be another line is refused.
func ExampleValueError() {
	plan := &vlan.Plan{Private: netip.MustParsePrefix("10.77.0.0/24"), Pis: []vlan.Pi{{Name: "pi1\n/etc *(rw)"}}}
	_, err := render.Exports(plan, render.Options{})
	fmt.Println(err)
	// Output: render: Pis[0].Name "pi1\n/etc *(rw)" is not lower-case letters, digits and hyphens, a letter first
}
