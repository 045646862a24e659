package render_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/render"
)

// hostile is what somebody writes who wants more than a name.
var hostile = []string{
	"", "pi1\nvlan 666", "pi1\r\nno vlan 11", "pi1 init=/bin/sh", "pi1 shutdown", "pi1;reboot", "$(reboot)", "`reboot`", "pi1'", `pi1"`,
	`pi1\`, "pi1#", "pi1!", "-pi1", "--db=tcp:6.6.6.6:6640", "pi1 *(rw)", "../../etc/shadow", "pi1{", "pi1]", "pi1,root=/dev/sda",
	"pi1\x00", "pi1\x1b[2J", "pi\u202e1", "пи1", "pi1?", "pi1|", "pi1&", "pi1:10.0.0.1", strings.Repeat("p", 65),
}

// plain reports whether all that is in it is harmless inside of a word.
func plain(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._/:-") == ""
}

// A plan is a file, which may have been changed by anybody. Whatever is put into
// whichever field of it: a text is refused, or has nothing of it.
func TestInjection(t *testing.T) {
	fields := map[string]func(*vlan.Plan, string){
		"pi name":        func(p *vlan.Plan, s string) { p.Pis[1].Name = s },
		"pi iface":       func(p *vlan.Plan, s string) { p.Pis[1].Iface = s },
		"pi port":        func(p *vlan.Plan, s string) { p.Pis[1].Port = s },
		"pi switch":      func(p *vlan.Plan, s string) { p.Pis[1].Switch = s },
		"pi shelf":       func(p *vlan.Plan, s string) { p.Pis[1].Shelf = s },
		"switch name":    func(p *vlan.Plan, s string) { p.Switches[0].Name = s },
		"shelf of sw":    func(p *vlan.Plan, s string) { p.Switches[0].Shelf = s },
		"uplink port":    func(p *vlan.Plan, s string) { p.Switches[0].Uplink.Port = s },
		"uplink member":  func(p *vlan.Plan, s string) { p.Switches[0].Uplink.Members[0] = s },
		"uplink to":      func(p *vlan.Plan, s string) { p.Switches[1].Uplink.To = s },
		"uplink to port": func(p *vlan.Plan, s string) { p.Switches[1].Uplink.ToPort = s },
		"uplink iface":   func(p *vlan.Plan, s string) { p.Switches[0].Uplink.Iface = s },
		"router":         func(p *vlan.Plan, s string) { p.Switches[0].Router = s },
		"unused":         func(p *vlan.Plan, s string) { p.Switches[0].Unused[0] = s },
		"export root":    func(p *vlan.Plan, s string) { p.FileServer.ExportRoot = "/export/" + s },
		"file server":    func(p *vlan.Plan, s string) { p.FileServer.Iface = s },
		"retired":        func(p *vlan.Plan, s string) { p.Retired = []vlan.Retired{{Name: s, VID: 50}} },
		"public zone": func(p *vlan.Plan, s string) {
			p.Public.Gateway = netip.MustParseAddr("fe80::1").WithZone(s)
		},
	}
	for field, put := range fields {
		t.Run(field, func(t *testing.T) {
			for _, evil := range hostile {
				for _, target := range render.Targets() {
					p := build(t, shelf(portsFor(target)), nil)
					clean := joined(text(t, target, p, render.Options{}))
					put(p, evil)
					files, err := render.Text(target, p, render.Options{})
					if err != nil {
						continue
					}
					if got := joined(files); strings.Contains(got, evil) {
						require.True(t, plain(evil) || strings.Contains(clean, evil), "%s: %q in\n%s", target, evil, got)
					}
					for _, f := range files {
						require.NotContains(t, f.Path, "..", target)
					}
					if evil == "" {
						continue // no router, or the file server
					}
					require.Equal(t, strings.Count(clean, "\n"), strings.Count(joined(files), "\n"), "%s: %q", target, evil)
				}
			}
		})
	}
}

func TestHostileOptions(t *testing.T) {
	p := build(t, shelf(families["openvswitch"]), nil)
	for _, evil := range hostile[1:] {
		for target, o := range map[string]render.Options{
			"pi-cmdline":  {NFSOptions: "vers=3 " + evil},
			"openvswitch": {Bridge: evil},
			"mikrotik":    {Bridge: evil},
			"networkd":    {NetworkdParents: map[string]string{"eth0": evil + "/x"}},
		} {
			_, err := render.Text(target, p, o)
			if plain(evil) && evil[0] == 'p' && target == "mikrotik" {
				continue // a bridge may be named so
			}
			var refused *render.ValueError
			require.ErrorAs(t, err, &refused, "%s: %q", target, evil)
		}
	}
	for _, word := range []string{"", "a b", "a\n", "root=/dev/sda1", "ip=dhcp", "nfsroot=6.6.6.6:/", `a="`, "é"} {
		_, err := render.PiCmdline(p, render.Options{Cmdline: []string{word}})
		require.Error(t, err, word)
	}
}

// Numbers that do not fit together are refused, whoever made the plan.
func TestPlansRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*vlan.Plan)
		want   string
	}{
		"no private network":    {func(p *vlan.Plan) { p.Private = netip.Prefix{} }, "Private"},
		"private network in v6": {func(p *vlan.Plan) { p.Private = netip.MustParsePrefix("fd00::/64") }, "Private"},
		"VLAN 1":                {func(p *vlan.Plan) { p.Pis[1].VID = 1 }, "Pis[1].VID"},
		"VLAN 0":                {func(p *vlan.Plan) { p.Pis[1].VID = 0 }, "Pis[1].VID"},
		"VLAN 4095":             {func(p *vlan.Plan) { p.Pis[1].VID = 4095 }, "Pis[1].VID"},
		"the public VLAN":       {func(p *vlan.Plan) { p.Pis[1].VID = 131 }, "Pis[1].VID"},
		"another's VLAN":        {func(p *vlan.Plan) { p.Pis[1].VID = 11 }, "Pis[1].VID"},
		"another's name":        {func(p *vlan.Plan) { p.Pis[1].Name = "pi1" }, "Pis[1].Name"},
		"a /29":                 {func(p *vlan.Plan) { p.Pis[1].Net = netip.MustParsePrefix("10.77.0.0/29") }, "Pis[1].Net"},
		"a foreign network":     {func(p *vlan.Plan) { p.Pis[1].Net = netip.MustParsePrefix("10.78.0.4/30") }, "Pis[1].Net"},
		"another's server":      {func(p *vlan.Plan) { p.Pis[1].Server = p.Pis[0].Server }, "Pis[1].Server"},
		"another's address":     {func(p *vlan.Plan) { p.Pis[1].Addr = p.Pis[0].Addr }, "Pis[1].Addr"},
		"public in v4":          {func(p *vlan.Plan) { p.Pis[1].Public = netip.MustParsePrefix("192.0.2.2/24") }, "Pis[1].Public"},
		"public VLAN":           {func(p *vlan.Plan) { p.Public.VID = 4095 }, "Public.VID"},
		"gateway in v4":         {func(p *vlan.Plan) { p.Public.Gateway = netip.MustParseAddr("192.0.2.1") }, "Public.Gateway"},
		"long interface":        {func(p *vlan.Plan) { p.Pis[1].Iface = "enx001122334455" }, "Pis[1].Iface"},
		"export root":           {func(p *vlan.Plan) { p.FileServer.ExportRoot = "export" }, "FileServer.ExportRoot"},
	} {
		t.Run(name, func(t *testing.T) {
			p := build(t, shelf(families["openvswitch"]), nil)
			tt.change(p)
			for _, target := range render.Targets() {
				_, err := render.Text(target, p, render.Options{})
				var refused *render.ValueError
				require.ErrorAs(t, err, &refused, target)
				require.Equal(t, tt.want, refused.Field, target)
			}
		})
	}
	for name, change := range map[string]func(*vlan.Plan){
		"a ring of switches":  func(p *vlan.Plan) { p.Switches[0].Uplink.To = "sw2" },
		"a switch of its own": func(p *vlan.Plan) { p.Switches[0].Uplink.To = "sw1" },
		"an unknown switch":   func(p *vlan.Plan) { p.Switches[1].Uplink.To = "sw3" },
		"two of one name":     func(p *vlan.Plan) { p.Switches[1].Name = "sw1" },
		"a Pi of no switch":   func(p *vlan.Plan) { p.Pis[1].Switch = "sw3" },
	} {
		for target := range families {
			p := build(t, shelf(portsFor(target)), nil)
			change(p)
			_, err := render.Text(target, p, render.Options{})
			var refused *render.ValueError
			require.ErrorAs(t, err, &refused, "%s: %s", target, name)
		}
	}
	for _, target := range render.Targets() {
		_, err := render.Text(target, nil, render.Options{})
		require.EqualError(t, err, `render: Plan "" is missing`)
	}
}

// FuzzPlan renders plans that were read from any JSON: no panic, and each file
// belongs below the root and ends with a newline.
func FuzzPlan(f *testing.F) {
	seed, err := json.Marshal(build(f, shelf(families["openvswitch"]), nil))
	require.NoError(f, err)
	f.Add(seed)
	f.Add([]byte(`{"private":"10.77.0.0/24","pis":[{"name":"pi1","vid":11,"net":"10.77.0.0/30"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p vlan.Plan
		if json.Unmarshal(data, &p) != nil || len(p.Pis) > 100 || len(p.Switches) > 10 {
			return
		}
		for _, target := range render.Targets() {
			files, err := render.Text(target, &p, render.Options{})
			if err != nil {
				continue
			}
			for _, file := range files {
				if strings.Contains(file.Path, "..") || strings.HasPrefix(file.Path, "/") || !strings.HasSuffix(file.Text, "\n") {
					t.Fatalf("%+v", file)
				}
			}
		}
	})
}
