package render_test

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/render"
)

var update = flag.Bool("update", false, "write the golden files anew")

// naming is how a family of switches names its ports: a plain one and an
// aggregate.
type naming struct {
	port      func(n int) string
	aggregate string
}

// shelf is a spec with two switches in a row: sw1 with three Pis, the router, an
// unused port and an aggregate to the file server, sw2 behind it with one Pi.
func shelf(n naming) vlan.Spec {
	return vlan.Spec{
		Private: netip.MustParsePrefix("10.77.0.0/24"),
		VLANs:   vlan.Range{First: 11, Last: 99},
		Native:  999, Management: 7,
		Public: vlan.Public{
			VID: 131, Prefix: netip.MustParsePrefix("2001:db8:0:84::/64"),
			Gateway: netip.MustParseAddr("2001:db8:0:84::1"),
		},
		FileServer: vlan.FileServer{Iface: "eth0"},
		Shelves: []vlan.Shelf{{
			Name: "a",
			Switches: []vlan.Switch{
				{
					Name: "sw1", Router: n.port(4), Unused: []string{n.port(5)},
					Uplink: vlan.Uplink{Port: n.aggregate, Members: []string{n.port(23), n.port(24)}},
				},
				{Name: "sw2", Uplink: vlan.Uplink{Port: n.port(24), To: "sw1", ToPort: n.port(22)}},
			},
			Pis: []vlan.Host{
				{Name: "pi1", Switch: "sw1", Port: n.port(1)},
				{Name: "pi2", Switch: "sw1", Port: n.port(2)},
				{Name: "pi3", Switch: "sw1", Port: n.port(3)},
				{Name: "pi4", Switch: "sw2", Port: n.port(1)},
			},
		}},
	}
}

func build(t testing.TB, spec vlan.Spec, previous *vlan.Plan) *vlan.Plan {
	t.Helper()
	plan, err := vlan.Build(spec, previous)
	require.NoError(t, err)
	return plan
}

func text(t testing.TB, target string, p *vlan.Plan, o render.Options) []render.File {
	t.Helper()
	files, err := render.Text(target, p, o)
	require.NoError(t, err)
	return files
}

// one finds the file for a machine, which must have just one.
func one(t testing.TB, files []render.File, machine string) render.File {
	t.Helper()
	var found []render.File
	for _, f := range files {
		if f.For == machine {
			found = append(found, f)
		}
	}
	require.Len(t, found, 1, "files for %q", machine)
	return found[0]
}

// joined is all files as one text.
func joined(files []render.File) string {
	var b strings.Builder
	for _, f := range files {
		b.WriteString("==> " + f.For + ":" + f.Path + " " + f.Mode.String() + " <==\n" + f.Text)
	}
	return b.String()
}

func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text)
}

// write puts files below a folder, as they belong on a machine.
func write(t testing.TB, dir string, files []render.File) {
	t.Helper()
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(f.Text), f.Mode))
	}
}
