package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
)

// secrets are those that reference.toml names.
func secrets(t *testing.T) {
	t.Helper()
	for _, name := range []string{"VLANCTL_AUTH", "VLANCTL_PRIV", "VLANCTL_COMMUNITY", "VLANCTL_READ"} {
		t.Setenv(name, "verysecret "+name)
	}
}

func TestReference(t *testing.T) {
	secrets(t)
	c, err := loadConfig("reference.toml")
	require.NoError(t, err)
	p, err := vlan.Build(c.spec, nil)
	require.NoError(t, err)
	require.NoError(t, p.Verify())
	require.Len(t, p.Pis, 49)
	require.Equal(t, netip.MustParsePrefix("10.77.1.0/30"), c.spec.Pinned["gateway"].Net)
	require.Equal(t, "20-wired.network", c.Render.options().NetworkdParents["eth0"])
	require.Equal(t, "10.77.0.0/23", c.Shelves[0].Private.String())

	// Nothing that prints a configuration prints what is secret in it.
	for _, text := range []string{fmt.Sprintf("%v", c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c.Shelves[0].Switches[0].Driver)} {
		require.NotContains(t, text, "verysecret")
	}
	credentials, err := c.Shelves[0].Switches[0].Driver.credentials()
	require.NoError(t, err)
	require.Equal(t, "verysecret VLANCTL_AUTH", string(credentials.V3.AuthPass))
	require.NotContains(t, fmt.Sprintf("%+v", credentials), "verysecret")
}

const smallConfig = `private = "10.77.0.0/24"
[file_server]
interface = "eth0"
[[shelf]]
name = "a"
[[shelf.switch]]
name = "sw1"
[shelf.switch.uplink]
port = "49"
[[shelf.pi]]
name = "pi1"
port = "1"
`

func TestConfigRefused(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"unknown key", "[file_server]", "colour = 1\n[file_server]", `vlanctl.toml:2: unknown key "colour"`},
		{"relative plan", "[file_server]", "plan = \"plan.json\"\n[file_server]", "not an absolute path"},
		{"no network", `private = "10.77.0.0/24"`, "", "Private"},
		{"hostile name", `"pi1"`, `"pi1\nvlan 666"`, "pi1\\nvlan 666"},
		{"hostile port", `port = "1"`, `port = "1 2"`, `"1 2"`},
		{"range", `private = "10.77.0.0/24"`, `private = "10.77.0.0/24"` + "\nvlans = \"20-10\"", "ends before it begins"},
		{"numbering", "[file_server]", "[public]\nnumbering = \"roman\"\n[file_server]", `"roman" is neither decimal nor hex`},
		{"family", `name = "sw1"`, "name = \"sw1\"\nfamily = \"catos\"", `family "catos" is none of aruba-cx, cisco-ios, fastpath, junos, mikrotik, openvswitch, procurve`},
		{"driver", "[[shelf.pi]]", "[shelf.switch.driver]\nkind = \"telnet\"\n[[shelf.pi]]", `driver "telnet" is none of`},
		{"driver without bridge", "[[shelf.pi]]", "[shelf.switch.driver]\nkind = \"ovs\"\n[[shelf.pi]]", "driver ovs has no bridge"},
		{"driver without address", "[[shelf.pi]]", "[shelf.switch.driver]\nkind = \"qbridge\"\n[[shelf.pi]]", "driver qbridge has no address"},
		{"driver without user", "[[shelf.pi]]", "[shelf.switch.driver]\nkind = \"qbridge\"\naddress = \"sw1\"\n[[shelf.pi]]", "neither a user nor a community"},
		{"weak authentication", "[[shelf.pi]]", "[shelf.switch.driver]\nkind = \"qbridge\"\naddress = \"sw1\"\nuser = \"u\"\nauth = \"MD5\"\n[[shelf.pi]]", `auth "MD5"`},
		{"secret in the file", "[[shelf.pi]]", "[shelf.switch.driver]\ncommunity = \"private\"\n[[shelf.pi]]", "a secret is {"},
		{"row without number", "[[shelf.pi]]", "[[shelf.row]]\nname = \"pi\"\nport = \"%d\"\nfirst = 2\nlast = 3\n[[shelf.pi]]", "no place for the number"},
		{"row with a verb", "[[shelf.pi]]", "[[shelf.row]]\nname = \"pi%d%s\"\nport = \"%d\"\nfirst = 2\nlast = 3\n[[shelf.pi]]", "no place for the number"},
		{"endless row", "[[shelf.pi]]", "[[shelf.row]]\nname = \"pi%d\"\nport = \"%d\"\nfirst = 2\nlast = 999999999\n[[shelf.pi]]", "are no numbers of Pis"},
		{"same port", "[[shelf.pi]]", "[[shelf.row]]\nname = \"p%d\"\nport = \"%d\"\nfirst = 1\nlast = 2\n[[shelf.pi]]", `"1"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Contains(t, smallConfig, tt.old)
			path := filepath.Join(t.TempDir(), "vlanctl.toml")
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(smallConfig, tt.old, tt.new, 1)), 0o600))
			_, err := loadConfig(path)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "vlanctl.toml")
		})
	}
}

func TestServerTargetsAreNoFamilies(t *testing.T) {
	require.Equal(t, []string{"aruba-cx", "cisco-ios", "fastpath", "junos", "mikrotik", "openvswitch", "procurve"}, families())
}
