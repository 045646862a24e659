package render_test

import (
	"fmt"
	"testing"

	"github.com/mythic-beasts/hostkit/vlan/render"
)

// families are the switches, and how each names ports.
var families = map[string]naming{
	"cisco-ios":   {func(n int) string { return fmt.Sprintf("GigabitEthernet1/0/%d", n) }, "Port-channel1"},
	"procurve":    {func(n int) string { return fmt.Sprint(n) }, "Trk1"},
	"aruba-cx":    {func(n int) string { return fmt.Sprintf("1/1/%d", n) }, "lag1"},
	"junos":       {func(n int) string { return fmt.Sprintf("ge-0/0/%d", n) }, "ae0"},
	"fastpath":    {func(n int) string { return fmt.Sprintf("0/%d", n) }, "lag1"},
	"routeros":    {func(n int) string { return fmt.Sprintf("ether%d", n) }, "bond1"},
	"openvswitch": {func(n int) string { return fmt.Sprintf("swp%d", n) }, "bond0"},
}

func TestGolden(t *testing.T) {
	for _, target := range render.Targets() {
		t.Run(target, func(t *testing.T) {
			n, isSwitch := families[target]
			if !isSwitch {
				n = families["openvswitch"]
			}
			p := build(t, shelf(n), nil)
			golden(t, target, joined(text(t, target, p, render.Options{})))
		})
	}
}
