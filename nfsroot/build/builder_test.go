package build_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/build"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

func spec() nfsroot.Spec {
	s := nfsroot.Minimal("bookworm", nfsroot.AMD64)
	s.SourceDate = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return s
}

// fake is a builder that needs neither root nor a network.
func fake(t *testing.T, r *nfsroottest.Runner) *build.Builder {
	return &build.Builder{CacheDir: t.TempDir(), TempDir: t.TempDir(), Run: r}
}

// only fails when anything but the names lies in a folder, and lock files.
func only(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var got []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			got = append(got, e.Name())
		}
	}
	require.Equal(t, names, got)
}

func TestBuild(t *testing.T) {
	runner := &nfsroottest.Runner{}
	b := fake(t, runner)
	var events []build.Event
	b.Progress = func(e build.Event) { events = append(events, e) }
	dir := t.TempDir()
	dst := filepath.Join(dir, "base")
	m, err := b.Build(t.Context(), spec(), dst)
	require.NoError(t, err)
	only(t, dir, "base")

	hash, err := spec().Hash()
	require.NoError(t, err)
	require.Equal(t, hash, m.SpecHash)
	require.Equal(t, "mmdebstrap", m.Backend)
	require.Len(t, m.Digest, 64)
	require.Len(t, m.Packages, 8)
	require.Positive(t, m.Size)
	require.Positive(t, m.Inodes)

	findings, err := nfsroot.Lint(t.Context(), dst)
	require.NoError(t, err)
	for _, f := range findings {
		require.NotEqual(t, nfsroot.Error, f.Severity, f)
	}
	fractions(t, events, build.Publish)

	// again, and elsewhere: out of the cache
	events = nil
	m2, err := b.Build(t.Context(), spec(), filepath.Join(dir, "second"))
	require.NoError(t, err)
	require.Equal(t, m, m2)
	require.Len(t, runner.Runs(), 1)
	require.Equal(t, build.Cached, events[1].Stage)
	fractions(t, events, build.Publish)
}

// fractions checks that they never fall, and where the build ended.
func fractions(t *testing.T, events []build.Event, last build.Stage) {
	t.Helper()
	done := 0.0
	for _, e := range events {
		require.GreaterOrEqual(t, e.Fraction, done, e)
		require.LessOrEqual(t, e.Fraction, 1.0)
		done = e.Fraction
	}
	require.Equal(t, last, events[len(events)-1].Stage)
}

func TestBuildReplacesInOneStep(t *testing.T) {
	b := fake(t, &nfsroottest.Runner{})
	dir := t.TempDir()
	dst := filepath.Join(dir, "base")
	require.NoError(t, os.MkdirAll(dst, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dst, "old"), nil, 0o600))
	_, err := b.Build(t.Context(), spec(), dst)
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(dst, "old"))
	require.FileExists(t, filepath.Join(dst, "etc/fstab"))
	only(t, dir, "base")
}

func TestBuildTakesNoFileAway(t *testing.T) {
	b := fake(t, &nfsroottest.Runner{})
	dst := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(dst, []byte("mine"), 0o600))
	_, err := b.Build(t.Context(), spec(), dst)
	require.ErrorContains(t, err, "not a folder")
	require.FileExists(t, dst)
	_, err = b.Build(t.Context(), spec(), filepath.Join(dst, "below"))
	require.Error(t, err)
}

func TestBuildTarIsTheSameInAllWays(t *testing.T) {
	var want string
	for name, change := range map[string]func(*build.Builder){
		"on disk":   func(b *build.Builder) { b.OnDisk = true },
		"again":     func(b *build.Builder) { b.OnDisk = true },
		"in memory": func(b *build.Builder) { b.OnDisk = false },
	} {
		b := fake(t, &nfsroottest.Runner{})
		change(b)
		var out, again bytes.Buffer
		m, err := b.BuildTar(t.Context(), spec(), &out)
		require.NoError(t, err, name)
		sum := sha256.Sum256(out.Bytes())
		require.Equal(t, hex.EncodeToString(sum[:]), m.Digest)
		if want == "" {
			want = m.Digest
		}
		if os.Geteuid() == 0 { // a user's tree on disk is not root's
			require.Equal(t, want, m.Digest, name)
		}
		_, err = b.BuildTar(t.Context(), spec(), &again)
		require.NoError(t, err)
		require.Equal(t, out.Bytes(), again.Bytes(), name)
		only(t, b.TempDir)
	}
}

func TestTarIsInOrderAndOfItsDate(t *testing.T) {
	b := fake(t, &nfsroottest.Runner{})
	var out bytes.Buffer
	_, err := b.BuildTar(t.Context(), spec(), &out)
	require.NoError(t, err)
	in := tar.NewReader(&out)
	seen := map[string]bool{}
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.False(t, h.ModTime.After(spec().SourceDate), h.Name)
		require.Empty(t, h.Uname)
		require.Empty(t, h.PAXRecords)
		parent := filepath.Dir(strings.TrimSuffix(h.Name, "/"))
		require.True(t, parent == "." || seen[parent+"/"], "%s before its folder", h.Name)
		seen[h.Name] = true
	}
	require.True(t, seen["etc/fstab"])
}

func TestFilesAreLaidOver(t *testing.T) {
	b := fake(t, &nfsroottest.Runner{})
	s := spec()
	s.Files = fstest.MapFS{
		"etc/motd":           {Data: []byte("hello\n"), Mode: 0o640},
		"etc/fstab":          {Data: []byte("tmpfs /tmp tmpfs nosuid,nodev 0 0\n"), Mode: 0o644},
		"usr/local/bin/tool": {Data: []byte("#!/bin/sh\n"), Mode: 0o755 | fs.ModeSetuid},
		"etc/localtime":      {Data: []byte("/usr/share/zoneinfo/UTC"), Mode: 0o777 | fs.ModeSymlink},
		"srv/www":            {Mode: 0o750 | fs.ModeDir},
	}
	dst := filepath.Join(t.TempDir(), "base")
	_, err := b.Build(t.Context(), s, dst)
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dst, "etc/fstab"))
	require.NoError(t, err)
	require.Equal(t, "tmpfs /tmp tmpfs nosuid,nodev 0 0\n", string(text))
	for name, want := range map[string]fs.FileMode{
		"etc/motd": 0o640, "usr/local/bin/tool": 0o755 | fs.ModeSetuid, "srv/www": 0o750 | fs.ModeDir,
	} {
		info, err := os.Stat(filepath.Join(dst, name))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode(), name)
	}
	link, err := os.Readlink(filepath.Join(dst, "etc/localtime"))
	require.NoError(t, err)
	require.Equal(t, "/usr/share/zoneinfo/UTC", link)
}

// What a spec's files say is the user's will, also where Lint would mend it.
func TestFilesAreNotMended(t *testing.T) {
	var log bytes.Buffer
	b := fake(t, &nfsroottest.Runner{Tree: func(dir string) error {
		return os.WriteFile(filepath.Join(dir, "etc/apt/apt.conf.d/80proxy"), []byte("Acquire::http::Proxy \"http://192.0.2.1:3142\";\n"), 0o644)
	}})
	b.Log = slog.New(slog.NewJSONHandler(&log, nil))
	files := map[string]string{
		"etc/resolv.conf":           "nameserver 192.0.2.53\n",
		"etc/fstab":                 "UUID=738a none swap sw 0 0\n",
		"etc/apt/apt.conf.d/90site": "Acquire::http::Proxy \"http://192.0.2.2:3142\";\n",
	}
	s, overlay := spec(), fstest.MapFS{}
	for name, text := range files {
		overlay[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	s.Files = overlay
	dst := filepath.Join(t.TempDir(), "base")
	_, err := b.Build(t.Context(), s, dst)
	require.NoError(t, err)
	for name, want := range files {
		text, err := os.ReadFile(filepath.Join(dst, name))
		require.NoError(t, err)
		require.Equal(t, want, string(text))
		require.Contains(t, log.String(), `"path":"`+name+`"`)
	}
	require.Contains(t, log.String(), `"level":"WARN","msg":"finding in the root"`)
	text, err := os.ReadFile(filepath.Join(dst, "etc/apt/apt.conf.d/80proxy"))
	require.NoError(t, err)
	require.NotContains(t, string(text), "192.0.2.1", "what came with the tree is mended")
}

func TestFilesCannotLeaveTheTree(t *testing.T) {
	outside := t.TempDir()
	b := fake(t, &nfsroottest.Runner{Tree: func(dir string) error {
		return os.Symlink(outside, filepath.Join(dir, "escape"))
	}})
	s := spec()
	s.Files = fstest.MapFS{"escape/planted": {Data: []byte("x"), Mode: 0o644}}
	_, err := b.Build(t.Context(), s, filepath.Join(t.TempDir(), "base"))
	require.Error(t, err)
	only(t, outside)
}

// What a tool leaves of the building machine and of the build is not in the
// root.
func TestNothingOfTheBuildStays(t *testing.T) {
	dirt := map[string]string{
		"etc/resolv.conf":                     "nameserver 192.0.2.1\n",
		"etc/hostname":                        "builder\n",
		"etc/machine-id":                      "0123456789abcdef0123456789abcdef\n",
		"etc/ssh/ssh_host_ed25519_key":        "secret",
		"etc/ssh/ssh_host_ed25519_key.pub":    "public",
		"etc/dpkg/dpkg.cfg.d/99mmdebstrap":    "force-unsafe-io\n",
		"etc/apt/apt.conf.d/99nfsroot-build":  "x",
		"usr/sbin/policy-rc.d":                "exit 101",
		"var/cache/apt/pkgcache.bin":          "x",
		"var/cache/apt/archives/x_1_all.deb":  "x",
		"var/lib/apt/lists/a_Packages":        "x",
		"var/log/dpkg.log":                    "x",
		"dev/console":                         "x",
		"run/lock/x":                          "x",
		"usr/share/doc/apt/changelog.gz":      "x",
		"usr/share/man/man1/apt.1.gz":         "x",
		"usr/share/locale/de/LC_MESSAGES/a.m": "x",
		"var/lib/dpkg/status-old":             "x",
	}
	b := fake(t, &nfsroottest.Runner{Tree: func(dir string) error {
		for name, text := range dirt {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
				return err
			}
		}
		return os.WriteFile(filepath.Join(dir, "var/log/lastlog"), []byte("x"), 0o600)
	}})
	dst := filepath.Join(t.TempDir(), "base")
	_, err := b.Build(t.Context(), spec(), dst)
	require.NoError(t, err)
	for name := range dirt {
		info, err := os.Stat(filepath.Join(dst, name))
		if name == "etc/resolv.conf" || name == "etc/machine-id" {
			require.NoError(t, err, name)
			require.Zero(t, info.Size(), name)
			continue
		}
		require.ErrorIs(t, err, fs.ErrNotExist, name)
	}
	info, err := os.Stat(filepath.Join(dst, "var/log/lastlog"))
	require.NoError(t, err)
	require.Zero(t, info.Size())
	text, err := os.ReadFile(filepath.Join(dst, "etc/dpkg/dpkg.cfg.d/50nfsroot"))
	require.NoError(t, err)
	require.NotContains(t, string(text), "unsafe-io")
	require.Contains(t, string(text), "path-exclude=/usr/share/man/*")
	sources, err := os.ReadFile(filepath.Join(dst, "etc/apt/sources.list"))
	require.NoError(t, err)
	require.Contains(t, string(sources), "bookworm-security")
	require.Contains(t, string(sources), "bookworm-updates")
	link, err := os.Readlink(filepath.Join(dst, "etc/systemd/system/apt-daily.timer"))
	require.NoError(t, err)
	require.Equal(t, "/dev/null", link)
}

func TestCacheAges(t *testing.T) {
	runner := &nfsroottest.Runner{}
	b := fake(t, runner)
	build := func(want int) {
		t.Helper()
		_, err := b.BuildTar(t.Context(), spec(), io.Discard)
		require.NoError(t, err)
		require.Len(t, runner.Runs(), want)
	}
	build(1)
	build(1)
	b.MaxAge = time.Nanosecond
	build(2)
	b.MaxAge = -1
	build(3)
}

func TestSnapshotsDoNotAge(t *testing.T) {
	runner := &nfsroottest.Runner{}
	b := fake(t, runner)
	b.MaxAge = time.Nanosecond
	s := spec()
	s.Snapshot = s.SourceDate
	for range 2 {
		_, err := b.BuildTar(t.Context(), s, io.Discard)
		require.NoError(t, err)
	}
	require.Len(t, runner.Runs(), 1)
}

func TestDamagedCacheIsBuiltAnew(t *testing.T) {
	runner := &nfsroottest.Runner{}
	b := fake(t, runner)
	dir := t.TempDir()
	m, err := b.Build(t.Context(), spec(), filepath.Join(dir, "a"))
	require.NoError(t, err)
	tars, err := filepath.Glob(filepath.Join(b.CacheDir, "roots", "*.tar"))
	require.NoError(t, err)
	require.Len(t, tars, 1)
	text, err := os.ReadFile(tars[0])
	require.NoError(t, err)
	at := bytes.Index(text, []byte("nosuid"))
	require.Positive(t, at)
	text[at] = 'N'
	require.NoError(t, os.WriteFile(tars[0], text, 0o600))

	m2, err := b.Build(t.Context(), spec(), filepath.Join(dir, "b"))
	require.NoError(t, err)
	require.Len(t, runner.Runs(), 2)
	require.Equal(t, m.Digest, m2.Digest)
	only(t, dir, "a", "b")
}

func TestFailuresLeaveTheOldRoot(t *testing.T) {
	for _, tt := range []struct {
		name string
		log  string
		want error
	}{
		{"disk full", "tar: ./usr/bin/x: Cannot write: No space left on device", syscall.ENOSPC},
		{"missing file", "E: Failed to fetch http://a.example/x.deb  404  Not Found [IP: 192.0.2.1 80]", build.ErrMirror},
		{"no answer", "E: Failed to fetch http://a.example/  Could not connect to a.example:80", build.ErrMirror},
		{"no such suite", "E: The repository 'http://a.example bookwurm Release' does not have a Release file.", build.ErrSuite},
		{"no such suite for debootstrap", "E: No such script: /usr/share/debootstrap/scripts/bookwurm", build.ErrSuite},
		{"bad hash", "E: Failed to fetch http://a.example/Packages.xz  Hash Sum mismatch", build.ErrHash},
		{"expired", "E: Release file for http://a.example/InRelease is expired (invalid since 2d). Updates will not be applied.", build.ErrExpired},
		{"clock", "E: Release file for http://a.example/InRelease is not valid yet (invalid for another 3h).", build.ErrClock},
		{"other keys", "E: GPG error: http://a.example InRelease: the public key is not available: NO_PUBKEY 0E98404D386FA1D9", build.ErrSignature},
		{"unsigned", "E: The repository 'http://a.example x Release' is not signed.", build.ErrSignature},
		{"unknown package", "E: Unable to locate package nginxx", build.ErrPackage},
		{"something else", "E: dpkg was interrupted", nfsroottest.ExitError(100)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := fake(t, &nfsroottest.Runner{ExitCode: 100, Log: []string{"I: running apt-get update...", tt.log, "E: apt-get failed"}})
			dir := t.TempDir()
			dst := filepath.Join(dir, "base")
			require.NoError(t, os.MkdirAll(filepath.Join(dst, "old"), 0o755))
			_, err := b.Build(t.Context(), spec(), dst)
			require.ErrorIs(t, err, tt.want)
			failed, ok := errors.AsType[*build.Error](err)
			require.True(t, ok)
			require.Equal(t, 100, failed.ExitCode)
			require.Equal(t, build.Update, failed.Stage)
			require.Contains(t, failed.Log, tt.log)
			require.Contains(t, err.Error(), tt.log)
			if _, unknown := errors.AsType[nfsroottest.ExitError](tt.want); !unknown {
				require.NotEmpty(t, failed.Hint)
			}
			require.DirExists(t, filepath.Join(dst, "old"))
			only(t, dir, "base")

			b.OnDisk = true
			_, err = b.Build(t.Context(), spec(), dst)
			require.ErrorIs(t, err, tt.want)
		})
	}
}

func TestWriterThatFails(t *testing.T) {
	b := fake(t, &nfsroottest.Runner{})
	_, err := b.BuildTar(t.Context(), spec(), failing{})
	require.ErrorIs(t, err, fs.ErrClosed)
	only(t, b.TempDir)
	_, err = b.BuildTar(t.Context(), spec(), failing{}) // out of the cache
	require.ErrorIs(t, err, fs.ErrClosed)
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, fs.ErrClosed }

func TestTwoBuilders(t *testing.T) {
	block := make(chan struct{})
	slow := &nfsroottest.Runner{Block: block}
	first := fake(t, slow)
	dir := t.TempDir()
	dst := filepath.Join(dir, "base")
	done := make(chan error, 2)
	go func() {
		_, err := first.Build(t.Context(), spec(), dst)
		done <- err
	}()
	require.Eventually(t, func() bool { return len(slow.Runs()) == 1 }, 10*time.Second, time.Millisecond)

	second := fake(t, &nfsroottest.Runner{})
	second.NoWait = true
	_, err := second.Build(t.Context(), spec(), dst)
	require.ErrorIs(t, err, build.ErrInUse)

	ctx, cancel := context.WithCancel(t.Context())
	second.NoWait = false
	waiting := make(chan error, 1)
	go func() {
		_, err := second.Build(ctx, spec(), dst)
		waiting <- err
	}()
	cancel()
	require.ErrorIs(t, <-waiting, context.Canceled)

	go func() {
		_, err := second.Build(t.Context(), spec(), dst)
		done <- err
	}()
	close(block)
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	only(t, dir, "base")
}

func TestCancel(t *testing.T) {
	for _, disk := range []bool{false, true} {
		runner := &nfsroottest.Runner{Block: make(chan struct{})}
		b := fake(t, runner)
		b.OnDisk = disk
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := b.Build(ctx, spec(), filepath.Join(dir, "base"))
			done <- err
		}()
		require.Eventually(t, func() bool { return len(runner.Runs()) == 1 }, 10*time.Second, time.Millisecond)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		only(t, dir)
	}
}

func TestLeftoversAreRemoved(t *testing.T) {
	b := fake(t, &nfsroottest.Runner{})
	dir := t.TempDir()
	left := filepath.Join(dir, ".base.nfsroot-123")
	other := filepath.Join(dir, ".other.nfsroot-123")
	work := filepath.Join(b.CacheDir, "builds", "build-123")
	for _, d := range []string{left, other, work} {
		require.NoError(t, os.MkdirAll(filepath.Join(d, "usr"), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(work, "lock"), nil, 0o600))
	_, err := b.Build(t.Context(), spec(), filepath.Join(dir, "base"))
	require.NoError(t, err)
	only(t, dir, ".other.nfsroot-123", "base")
	only(t, filepath.Join(b.CacheDir, "builds"))
}

func TestUnknownBackend(t *testing.T) {
	b := &build.Builder{CacheDir: t.TempDir(), TempDir: t.TempDir(), Backend: "multistrap"}
	_, err := b.BuildTar(t.Context(), spec(), io.Discard)
	require.ErrorContains(t, err, `"multistrap"`)
}

func TestMissingKeyring(t *testing.T) {
	b := &build.Builder{CacheDir: t.TempDir(), TempDir: t.TempDir()}
	s := spec()
	s.Keyring = filepath.Join(t.TempDir(), "none.gpg")
	_, err := b.BuildTar(t.Context(), s, io.Discard)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "none.gpg")
}

func TestLockIsNoLink(t *testing.T) {
	b := fake(t, &nfsroottest.Runner{})
	dir := t.TempDir()
	require.NoError(t, os.Symlink(filepath.Join(dir, "planted"), filepath.Join(dir, ".base.lock")))
	_, err := b.Build(t.Context(), spec(), filepath.Join(dir, "base"))
	require.ErrorIs(t, err, syscall.ELOOP)
	require.NoFileExists(t, filepath.Join(dir, "planted"))
}
