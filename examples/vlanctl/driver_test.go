package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/linuxbridge"
	"github.com/mythic-beasts/hostkit/vlan/ovs"
	"github.com/mythic-beasts/hostkit/vlan/qbridge"
	"github.com/mythic-beasts/hostkit/vlan/render"
)

func TestCredentials(t *testing.T) {
	user := driverConfig{
		Kind: "qbridge", Address: "sw1", User: "vlanadmin", Auth: "SHA-512", AuthPass: daemon.NewSecret("authentic"),
		Priv: "AES-256", PrivPass: daemon.NewSecret("privately"), EngineID: "80001f88",
	}
	c, err := user.credentials()
	require.NoError(t, err)
	require.Equal(t, qbridge.V3{
		User: "vlanadmin", Auth: qbridge.SHA512, AuthPass: "authentic", Priv: qbridge.AES256, PrivPass: "privately",
		EngineID: []byte{0x80, 0, 0x1f, 0x88},
	}, c.V3)
	require.Zero(t, c.V2c)

	c, err = driverConfig{Community: daemon.NewSecret("write"), ReadOnly: daemon.NewSecret("read")}.credentials()
	require.NoError(t, err)
	require.Equal(t, qbridge.V2c{Read: "read", Write: "write"}, c.V2c)

	for want, change := range map[string]func(*driverConfig){
		`auth "MD5"`:        func(d *driverConfig) { d.Auth = "MD5" },
		`auth ""`:           func(d *driverConfig) { d.Auth = "" },
		`priv "DES"`:        func(d *driverConfig) { d.Priv = "DES" },
		`engine_id "80001"`: func(d *driverConfig) { d.EngineID = "80001" },
	} {
		bad := user
		change(&bad)
		require.ErrorContains(t, bad.check(), want)
		require.NotContains(t, bad.check().Error(), "authentic")
	}
}

// Each kind is its driver, and what fn returns is returned.
func TestUse(t *testing.T) {
	errMine := errors.New("mine")
	for kind, want := range map[string]vlan.Driver{
		"ovs": &ovs.Switch{}, "linuxbridge": &linuxbridge.Switch{}, "qbridge": &qbridge.Switch{},
	} {
		sw := switchConfig{Name: "sw1", Driver: driverConfig{
			Kind: kind, Bridge: "br0", Address: "127.0.0.1", Community: daemon.NewSecret("private"),
		}}
		require.NoError(t, sw.check())
		err := sw.use(t.Context(), slog.New(slog.DiscardHandler), func(d vlan.Driver) error {
			require.IsType(t, want, d)
			return errMine
		})
		require.ErrorIs(t, err, errMine)
	}
	none := switchConfig{Name: "sw1"}
	require.ErrorContains(t, none.use(t.Context(), nil, nil), "sw1 has no [shelf.switch.driver]")
}

// Files stay below the folder, have their modes, and replace what was there.
func TestWriteFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	files := []render.File{
		{Path: "etc/a", Mode: 0o600, Text: "one\n"}, {For: "pi1", Path: "cmdline.txt", Mode: 0o644, Text: "two\n"},
	}
	for range 2 {
		require.NoError(t, writeFiles(dir, files))
	}
	info, err := os.Stat(filepath.Join(dir, "etc/a"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
	text, err := os.ReadFile(filepath.Join(dir, "pi1/cmdline.txt"))
	require.NoError(t, err)
	require.Equal(t, "two\n", string(text))

	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "pi2")))
	require.Error(t, writeFiles(dir, []render.File{{For: "pi2", Path: "cmdline.txt", Mode: 0o644}}), "a link that leads out")
	require.Error(t, writeFiles(dir, []render.File{{For: "..", Path: "cmdline.txt", Mode: 0o644}}))
	require.NoFileExists(t, filepath.Join(outside, "cmdline.txt"))
}
