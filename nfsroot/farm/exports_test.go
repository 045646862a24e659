package farm_test

import (
	"io/fs"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/nfsroot/clone"
	"github.com/mythic-beasts/hostkit/nfsroot/export"
	"github.com/mythic-beasts/hostkit/nfsroot/farm"
	"github.com/stretchr/testify/require"
)

func TestExports(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("farms need Linux")
	}
	dir := filepath.Join(t.TempDir(), "farm")
	f, err := farm.Open(dir, farm.Options{Cloner: clone.Copy{NoSync: true}})
	require.NoError(t, err)
	require.NoError(t, f.ImportBase(t.Context(), "v1", t.TempDir()))
	require.NoError(t, f.Add(t.Context(), "v1", "pi1", "pi2", "pi3"))
	addrs := map[string]netip.Addr{"pi1": netip.MustParseAddr("10.80.0.1"), "pi3": netip.MustParseAddr("2001:db8::3")}
	client := func(name string) (netip.Addr, bool) { a, ok := addrs[name]; return a, ok }
	got, err := f.Exports(client)
	require.NoError(t, err)
	require.Equal(t, []export.Export{
		{ID: 1, Path: dir + "/serve/pi1", Client: netip.MustParsePrefix("10.80.0.1/32"), FSID: export.FSID("pi1")},
		{ID: 3, Path: dir + "/serve/pi3", Client: netip.MustParsePrefix("2001:db8::3/128"), FSID: export.FSID("pi3")},
	}, got)
	var text strings.Builder
	require.NoError(t, export.WriteExports(&text, got))
	require.NoError(t, export.WriteGanesha(&text, export.Ganesha{}, got))

	// Numbers stay, and are not used again at once.
	require.NoError(t, f.Remove(t.Context(), "pi2"))
	require.NoError(t, f.Add(t.Context(), "v1", "pi4"))
	addrs = map[string]netip.Addr{"pi4": netip.MustParseAddr("10.80.0.4"), "pi3": netip.MustParseAddr("10.80.0.3")}
	got, err = f.Exports(client)
	require.NoError(t, err)
	require.EqualValues(t, 3, got[0].ID)
	require.EqualValues(t, 4, got[1].ID)

	addrs["pi4"] = netip.Addr{}
	_, err = f.Exports(client)
	require.ErrorIs(t, err, fs.ErrInvalid)
}
