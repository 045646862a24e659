package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// TestRealPackages makes the packages, has lintian look at them, and installs them in a
// Debian of their own: there each daemon takes its configuration, starts as its unit
// says, as far as that is possible without systemd, and ends when it is told; and all
// packages go without a trace.
func TestRealPackages(t *testing.T) {
	peer.NeedRoot(t)
	lintian, mmdebstrap := peer.Look(t, "lintian"), peer.Look(t, "mmdebstrap")
	peer.Look(t, "unshare")
	dist := t.TempDir()
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-root", root, "-o", dist, "-version", "0.1.0"}, &stdout, &stderr), "%s", &stderr)
	files := strings.Fields(stdout.String())
	require.Len(t, files, len(programs()))

	out, err := exec.CommandContext(t.Context(), lintian, append([]string{"--allow-root", "--fail-on", "error,warning"}, files...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, strings.TrimSpace(string(out)))

	c := &chroot{t: t, dir: filepath.Join(t.TempDir(), "debian")}
	out, err = exec.CommandContext(t.Context(), mmdebstrap, "--quiet", "--variant=minbase", "--include=adduser,init-system-helpers,iproute2", "bookworm", c.dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	before := c.files()
	require.NoError(t, os.Mkdir(filepath.Join(c.dir, "dist"), 0o755))
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(c.dir, "dist", filepath.Base(f)), b, 0o644))
	}
	c.shell("dpkg --install /dist/*.deb")
	require.NoError(t, os.CopyFS(filepath.Join(c.dir, "etc"), os.DirFS("testdata/etc")))

	for _, p := range programs() {
		if p.Unit {
			t.Run(p.Name, func(t *testing.T) { c.daemon(t, p) })
		} else {
			t.Run(p.Name, func(t *testing.T) {
				require.Contains(t, c.shell(p.as()+" -h 2>&1"), p.as()[strings.LastIndex(p.as(), "-")+1:])
			})
		}
	}

	var names []string
	for _, p := range programs() {
		names = append(names, p.pkg())
	}
	c.shell("dpkg --purge " + strings.Join(names, " "))
	for _, f := range c.files() {
		mine := slices.ContainsFunc(names, func(n string) bool { return strings.Contains(f, strings.TrimPrefix(n, "hostkit-")) })
		if mine && !slices.Contains(before, f) && !written(f) {
			t.Errorf("%s is left", f)
		}
	}
}

// written says whether the test put a file there or a daemon wrote it. Keys,
// certificates and consoles' logs are not a package's to remove.
func written(file string) bool {
	return slices.ContainsFunc([]string{"dist/", "etc/", "var/lib/", "var/log/"}, func(dir string) bool {
		return strings.HasPrefix(file, dir) && !strings.HasPrefix(file, "var/lib/dpkg/")
	})
}

// The same source makes the same package.
func TestRealPackageAgain(t *testing.T) {
	var packages [2][]byte
	for i := range packages {
		dist := t.TempDir()
		var stdout, stderr bytes.Buffer
		require.Zero(t, run(t.Context(), []string{"-root", root, "-o", dist, "-arch", "arm64", "vlanctl"}, &stdout, &stderr), "%s", &stderr)
		var err error
		packages[i], err = os.ReadFile(strings.TrimSpace(stdout.String()))
		require.NoError(t, err)
	}
	require.True(t, bytes.Equal(packages[0], packages[1]))
}

// chroot is a Debian in a folder.
type chroot struct {
	t   *testing.T
	dir string
}

// shell runs lines in it.
func (c *chroot) shell(lines string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "chroot", c.dir, "sh", "-ec", lines)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive"}
	out, err := cmd.CombinedOutput()
	require.NoError(c.t, err, "%s\n%s", lines, out)
	return string(out)
}

// files are the paths in it.
func (c *chroot) files() []string {
	var all []string
	require.NoError(c.t, filepath.WalkDir(c.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(c.dir, path)
		all = append(all, rel)
		return err
	}))
	return all
}

var settingExpr = regexp.MustCompile(`(?m)^(\w+)=(.*)$`)

// settings are those of a unit that was installed.
func (c *chroot) settings(t *testing.T, p program) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "lib/systemd/system", p.Name+".service"))
	require.NoError(t, err)
	all := make(map[string]string)
	for _, m := range settingExpr.FindAllStringSubmatch(string(text), -1) {
		all[m[1]] = strings.TrimSpace(all[m[1]] + " " + m[2])
	}
	return all
}
