package main

import (
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

func TestReference(t *testing.T) {
	cfg, err := daemon.Load("reference.toml", (*config).check)
	require.NoError(t, err)
	require.True(t, cfg.match("eth0.17"))
	require.True(t, cfg.match("br-lab"))
	require.False(t, cfg.match("eth1.17"))
	require.False(t, cfg.match(""))

	inv, err := cfg.static()
	require.NoError(t, err)
	lookup := func(c netboot.Client) *netboot.Machine {
		t.Helper()
		m, err := inv.Lookup(t.Context(), c)
		require.NoError(t, err)
		return m
	}
	pi := lookup(netboot.Client{Interface: "eth0.17"})
	require.Equal(t, netip.MustParsePrefix("10.80.0.66/30"), pi.Addr)
	require.Equal(t, time.Hour, pi.Lease)
	require.Equal(t, "http://boot.example:8080/", pi.Boot.HTTP)
	require.Contains(t, text(t, pi, "config.txt"), "kernel=vmlinuz\n")

	lab := lookup(netboot.Client{Pi: &rpi.Identity{Serial: 0x5564247d}})
	require.Equal(t, netboot.Pool{First: netip.MustParseAddr("10.81.0.10"), Last: netip.MustParseAddr("10.81.0.99"), Bits: 24}, lab.Pool)

	relayed := lookup(netboot.Client{Relay: &netboot.Relay{CircuitID: []byte("ge-0/0/7")}})
	require.Equal(t, netip.MustParseAddr("10.82.0.1"), relayed.Server)

	virt := lookup(netboot.Client{MAC: []byte{0x52, 0x54, 0, 0x77, 0, 2}})
	require.Equal(t, "ipxe.efi", virt.Boot.Loader(netboot.Client{Firmware: netboot.FirmwareUEFIPXE, Arch: netboot.ArchEFIBC}))
	require.Equal(t, "snponly-arm64.efi", virt.Boot.Loader(netboot.Client{Firmware: netboot.FirmwareUEFIPXE, Arch: netboot.ArchEFIARM64}))
	require.Equal(t, "http://10.81.0.1:8080/virt/snponly.efi", virt.Boot.Loader(netboot.Client{Firmware: netboot.FirmwareUEFIHTTP, Arch: netboot.ArchHTTPX64}))
}

func text(t *testing.T, m *netboot.Machine, name string) string {
	t.Helper()
	f, err := m.Open(name)
	require.NoError(t, err)
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	require.NoError(t, err)
	return string(b)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	root, firmware := filepath.Join(dir, "root"), filepath.Join(dir, "firmware")
	write(t, filepath.Join(root, "usr/lib/linux/vmlinuz"), "kernel")
	write(t, filepath.Join(root, "etc/shadow"), "secret")
	write(t, filepath.Join(root, "boot/config.txt"), "from the root")
	write(t, filepath.Join(root, "boot/start.elf"), "from the root")
	write(t, filepath.Join(firmware, "start.elf"), "from the firmware")
	write(t, filepath.Join(firmware, "fixup.dat"), "from the firmware")
	require.NoError(t, os.Symlink("/usr/lib/linux/vmlinuz", filepath.Join(root, "boot/kernel8.img")))

	var p problems
	mc := machineConfig{Files: []string{root + "/./boot", firmware}, ConfigTXT: "generated"}
	m := &netboot.Machine{Files: mc.files(&p)}
	require.NoError(t, p.err())
	for name, want := range map[string]string{
		"config.txt": "generated", "start.elf": "from the root", "fixup.dat": "from the firmware", "kernel8.img": "kernel",
	} {
		require.Equal(t, want, text(t, m, name), name)
	}
	for _, name := range []string{"../etc/shadow", "/etc/shadow", "etc/shadow"} {
		_, err := m.Open(name)
		require.ErrorIs(t, err, fs.ErrNotExist, name)
	}

	// A tree that is gone stops the search, and works again once it is back.
	require.NoError(t, os.Rename(root, root+".old"))
	_, err := m.Open("start.elf")
	require.ErrorContains(t, err, "tree of files is not there")
	require.False(t, errors.Is(err, fs.ErrNotExist), "the machine would boot with another's file")
	require.Equal(t, "generated", text(t, m, "config.txt"))
	require.NoError(t, os.Rename(root+".old", root))
	require.Equal(t, "from the root", text(t, m, "start.elf"))
}

func TestInventoryKnowsItsInterfaces(t *testing.T) {
	s := Settings{Interfaces: []string{"eth0.*"}}
	inv := &inventory{match: s.match}
	inv.machines.Fix(netboot.Reservation{
		MAC:     []byte{0xb8, 0x27, 0xeb, 0x64, 0x24, 0x7d},
		Machine: netboot.Machine{Name: "a", Addr: netip.MustParsePrefix("10.81.0.5/24")},
	})
	client := netboot.Client{Addr: netip.MustParseAddr("10.81.0.5")}
	for iface, want := range map[string]error{"eth0.3": nil, "eth1": netboot.ErrUnknown, "": netboot.ErrUnknown} {
		client.Interface = iface
		_, err := inv.Lookup(t.Context(), client)
		require.ErrorIs(t, err, want, iface)
	}
}
