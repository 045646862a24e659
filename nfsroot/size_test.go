package nfsroot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
	"github.com/stretchr/testify/require"
)

func size(t *testing.T, dir string) *nfsroot.SizeReport {
	t.Helper()
	report, err := nfsroot.Size(t.Context(), dir)
	require.NoError(t, err)
	return report
}

func packageOf(t *testing.T, r *nfsroot.SizeReport, name string) nfsroot.PackageUsage {
	t.Helper()
	for _, p := range r.Packages {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no package %q", name)
	return nfsroot.PackageUsage{}
}

func pathOf(list []nfsroot.PathUsage, name string) nfsroot.Usage {
	for _, p := range list {
		if p.Path == name {
			return p.Usage
		}
	}
	return nfsroot.Usage{}
}

func TestSize(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	report := size(t, dir)
	var apparent, inodes int64
	require.NoError(t, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		fi, err := d.Info()
		require.NoError(t, err)
		inodes++
		if !d.IsDir() {
			apparent += fi.Size()
		}
		return nil
	}))
	require.Equal(t, inodes, report.Total.Inodes)
	require.Equal(t, apparent, report.Total.Apparent)

	var sum nfsroot.Usage
	for _, p := range report.Packages {
		sum.Allocated += p.Allocated
		sum.Apparent += p.Apparent
		sum.Inodes += p.Inodes
	}
	require.Equal(t, report.Total, sum, "each inode is somebody's")
	ssh := packageOf(t, report, "openssh-server")
	require.Equal(t, "1:9.2p1-2+deb12u7", ssh.Version)
	require.Contains(t, []string{report.Packages[0].Name, report.Packages[1].Name}, ssh.Name, "the largest is first")
	require.Equal(t, pathOf(report.Unpackaged, "etc/shadow").Inodes, int64(1))
	require.GreaterOrEqual(t, pathOf(report.Paths, "usr").Apparent, pathOf(report.Paths, "usr/sbin").Apparent)
	require.NotZero(t, pathOf(report.Paths, "usr/sbin"))
	require.Equal(t, report, size(t, dir), "the same again")
}

// TestSizeOfLinks counts a file with three names once, and finds a file that is
// listed below /bin.
func TestSizeOfLinks(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	before := size(t, dir)
	put("usr/bin/tool", strings.Repeat("x", 100000))(t, dir)
	put("var/lib/dpkg/info/tool:amd64.list", "/.\n/bin\n/bin/tool\n/bin/other\n")(t, dir)
	status, err := os.ReadFile(filepath.Join(dir, "var/lib/dpkg/status"))
	require.NoError(t, err)
	put("var/lib/dpkg/status", string(status)+"Package: tool\nArchitecture: amd64\nVersion: 7\n\n")(t, dir)
	put("var/lib/dpkg/diversions", "/bin/other\n/bin/other.distrib\nsomebody\n")(t, dir)
	put("usr/bin/other.distrib", "12345")(t, dir)
	for _, name := range []string{"usr/bin/tool2", "opt/tool3"} {
		require.NoError(t, os.Link(filepath.Join(dir, "usr/bin/tool"), filepath.Join(dir, name)))
	}
	after := size(t, dir)
	require.Less(t, after.Total.Apparent-before.Total.Apparent, int64(101000))
	tool := packageOf(t, after, "tool:amd64")
	require.Equal(t, "7", tool.Version)
	require.Equal(t, int64(100000+len("12345")+len("usr/bin")), tool.Apparent)
	require.Equal(t, int64(3), tool.Inodes)
	require.Zero(t, pathOf(after.Unpackaged, "opt/tool3"))
	for range 5 {
		require.Equal(t, after, size(t, dir))
	}
}

func TestSizeText(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	put("srv/a\tb\x1b[2J", strings.Repeat("x", 50000))(t, dir)
	report := size(t, dir)
	var text bytes.Buffer
	require.NoError(t, report.WriteText(&text, 3))
	lines := strings.Split(text.String(), "\n")
	require.Contains(t, lines[0], "MB on disk  length  inodes  package")
	require.Contains(t, text.String(), "openssh-server 1:9.2p1-2+deb12u7")
	require.Contains(t, text.String(), "and 6 more")
	require.Contains(t, text.String(), `"srv/a\tb\x1b[2J"`)
	require.NotContains(t, text.String(), "\x1b")
	var all bytes.Buffer
	require.NoError(t, report.WriteText(&all, 0))
	require.NotContains(t, all.String(), "more")
	require.Contains(t, all.String(), "(no package)")

	encoded, err := json.Marshal(report)
	require.NoError(t, err)
	require.Contains(t, string(encoded), `{"name":"openssh-server","version":"1:9.2p1-2+deb12u7","allocated":`)
	var back nfsroot.SizeReport
	require.NoError(t, json.Unmarshal(encoded, &back))
	require.Equal(t, *report, back)
}

func TestSizeErrors(t *testing.T) {
	_, err := nfsroot.Size(t.Context(), filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = nfsroot.Size(ctx, nfsroottest.GoldenTree(t))
	require.ErrorIs(t, err, context.Canceled)
	empty := size(t, t.TempDir())
	require.Equal(t, int64(1), empty.Total.Inodes)
}
