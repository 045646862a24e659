package build_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/build"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

// commandOf is what a builder runs for a spec.
func commandOf(t *testing.T, b build.Backend, s nfsroot.Spec) build.Command {
	t.Helper()
	runner := &nfsroottest.Runner{}
	builder := fake(t, runner)
	builder.Backend = b
	_, err := builder.BuildTar(t.Context(), s, io.Discard)
	require.NoError(t, err)
	require.Len(t, runner.Runs(), 1)
	return runner.Runs()[0]
}

func TestCommandOfMmdebstrap(t *testing.T) {
	s := spec()
	s.Arch = nfsroot.ARM64
	c := commandOf(t, build.Mmdebstrap, s)
	require.Equal(t, nfsroot.ARM64, c.Arch)
	require.Contains(t, c.Args, "--architectures=arm64")
	require.Contains(t, c.Args, "--include="+strings.Join(s.Packages, ","))
	require.Contains(t, c.Args, "--setup-hook=/usr/share/mmdebstrap/hooks/merged-usr/setup00.sh")
	end := c.Args[len(c.Args)-4:]
	require.Equal(t, []string{"--", "bookworm", c.Root}, end[:3])
	require.Equal(t, s.SourcesList(""), end[3])

	s.Packages, s.Trim = []string{"usrmerge"}, nfsroot.Trim{}
	c = commandOf(t, build.Mmdebstrap, s)
	require.NotContains(t, strings.Join(c.Args, " "), "merged-usr")
	require.NotContains(t, strings.Join(c.Args, " "), "--extract-hook")
}

// What tar unpacked is trimmed as dpkg trims, before scripts of packages see it.
func TestExtractHookTrimsAsDpkg(t *testing.T) {
	s := spec()
	s.Trim = nfsroot.Trim{Docs: true, Man: true, Locales: true, HWDB: true, Paths: []string{"/opt/x/*", "/srv/?"}}
	hook := ""
	for _, arg := range commandOf(t, build.Mmdebstrap, s).Args {
		if text, ok := strings.CutPrefix(arg, "--extract-hook="); ok {
			hook = text
		}
	}
	root := t.TempDir()
	names := []string{
		"usr/share/doc/bash/copyright", "usr/share/doc/bash/README", "usr/share/doc/bash/a/copyright", "usr/share/doc-base/x",
		"usr/share/man/man1/sh.1.gz", "usr/share/locale/locale.alias", "usr/share/locale/de/LC_MESSAGES/bash.mo",
		"usr/lib/udev/hwdb.d/20-OUI.hwdb", "opt/x/a/b", "opt/xs", "srv/a", "srv/ab", "bin/sh",
	}
	for _, name := range names {
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), nil, 0o644))
	}
	out, err := exec.Command("sh", "-c", hook, "exec", root).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Empty(t, string(out))
	for _, name := range names {
		_, err := os.Stat(filepath.Join(root, name))
		require.Equal(t, s.Trim.Excludes("/"+name), errors.Is(err, fs.ErrNotExist), name)
	}
}

func TestCommandOfDebootstrap(t *testing.T) {
	s := spec()
	s.Keyring = nfsroot.DefaultKeyring
	s.Mirrors = []nfsroot.Mirror{
		{URL: "https://extra.example/", Suite: "extra"},
		{URL: "file:///srv/debian", Components: []string{"main", "contrib"}},
	}
	c := commandOf(t, build.Debootstrap, s)
	require.Contains(t, c.Args, "/srv/debian", "the root's apt must see it")
	require.Contains(t, c.Args, "--components=main,contrib")
	require.Contains(t, c.Args, "--keyring="+nfsroot.DefaultKeyring)
	require.Equal(t, []string{"bookworm", c.Root, "file:///srv/debian"}, c.Args[len(c.Args)-3:])
}

// The tools get nothing of the caller's environment but the way to the mirrors.
func TestEnvironment(t *testing.T) {
	t.Setenv("LD_PRELOAD", "/evil.so")
	t.Setenv("APT_CONFIG", "/evil.conf")
	t.Setenv("SECRET", "hunter2")
	t.Setenv("https_proxy", "http://proxy.example:3128")
	c := commandOf(t, build.Mmdebstrap, spec())
	require.Contains(t, c.Env, "https_proxy=http://proxy.example:3128")
	require.Contains(t, c.Env, "SOURCE_DATE_EPOCH=1767323045")
	require.Contains(t, c.Env, "DEBIAN_FRONTEND=noninteractive")
	for _, v := range c.Env {
		for _, name := range []string{"LD_PRELOAD", "APT_CONFIG", "SECRET"} {
			require.False(t, strings.HasPrefix(v, name+"="), v)
		}
	}
}

func TestDateIsTheDays(t *testing.T) {
	s := spec()
	s.SourceDate = time.Time{}
	b := fake(t, &nfsroottest.Runner{})
	m, err := b.BuildTar(t.Context(), s, io.Discard)
	require.NoError(t, err)
	require.Zero(t, m.SourceDate.Unix()%(24*60*60))
	require.WithinDuration(t, time.Now(), m.SourceDate, 25*time.Hour)
}

// Lines of the tools become events.
func TestEvents(t *testing.T) {
	log := []string{
		"I: running apt-get update...",
		"Get:4 http://deb.debian.org/debian bookworm/main amd64 Packages [8790 kB]",
		"I: downloading packages with apt...",
		"0 upgraded, 2 newly installed, 0 to remove and 1 not upgraded.",
		"Get:1 http://deb.debian.org/debian bookworm/main amd64 libc6 amd64 2.36-9 [2758 kB]",
		"I: Retrieving apt 2.6.1",
		"I: Retrieving InRelease ",
		"Unpacking libc6:amd64 (2.36-9) ...",
		"I: Extracting dpkg...",
		"Setting up libc6:amd64 (2.36-9) ...",
		"I: Configuring apt...",
		"Processing triggers for libc-bin (2.36-9) ...",
		"",
	}
	var got []string
	b := fake(t, &nfsroottest.Runner{Log: log})
	b.Progress = func(e build.Event) { got = append(got, strings.TrimSpace(string(e.Stage)+" "+e.Package)) }
	_, err := b.BuildTar(t.Context(), spec(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{
		"prepare", "update", "update", "download", "download libc6", "download apt", "update",
		"unpack libc6", "unpack dpkg", "configure libc6", "configure apt", "finish", "archive", "publish",
	}, got)
}
