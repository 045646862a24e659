package identity_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/nfsroot/identity"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
	"github.com/stretchr/testify/require"
)

func TestValidate(t *testing.T) {
	require.NoError(t, full(t).Validate())
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	tests := []struct {
		name   string
		change func(*identity.Identity)
		want   string
	}{
		{"no name", func(i *identity.Identity) { i.Name = "" }, `Name: "" is empty`},
		{"space in the name", func(i *identity.Identity) { i.Name = "pi 1" }, `Name: "pi 1" is not a host name`},
		{"comma in the name", func(i *identity.Identity) { i.Name = "pi,1" }, `Name: "pi,1"`},
		{"newline in the name", func(i *identity.Identity) { i.Name = "pi1\n" }, `Name: "pi1\n"`},
		{"control character in the name", func(i *identity.Identity) { i.Name = "pi\x001" }, `Name: "pi\x001"`},
		{"path as the name", func(i *identity.Identity) { i.Name = "../etc" }, `Name: "../etc"`},
		{"slash in the name", func(i *identity.Identity) { i.Name = "a/b" }, `Name: "a/b"`},
		{"dots as the name", func(i *identity.Identity) { i.Name = ".." }, `Name: ".."`},
		{"hyphen in front", func(i *identity.Identity) { i.Name = "-pi" }, `Name: "-pi"`},
		{"underscore", func(i *identity.Identity) { i.Name = "pi_1" }, `Name: "pi_1"`},
		{"trailing dot", func(i *identity.Identity) { i.Name = "pi1.example.com." }, `Name: "pi1.example.com."`},
		{"address as the name", func(i *identity.Identity) { i.Name = "192.0.2.1" }, "ends in a number"},
		{"localhost", func(i *identity.Identity) { i.Name = "localhost" }, "the name of every machine"},
		{"long label", func(i *identity.Identity) { i.Name = strings.Repeat("a", 64) }, "1 to 63"},
		{"long name", func(i *identity.Identity) { i.Name = strings.Repeat("a.", 127) + "a" }, "longer than 253"},
		{"machine-id", func(i *identity.Identity) { i.MachineID = "0123" }, `MachineID: "0123"`},
		{"machine-id of zeros", func(i *identity.Identity) { i.MachineID = strings.Repeat("0", 32) }, `MachineID:`},
		{"machine-id with a newline", func(i *identity.Identity) { i.MachineID += "\n" }, `MachineID:`},
		{"key", func(i *identity.Identity) { i.AuthorizedKeys = []string{adminKey, "hello"} }, `AuthorizedKeys[1]: "hello" is not a public key`},
		{"two keys in one", func(i *identity.Identity) { i.AuthorizedKeys = []string{adminKey + "\n" + adminKey} }, "control character"},
		{"comment as a key", func(i *identity.Identity) { i.AuthorizedKeys = []string{"# " + adminKey} }, "is a comment"},
		{"empty key", func(i *identity.Identity) { i.AuthorizedKeys = []string{""} }, "is not a public key"},
		{"hosts name", func(i *identity.Identity) { i.Hosts[0].Names = []string{"a b"} }, `Hosts[0].Names: "a b"`},
		{"hosts without names", func(i *identity.Identity) { i.Hosts[0].Names = nil }, `Hosts[0].Names: "" is empty`},
		{"hosts address", func(i *identity.Identity) { i.Hosts[0].Addr = netip.Addr{} }, `Hosts[0].Addr`},
		{"four resolvers", func(i *identity.Identity) { i.DNS = append(i.DNS, i.DNS...) }, "more than three"},
		{"resolver", func(i *identity.Identity) { i.DNS[0] = addr("::") }, `DNS: "::"`},
		{"search", func(i *identity.Identity) { i.Search = []string{"example.com\nnameserver 1.1.1.1"} }, `Search: "example.com\nname`},
		{"search without resolvers", func(i *identity.Identity) { i.DNS = nil }, "needs DNS"},
		{"network", func(i *identity.Identity) { i.Network = 7 }, `Network: "7"`},
		{"public network of nobody", func(i *identity.Identity) { i.Network = identity.Unmanaged }, "cannot have Public"},
		{"VLAN 0", func(i *identity.Identity) { i.Public.VLAN = 0 }, `Public.VLAN: "0"`},
		{"VLAN 4095", func(i *identity.Identity) { i.Public.VLAN = 4095 }, `Public.VLAN: "4095"`},
		{"no address", func(i *identity.Identity) { i.Public.Addrs = nil }, "Public.Addrs: \"\" is empty"},
		{"multicast", func(i *identity.Identity) { i.Public.Addrs[0] = prefix("ff02::1/64") }, `Public.Addrs: "ff02::1/64"`},
		{"gateway elsewhere", func(i *identity.Identity) { i.Public.Gateway = addr("2001:db8:2::1") }, "in none of the networks"},
		{"gateway of the other kind", func(i *identity.Identity) { i.Public.Gateway = addr("192.0.2.1") }, `Public.Gateway: "192.0.2.1"`},
		{"gateway with a zone", func(i *identity.Identity) { i.Public.Gateway = addr("fe80::1%eth0\n") }, `Public.Gateway`},
		{"gateway without an address", func(i *identity.Identity) { i.Public.Addrs = i.Public.Addrs[:1] }, `Public.Gateway4`},
		{"MTU", func(i *identity.Identity) { i.Public.MTU = 100 }, `Public.MTU: "100"`},
		{"file outside", func(i *identity.Identity) { i.Files = map[string][]byte{"../x": nil} }, `Files: "../x"`},
		{"absolute file", func(i *identity.Identity) { i.Files = map[string][]byte{"/etc/x": nil} }, `Files: "/etc/x"`},
		{"file with a newline", func(i *identity.Identity) { i.Files = map[string][]byte{"etc/a\nb": nil} }, `Files: "etc/a\nb"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			id := full(t)
			test.change(&id)
			require.ErrorContains(t, id.Validate(), test.want)
			dir := t.TempDir()
			require.Error(t, identity.Personalize(open(t, dir), id))
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left, "something was written")
		})
	}
	require.NoError(t, identity.Identity{Name: "PI-1.Example.com"}.Validate())
	require.NoError(t, identity.Identity{Name: strings.Repeat("a", 63)}.Validate())
}

// TestValidateNamesAll gives all that is wrong at once.
func TestValidateNamesAll(t *testing.T) {
	err := identity.Identity{Name: "a b", MachineID: "x"}.Validate()
	require.ErrorContains(t, err, "Name")
	require.ErrorContains(t, err, "MachineID")
}

func TestUnknownNetworkIsNamed(t *testing.T) {
	root := open(t, nfsroottest.GoldenTree(t))
	err := identity.Personalize(root, identity.Identity{Name: "pi1", Network: identity.Networkd})
	require.ErrorContains(t, err, "identity: personalize pi1: the tree has no networkd")
	require.Equal(t, "ifupdown", identity.Ifupdown.String())
	require.NoFileExists(t, filepath.Join(root.Name(), "etc/systemd/network/05-nfsroot-eth0.network"))
}
