package export_test

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
	"github.com/mythic-beasts/hostkit/nfsroot/export"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text)
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// rack is one export of each kind.
func rack() []export.Export {
	return []export.Export{
		{ID: 1, Path: "/srv/farm/serve/pi1", FSID: export.FSID("pi1"), Client: prefix("10.80.0.2/32")},
		{ID: 2, Path: "/srv/farm/serve/pi 2#(x)é", FSID: 42, Client: prefix("fd00::2/128"), SubtreeCheck: true, CrossMount: true},
		{ID: 65535, Path: "/srv/shared", FSID: 1<<31 - 1, Client: prefix("10.80.0.0/24"), ReadOnly: true, SquashRoot: true},
	}
}

func TestGolden(t *testing.T) {
	exports := rack()
	var b strings.Builder
	require.NoError(t, export.WriteExports(&b, exports))
	golden(t, "exports.golden", b.String())

	b.Reset()
	require.NoError(t, export.WriteGanesha(&b, export.Ganesha{}, exports))
	golden(t, "ganesha-default.golden", b.String())

	exports[0].Versions = []bootparam.Version{bootparam.V4_2}
	exports[1].Versions = []bootparam.Version{bootparam.V4_1, bootparam.V4_2}
	exports[2].Versions, exports[2].Pseudo = []bootparam.Version{bootparam.V4_2}, "/shared"
	b.Reset()
	require.NoError(t, export.WriteGanesha(&b, export.Ganesha{
		Bind: netip.MustParseAddr("10.80.0.1"), NFSPort: 12049, MountPort: 12050, LockPort: 12051, UDP: true, Grace: true,
		RecoveryRoot: "/srv/farm/state/nfs",
	}, exports))
	golden(t, "ganesha-all.golden", b.String())

	b.Reset()
	require.NoError(t, export.WriteExports(&b, nil))
	require.Empty(t, b.String())
}

func TestFSID(t *testing.T) {
	require.Equal(t, export.FSID("pi17"), export.FSID("pi17"))
	require.Equal(t, uint64(0x18db4f80e413109c), export.FSID("pi17"), "clients hold handles with it")
	seen := make(map[uint64]bool)
	for i := range 1000 {
		seen[export.FSID("pi"+strings.Repeat("x", i))] = true
	}
	require.Len(t, seen, 1000)
}

func TestRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*export.Export)
		want   string
	}{
		{"relative path", func(e *export.Export) { e.Path = "srv" }, `Path "srv" is not absolute`},
		{"no path", func(e *export.Export) { e.Path = "" }, `Path ""`},
		{"the whole machine", func(e *export.Export) { e.Path = "/" }, `Path "/"`},
		{"path that leads elsewhere", func(e *export.Export) { e.Path = "/srv/../etc" }, "not a clean path"},
		{"slash at the end", func(e *export.Export) { e.Path = "/srv/" }, "not a clean path"},
		{"newline", func(e *export.Export) { e.Path = "/srv/a\n/etc *(rw)" }, `'\n' at byte 6`},
		{"quote", func(e *export.Export) { e.Path = `/srv/"a` }, "'\"' at byte 5"},
		{"backslash", func(e *export.Export) { e.Path = `/srv/\057` }, `'\\' at byte 5`},
		{"not UTF-8", func(e *export.Export) { e.Path = "/srv/\xff" }, "not UTF-8"},
		{"long path", func(e *export.Export) { e.Path = "/" + strings.Repeat("x", 1024) }, "1025 bytes"},
		{"name of version 4", func(e *export.Export) { e.Pseudo = "shared" }, `Pseudo "shared" is not absolute`},
		{"no client", func(e *export.Export) { e.Client = netip.Prefix{} }, "everybody could mount it"},
		{"everybody", func(e *export.Export) { e.Client = prefix("0.0.0.0/0") }, "is everybody"},
		{"everybody but root", func(e *export.Export) { e.Client, e.SquashRoot = prefix("::/0"), true }, "is everybody"},
		{"a network of roots", func(e *export.Export) { e.Client = prefix("10.0.0.0/30") }, "Client 10.0.0.0/30 of \"/srv/a\" is more than one address"},
		{"an address in a network", func(e *export.Export) { e.Client, e.SquashRoot = prefix("10.0.0.2/24"), true }, "bits beyond its prefix"},
		{"mapped address", func(e *export.Export) { e.Client = netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.1"), 128) }, "not a plain address"},
		{"no FSID", func(e *export.Export) { e.FSID = 0 }, `FSID of "/srv/a" is 0`},
		{"version", func(e *export.Export) { e.Versions = []bootparam.Version{9} }, "Version(9)"},
		{"no ID", func(e *export.Export) { e.ID = 0 }, `ID of "/srv/a" is 0`},
		{"ID of another", func(e *export.Export) { e.ID = 2 }, `ID 2 of`},
		{"FSID of another", func(e *export.Export) { e.FSID = 2 }, "FSID 0x2 of"},
		{"path of another", func(e *export.Export) { e.Path = "/srv/b" }, `Path "/srv/b" is exported twice`},
		{"inside of another", func(e *export.Export) { e.Path = "/srv/b/x/y" }, `Path "/srv/b/x/y" is inside of "/srv/b"`},
		{"around another", func(e *export.Export) { e.Path = "/srv" }, `Path "/srv/b" is inside of "/srv"`},
		{"name of another", func(e *export.Export) { e.Pseudo = "/srv/b" }, `Pseudo "/srv/b" of`},
		{"name inside of another's", func(e *export.Export) { e.Pseudo = "/srv/b/c" }, `Pseudo "/srv/b/c" is inside of`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			exports := []export.Export{
				{ID: 1, Path: "/srv/a", FSID: 1, Client: prefix("10.0.0.1/32")},
				{ID: 2, Path: "/srv/b", FSID: 2, Client: prefix("10.0.0.2/32")},
			}
			tt.change(&exports[0])
			var b strings.Builder
			require.ErrorContains(t, export.WriteGanesha(&b, export.Ganesha{}, exports), tt.want)
			require.Empty(t, b.String())
			if strings.HasPrefix(tt.name, "ID ") || tt.name == "no ID" {
				return
			}
			require.Error(t, export.WriteExports(&b, exports))
			require.Empty(t, b.String())
		})
	}
	e := []export.Export{{ID: 1, Path: "/srv/a", Pseudo: "/a", FSID: 1, Client: prefix("10.0.0.1/32")}}
	require.ErrorContains(t, export.WriteExports(&strings.Builder{}, e), `Pseudo "/a"`)
}

func TestGaneshaRefuses(t *testing.T) {
	for want, conf := range map[string]export.Ganesha{
		"must differ":           {NFSPort: 20048},
		"Bind ::ffff:10.0.0.1":  {Bind: netip.MustParseAddr("::ffff:10.0.0.1")},
		"Bind fe80::1%eth0":     {Bind: netip.MustParseAddr("fe80::1%eth0")},
		`RecoveryRoot "a\";x"`:  {RecoveryRoot: `a";x`},
		`RecoveryRoot "/a\";x"`: {RecoveryRoot: `/a";x`},
	} {
		require.ErrorContains(t, export.WriteGanesha(&strings.Builder{}, conf, nil), want)
	}
}

type fullDisk struct{}

var errFull = errors.New("no space")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteError(t *testing.T) {
	require.ErrorIs(t, export.WriteExports(fullDisk{}, rack()), errFull)
	require.ErrorIs(t, export.WriteGanesha(fullDisk{}, export.Ganesha{}, rack()), errFull)
}
