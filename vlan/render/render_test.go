package render_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/render"
)

// families are the switches, and how each names ports.
var families = map[string]naming{
	"cisco-ios":   {func(n int) string { return fmt.Sprintf("GigabitEthernet1/0/%d", n) }, "Port-channel1"},
	"procurve":    {func(n int) string { return fmt.Sprint(n) }, "Trk1"},
	"aruba-cx":    {func(n int) string { return fmt.Sprintf("1/1/%d", n) }, "lag1"},
	"junos":       {func(n int) string { return fmt.Sprintf("ge-0/0/%d", n) }, "ae0"},
	"fastpath":    {func(n int) string { return fmt.Sprintf("0/%d", n) }, "lag1"},
	"mikrotik":    {func(n int) string { return fmt.Sprintf("ether%d", n) }, "bond1"},
	"openvswitch": {func(n int) string { return fmt.Sprintf("swp%d", n) }, "bond0"},
}

// portsFor names ports for a target: those of Linux where it is no switch.
func portsFor(target string) naming {
	if n, ok := families[target]; ok {
		return n
	}
	return families["openvswitch"]
}

func TestGolden(t *testing.T) {
	for _, target := range render.Targets() {
		t.Run(target, func(t *testing.T) {
			n := portsFor(target)
			p := build(t, shelf(n), nil)
			golden(t, target, joined(text(t, target, p, render.Options{})))
		})
	}
}

// Equal plans give equal texts, however often and in whatever order a spec names
// its Pis.
func TestDeterministic(t *testing.T) {
	for _, target := range render.Targets() {
		n := portsFor(target)
		spec := shelf(n)
		first := build(t, spec, nil)
		want := joined(text(t, target, first, render.Options{Bridge: "br0"}))
		require.Equal(t, want, joined(text(t, target, first, render.Options{Bridge: "br0"})), target)
		require.Equal(t, want, joined(text(t, target, build(t, spec, first), render.Options{Bridge: "br0"})), target)
	}
}

// whole are lines that name all VLANs or ports of a kind, and so grow: by target,
// how each begins.
var whole = map[string][]string{
	"cisco-ios":   {" switchport trunk allowed vlan 7,"},
	"aruba-cx":    {"    vlan trunk allowed 7,"},
	"fastpath":    {"no vlan "},
	"mikrotik":    {`/interface bridge vlan set [find bridge="bridge" vlan-ids=131 dynamic=no] tagged="ether1`, ":for v from="},
	"openvswitch": {"\t-- set port bond0 vlan_mode=trunk ", "\t-- set port swp24 vlan_mode=trunk ", "\t-- set port swp22 vlan_mode=trunk "},
}

// A Pi more adds lines. None that was there is gone or moves, but for the lists.
func TestOnePiMore(t *testing.T) {
	for _, target := range render.Targets() {
		t.Run(target, func(t *testing.T) {
			n := portsFor(target)
			spec := shelf(n)
			before := build(t, spec, nil)
			spec.Shelves[0].Pis = append([]vlan.Host{{Name: "pi0", Switch: "sw1", Port: n.port(9)}}, spec.Shelves[0].Pis...)
			after := build(t, spec, before)
			// OVS joins lines by a backslash, which the last one lacks.
			clean := strings.NewReplacer(" \\\n", "\n")
			now := strings.Split(clean.Replace(joined(text(t, target, after, render.Options{}))), "\n")
			grown := 0
			for line := range strings.SplitSeq(clean.Replace(joined(text(t, target, before, render.Options{}))), "\n") {
				i := slices.Index(now, line)
				if i < 0 && slices.ContainsFunc(whole[target], func(start string) bool { return strings.HasPrefix(line, start) }) {
					grown++
					continue
				}
				require.GreaterOrEqual(t, i, 0, "%q is gone", line)
				now = now[i+1:]
			}
			require.LessOrEqual(t, grown, 6)
		})
	}
}

func TestOnly(t *testing.T) {
	p := build(t, shelf(families["cisco-ios"]), nil)
	require.Len(t, text(t, "cisco-ios", p, render.Options{}), 2)
	require.Equal(t, "sw2", text(t, "cisco-ios", p, render.Options{Only: []string{"sw2"}})[0].For)
	require.Len(t, text(t, "pi-networkd", p, render.Options{Only: []string{"pi1", "pi4"}}), 6)
	require.Len(t, text(t, "exports", p, render.Options{Only: []string{"pi1"}}), 1)
	_, err := render.Text("junos", p, render.Options{Only: []string{"pi1"}})
	require.EqualError(t, err, `render: Options.Only "pi1" is no switch of the plan`)
	_, err = render.Text("junox", p, render.Options{})
	require.ErrorContains(t, err, `target "junox" is none of aruba-cx, cisco-ios, exports, `)
}

// A shelf without a public network has plain access ports.
func TestNoPublic(t *testing.T) {
	for target, family := range readers {
		spec := shelf(families[target])
		spec.Public, spec.Shelves[0].Switches[0].Router = vlan.Public{}, ""
		p := build(t, spec, nil)
		got, err := read(target, one(t, text(t, target, p, render.Options{}), "sw1").Text, physical(t, p, "sw1"))
		require.NoError(t, err, target)
		require.Equal(t, wanted(t, p, "sw1", family.quirk), got, target)
		require.Empty(t, text(t, "pi-ifupdown", p, render.Options{}))
		require.Empty(t, text(t, "pi-networkd", p, render.Options{}))
	}
}

// A router that is not given waits for advertisements.
func TestNoGateway(t *testing.T) {
	spec := shelf(families["openvswitch"])
	spec.Public.Gateway = netip.Addr{}
	p := build(t, spec, nil)
	f := one(t, text(t, "pi-ifupdown", p, render.Options{}), "pi1")
	require.Contains(t, f.Text, "\taccept_ra 1\n")
	require.NotContains(t, f.Text, "gateway")
	require.Contains(t, joined(text(t, "pi-networkd", p, render.Options{})), "IPv6AcceptRA=yes\n\n[IPv6AcceptRA]\nUseAutonomousPrefix=no\n")
}

func TestOptions(t *testing.T) {
	p := build(t, shelf(families["cisco-ios"]), nil)
	files := text(t, "networkd", p, render.Options{NetworkdParents: map[string]string{"eth0": "20-wired.network"}})
	require.Equal(t, "etc/systemd/network/20-wired.network.d/pi-vlans.conf", files[0].Path)
	require.NotContains(t, joined(files), "70-eth0")

	f := one(t, text(t, "pi-cmdline", p, render.Options{NFSOptions: "vers=4.1", Cmdline: []string{"console=ttyAMA0,115200", "quiet"}}), "pi1")
	require.Contains(t, f.Text, "/export/pi1,vers=4.1 rw ")
	require.True(t, strings.HasSuffix(f.Text, " console=ttyAMA0,115200 quiet\n"), f.Text)
	require.Equal(t, 1, strings.Count(f.Text, "\n"))

	f = one(t, text(t, "cisco-ios", p, render.Options{ISL: true, RAGuard: true}), "sw1")
	require.Equal(t, 7, strings.Count(f.Text, "\n switchport trunk encapsulation dot1q\n switchport trunk native vlan "), "on Pis' ports, trunks and their members")
	require.Equal(t, 3, strings.Count(f.Text, "\n ipv6 nd raguard\n"), "on Pis' ports")

	require.Contains(t, joined(text(t, "mikrotik", p, render.Options{Bridge: "shelf"})), `bridge="shelf"`)
	require.Contains(t, joined(text(t, "openvswitch", p, render.Options{Bridge: "shelf"})), " add-br shelf ")
	nft := one(t, text(t, "nftables", p, render.Options{Forwarding: true}), "").Text
	require.Contains(t, nft, "hook forward priority filter; policy accept;\n\t\tiifname \"eth0.*\" drop\n\t\toifname \"eth0.*\" drop\n")
}

// A full shelf: long lists are cut where a line would be too long for IOS, and
// the parts after the first add to it.
func TestManyVLANs(t *testing.T) {
	n := families["cisco-ios"]
	spec := shelf(n)
	spec.Private, spec.VLANs, spec.Shelves[0].Pis = netip.MustParsePrefix("10.64.0.0/16"), vlan.Range{First: 12, Last: 900}, nil
	spec.Pinned = make(map[string]vlan.Pin)
	for i := range 300 {
		name := fmt.Sprintf("pi%d", i)
		spec.Shelves[0].Pis = append(spec.Shelves[0].Pis, vlan.Host{Name: name, Switch: "sw1", Port: n.port(100 + i)})
		spec.Pinned[name] = vlan.Pin{VID: vlan.VID(12 + 2*i)}
	}
	p := build(t, spec, nil)
	f := one(t, text(t, "cisco-ios", p, render.Options{}), "sw1")
	require.Contains(t, f.Text, "\nspanning-tree mode mst\n")
	for line := range strings.SplitSeq(f.Text, "\n") {
		require.LessOrEqual(t, len(line), 254)
	}
	require.Contains(t, f.Text, "\n switchport trunk allowed vlan add ")
	for _, target := range []string{"cisco-ios", "aruba-cx", "fastpath"} {
		if target != "cisco-ios" {
			spec.Shelves[0].Switches[0].Uplink.Port = "lag1"
			p = build(t, spec, nil)
		}
		f := one(t, text(t, target, p, render.Options{}), "sw1")
		got, err := read(target, f.Text, physical(t, p, "sw1"))
		require.NoError(t, err, target)
		require.Equal(t, wanted(t, p, "sw1", readers[target].quirk), got, target)
	}
	spec.Shelves[0].Switches[0].Uplink.Port = "Trk1"
	f = one(t, text(t, "procurve", build(t, spec, nil), render.Options{}), "sw1")
	require.Contains(t, f.Text, "\nmax-vlans 304\n", "300 Pis, public, native, management and 1")
	require.NotContains(t, one(t, text(t, "procurve", build(t, shelf(families["procurve"]), nil), render.Options{}), "sw1").Text, "max-vlans")
}

// What a family cannot say is refused, by name.
func TestFamiliesRefuse(t *testing.T) {
	spec := shelf(families["fastpath"])
	spec.Native = 4094
	_, err := render.FASTPATH(build(t, spec, nil), render.Options{})
	require.EqualError(t, err, `render: Switches["sw1"].VLANs.ID "4094" is not from 1 to 4093, which is the most here`)

	for _, target := range []string{"cisco-ios", "procurve", "aruba-cx", "junos", "fastpath"} {
		spec := shelf(families[target])
		spec.Shelves[0].Switches[0].Uplink.Port = "trunk"
		_, err := render.Text(target, build(t, spec, nil), render.Options{})
		var refused *render.ValueError
		require.ErrorAs(t, err, &refused, target)
		require.Equal(t, "trunk", refused.Value)
	}
}
