package kmod_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
)

// kernelTree is the modules folder of a Debian kernel.
func kernelTree(t *testing.T, pkg string) string {
	t.Helper()
	kernel := peer.DebFile(t, pkg, "boot/vmlinuz-*")
	version := strings.TrimPrefix(filepath.Base(kernel), "vmlinuz-")
	return filepath.Join(filepath.Dir(kernel), "..", "lib", "modules", version)
}

// depmod is the oracle: it reads the symbols of every module where we read what
// the build noted of them.
func TestRealDepmod(t *testing.T) {
	depmod := peer.Look(t, "depmod")
	dir := kernelTree(t, "linux-image-6.1.0-*-cloud-amd64")
	cmd := exec.Command(depmod, "-n", "-b", filepath.Join(dir, "..", "..", ".."), filepath.Base(dir))
	out, err := cmd.Output()
	require.NoError(t, err)
	tree, err := kmod.Open(dir)
	require.NoError(t, err)

	direct := make(map[string][]string)
	pathOf := make(map[string]string)
	for _, name := range tree.Names() {
		m, err := tree.Module(name)
		require.NoError(t, err)
		require.Equal(t, name, m.Info.Name)
		direct[name], pathOf[name] = m.Info.Depends, m.Path
	}
	theirs, _, _ := bytes.Cut(out, []byte("\n#"))
	compared := 0
	for line := range strings.Lines(string(theirs)) {
		path, deps, _ := strings.Cut(strings.TrimSpace(line), ":")
		name := kmod.Canonical(strings.TrimSuffix(filepath.Base(path), ".ko"))
		require.Equal(t, path, pathOf[name])
		want := strings.Fields(deps)
		slices.Sort(want)
		require.Equal(t, want, hard(direct, pathOf, name), path)
		compared++
	}
	require.Equal(t, len(direct), compared)
	t.Logf("depmod and we agree on what %d modules depend on", compared)
}

// hard are the paths of what a module depends on, directly or not, sorted.
func hard(direct map[string][]string, pathOf map[string]string, name string) []string {
	found := []string{}
	for todo := slices.Clone(direct[name]); len(todo) > 0; todo = todo[1:] {
		if path := pathOf[todo[0]]; path != "" && !slices.Contains(found, path) {
			found = append(found, path)
			todo = append(todo, direct[todo[0]]...)
		}
	}
	slices.Sort(found)
	return found
}

// What a Pi needs to mount its root, in an order in which nothing comes before
// what it depends on.
func TestRealPi(t *testing.T) {
	tree, err := kmod.Open(kernelTree(t, "linux-image-6.1.0-*-arm64:arm64"))
	require.NoError(t, err)
	modules, err := tree.Closure("dwc2", "smsc95xx", "lan78xx", "genet", "broadcom", "nfsv3", "nfsv4")
	require.NoError(t, err)
	loaded := make(map[string]bool)
	for _, m := range modules {
		for _, dep := range m.Info.Depends {
			require.True(t, loaded[dep] || tree.BuiltIn(dep), "%s before %s", m.Name, dep)
		}
		loaded[m.Name] = true
		data, err := m.Data()
		require.NoError(t, err)
		require.Equal(t, "\x7fELF", string(data[:4]))
	}
	require.True(t, loaded["sunrpc"] && loaded["usbnet"] && loaded["mdio_bcm_unimac"])
	require.True(t, tree.BuiltIn("ipv6"))

	_, err = tree.Closure("bcmgenet")
	require.ErrorContains(t, err, "there is genet")
}
