package vlan_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// shelf is the spec of the examples.
func shelf() vlan.Spec {
	return vlan.Spec{
		Private:    netip.MustParsePrefix("10.64.0.0/16"),
		VLANs:      vlan.Range{First: 11, Last: 99},
		Public:     vlan.Public{VID: 131, Prefix: netip.MustParsePrefix("2001:db8:0:84::/64")},
		FileServer: vlan.FileServer{Iface: "eth0"},
		Shelves: []vlan.Shelf{{
			Name:     "shelf1",
			Switches: []vlan.Switch{{Name: "sw1", Uplink: vlan.Uplink{Port: "24"}}},
			Pis:      []vlan.Host{{Name: "pi1", Port: "1"}, {Name: "pi2", Port: "2"}},
		}},
	}
}

// A plan, and one Pi more later: nobody moves.
func ExampleBuild() {
	spec := shelf()
	plan, err := vlan.Build(spec, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	spec.Shelves[0].Pis = append([]vlan.Host{{Name: "pi0", Port: "3"}}, spec.Shelves[0].Pis...)
	if plan, err = vlan.Build(spec, plan); err != nil {
		fmt.Println(err)
		return
	}
	for _, pi := range plan.Pis {
		fmt.Println(pi.Name, pi.VID, pi.ServerIface(), pi.Server, pi.Addr, pi.Public)
	}
	// Output:
	// pi1 11 eth0.11 10.64.0.1 10.64.0.2 2001:db8:0:84:1000:11:0:2/64
	// pi2 12 eth0.12 10.64.0.5 10.64.0.6 2001:db8:0:84:1000:12:0:2/64
	// pi0 13 eth0.13 10.64.0.9 10.64.0.10 2001:db8:0:84:1000:13:0:2/64
}

// A plan in its file.
func ExamplePlan_WriteTo() {
	plan, err := vlan.Build(shelf(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan.Pis = plan.Pis[:1] // one is enough to see
	if _, err := plan.WriteTo(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// { "version": 1
	// , "private": "10.64.0.0/16"
	// , "native": 4093
	// , "management": 0
	// , "public": {"vid":131,"prefix":"2001:db8:0:84::/64","base":"2001:db8:0:84:1000::2","gateway":"","numbering":"decimal"}
	// , "file_server": {"iface":"eth0","export_root":"/export"}
	// , "switches": [
	//   {"shelf":"shelf1","name":"sw1","uplink":{"port":"24","iface":"eth0"}}
	// ]
	// , "pis": [
	//   {"name":"pi1","shelf":"shelf1","slot":1,"switch":"sw1","port":"1","vid":11,"net":"10.64.0.0/30","server":"10.64.0.1","addr":"10.64.0.2","broadcast":"10.64.0.3","public":"2001:db8:0:84:1000:11:0:2/64","iface":"eth0"}
	// ]
	// , "retired": [
	// ]
	// }
}

// A switch that was set up by hand, and has a mistake.
func ExampleVerifyState() {
	plan, err := vlan.Build(shelf(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	config, err := plan.Switch("sw1")
	if err != nil {
		fmt.Println(err)
		return
	}
	state := config.State()
	port := state.Ports["2"]
	port.Ingress = false // takes frames with any tag
	state.Ports["2"] = port

	err = vlan.VerifyState(plan, map[string]vlan.State{"sw1": state})
	var leak *vlan.LeakError
	if errors.As(err, &leak) {
		fmt.Println(leak)
	}
	// Output: vlan: frames from pi2 (sw1 port 2) reach pi1 (the file server's eth0.11) in VLAN 11: into sw1 by port 2 in VLAN 11
}

// A switch as it is delivered is made to do what the plan says.
func ExampleApply() {
	plan, err := vlan.Build(shelf(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	config, err := plan.Switch("sw1")
	if err != nil {
		fmt.Println(err)
		return
	}
	sw := vlantest.SwitchFor(config) // or a driver of qbridge, ovs or linuxbridge
	report, err := vlan.Apply(context.Background(), sw, config, vlan.ApplyOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range report.Steps[4:6] {
		fmt.Println(step)
	}
	fmt.Println(report.Done, report.Saved)
	fmt.Println(vlan.VerifyState(plan, map[string]vlan.State{"sw1": report.After}))
	// Output:
	// port 1: ingress filtering true
	// port 2: ingress filtering true
	// 25 true
	// <nil>
}
