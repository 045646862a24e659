package deb_test

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/deb"
)

func TestFetch(t *testing.T) {
	t.Parallel() // apt waits between its attempts
	a := newArchive(t)
	a.add("firmware", "1:1.0-1", "all", "")
	a.publish(time.Now())
	src := a.source()
	path, version, err := src.Fetch(t.Context(), "firmware")
	require.NoError(t, err)
	require.Equal(t, "1:1.0-1", version)
	require.Equal(t, "firmware_1%3a1.0-1_all.deb", filepath.Base(path))

	a.Close() // from here on nothing can come from anywhere but the cache
	again, _, err := src.Fetch(t.Context(), "firmware=1:1.0-1")
	require.NoError(t, err)
	require.Equal(t, path, again)

	var log bytes.Buffer
	src.MaxAge, src.Log = -1, slog.New(slog.NewTextHandler(&log, nil))
	_, _, err = src.Fetch(t.Context(), "firmware")
	require.NoError(t, err, "old lists are better than none")
	require.Contains(t, log.String(), "package lists are old")
	require.ErrorIs(t, src.Update(t.Context()), deb.ErrOffline)

	require.NoError(t, os.Truncate(path, 100))
	_, _, err = src.Fetch(t.Context(), "firmware")
	require.ErrorIs(t, err, deb.ErrOffline, "a damaged file must not be handed out")
}

func TestFetchHealsItsCache(t *testing.T) {
	a := newArchive(t)
	original := a.add("firmware", "1.0", "arm64", "")
	a.publish(time.Now())
	src := a.source()
	path, _, err := src.Fetch(t.Context(), "firmware")
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 100))
	path, _, err = src.Fetch(t.Context(), "firmware")
	require.NoError(t, err)
	want, err := os.ReadFile(original)
	require.NoError(t, err)
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, have)
	left, err := filepath.Glob(filepath.Join(src.Dir, "fetch-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestNewestAndKernel(t *testing.T) {
	a := newArchive(t)
	for _, name := range []string{
		"linux-image-6.1.0-9-arm64", "linux-image-6.1.0-50-arm64", "linux-image-6.1.0-51-rt-arm64", "linux-image-6.12.57+deb13-arm64",
		"linux-image-6.12.57+deb13-cloud-arm64",
	} {
		a.add(name, "6.1", "arm64", "kmod, linux-base (>= 4.3~), initramfs-tools | linux-initramfs-tool")
	}
	a.add("linux-image-arm64", "6.1", "arm64", "linux-image-6.1.0-50-arm64 (= 6.1)")
	a.add("pi-kernel", "6.1", "arm64", "linux-image-arm64:any")
	a.publish(time.Now())
	src := a.source()
	for name, want := range map[string]string{
		"linux-image-6.1.0-*-arm64":    "linux-image-6.1.0-50-arm64",
		"linux-image-*-arm64":          "linux-image-6.12.57+deb13-arm64",
		"linux-image-6.1.0-*-rt-arm64": "linux-image-6.1.0-51-rt-arm64",
	} {
		p, err := src.Package(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, p.Name)
		require.Equal(t, []string{"kmod", "linux-base", "initramfs-tools"}, p.Depends)
	}
	for _, name := range []string{"pi-kernel", "linux-image-arm64", "linux-image-6.1.0-50-arm64", "linux-image-6.1.0-*-arm64"} {
		p, err := src.Kernel(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, "linux-image-6.1.0-50-arm64", p.Name)
	}
	_, err := src.Package(t.Context(), "linux-image-7.*-arm64")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = src.Kernel(t.Context(), "absent")
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, name := range []string{"", "-o", "a b", "a;b", "A", "*", "a*b*", "a/b", "a=b c", "linux-"} {
		_, err := src.Package(t.Context(), name)
		require.ErrorContains(t, err, strconv.Quote(name)+" is not the name of a package")
	}
}

func TestFaults(t *testing.T) {
	now := time.Now()
	tests := []struct {
		name   string
		damage func(a *archive, src *deb.Source)
		want   error
	}{
		{"no such package", func(*archive, *deb.Source) {}, fs.ErrNotExist},
		{"package is not what the lists say", func(a *archive, _ *deb.Source) {
			path := a.add("wanted", "1.0", "arm64", "")
			a.publish(now)
			data, err := os.ReadFile(path)
			require.NoError(a.t, err)
			data[len(data)-1] ^= 1
			write(a.t, path, string(data), 0o644)
		}, deb.ErrHash},
		{"package is gone", func(a *archive, _ *deb.Source) {
			path := a.add("wanted", "1.0", "arm64", "")
			a.publish(now)
			require.NoError(a.t, os.Remove(path))
		}, fs.ErrNotExist},
		{"lists are not what is signed", func(a *archive, _ *deb.Source) {
			for _, ext := range []string{"", ".gz"} {
				write(a.t, filepath.Join(a.dir, "dists/test/main/binary-arm64/Packages"+ext), strings.Repeat("x", 400), 0o644)
			}
		}, deb.ErrHash},
		{"expired", func(a *archive, _ *deb.Source) {
			a.publish(now.Add(-48*time.Hour), "Valid-Until: "+now.Add(-24*time.Hour).UTC().Format(time.RFC1123))
		}, deb.ErrExpired},
		{"clock is behind", func(a *archive, _ *deb.Source) { a.publish(now.Add(48 * time.Hour)) }, deb.ErrClock},
		{"other key", func(a *archive, src *deb.Source) { _, src.Keyring = key(a.t) }, deb.ErrSignature},
		{"not signed", func(a *archive, _ *deb.Source) {
			require.NoError(a.t, os.Rename(filepath.Join(a.dir, "Release"), filepath.Join(a.dir, "dists/test/Release")))
			require.NoError(a.t, os.Remove(filepath.Join(a.dir, "dists/test/InRelease")))
		}, deb.ErrSignature},
		{"no such suite", func(_ *archive, src *deb.Source) { src.Suite = "elsewhere" }, fs.ErrNotExist},
		{"nobody answers", func(a *archive, _ *deb.Source) { a.Close() }, deb.ErrOffline},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // apt waits between its attempts
			a := newArchive(t)
			a.add("other", "1.0", "arm64", "")
			a.publish(now)
			src := a.source()
			tt.damage(a, src)
			_, _, err := src.Fetch(t.Context(), "wanted")
			require.ErrorIs(t, err, tt.want)
			kept, err := filepath.Glob(filepath.Join(src.Dir, "debs/*/*"))
			require.NoError(t, err)
			require.Empty(t, kept)
		})
	}
}

// An archive of the past is as good as ever.
func TestSnapshotOutlivesItsRelease(t *testing.T) {
	a := newArchive(t)
	a.add("firmware", "1.0", "arm64", "")
	past := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	a.publish(past, "Valid-Until: "+past.Add(time.Hour).Format(time.RFC1123))
	src := a.source()
	src.Snapshot = past
	_, _, err := src.Fetch(t.Context(), "firmware")
	require.NoError(t, err)
	a.Close()
	src.MaxAge = -1
	_, _, err = src.Fetch(t.Context(), "firmware")
	require.NoError(t, err, "its lists do not age")
}

func TestRefuses(t *testing.T) {
	good := deb.Source{Dir: t.TempDir(), Suite: "bookworm", Arch: nfsroot.ARM64}
	tests := []struct {
		name   string
		change func(*deb.Source)
		want   string
	}{
		{"no folder", func(s *deb.Source) { s.Dir = "" }, `Dir ""`},
		{"folder that ends a string", func(s *deb.Source) { s.Dir = `/a";Dir "/` }, "Dir"},
		{"no suite", func(s *deb.Source) { s.Suite = "" }, `suite ""`},
		{"suite with options", func(s *deb.Source) { s.Suite = "a [trusted=yes]" }, "suite"},
		{"architecture", func(s *deb.Source) { s.Arch = "m68k" }, "m68k"},
		{"mirror", func(s *deb.Source) { s.Mirrors = []nfsroot.Mirror{{URL: "http://a b"}} }, "URL"},
		{"keyring", func(s *deb.Source) { s.Keyring = "relative.gpg" }, "keyring"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := good
			tt.change(&src)
			_, _, err := src.Fetch(t.Context(), "base-files")
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestTwoAtOnceAndCancel(t *testing.T) {
	a := newArchive(t)
	a.add("firmware", "1.0", "arm64", "")
	a.publish(time.Now())
	src := a.source()
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			_, _, err := src.Fetch(t.Context(), "firmware")
			if err != nil {
				t.Errorf("fetch beside another: %v", err)
			}
		})
	}
	wait.Wait()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, src.Update(ctx), context.Canceled)
}

func TestUnpack(t *testing.T) {
	a := newArchive(t)
	path := a.add("firmware", "1.0", "arm64", "")
	dir := filepath.Join(t.TempDir(), "tree")
	require.NoError(t, deb.Unpack(t.Context(), path, dir))
	info, err := os.Stat(filepath.Join(dir, "usr/share/firmware/version"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o640), info.Mode())
	require.NoFileExists(t, filepath.Join(a.dir, "script-was-run"))

	require.ErrorIs(t, deb.Unpack(t.Context(), path, dir), fs.ErrExist)
	require.ErrorIs(t, deb.Unpack(t.Context(), filepath.Join(dir, "none.deb"), filepath.Join(t.TempDir(), "x")), fs.ErrNotExist)

	data, err := os.ReadFile(path)
	require.NoError(t, err)
	torn := filepath.Join(t.TempDir(), "torn.deb")
	write(t, torn, string(data[:len(data)*2/3]), 0o644)
	parent := t.TempDir()
	var failed *deb.Error
	require.ErrorAs(t, deb.Unpack(t.Context(), torn, filepath.Join(parent, "tree")), &failed)
	require.NotEmpty(t, failed.Output)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, deb.Unpack(ctx, path, filepath.Join(parent, "tree")), context.Canceled)
	entries, err := os.ReadDir(parent)
	require.NoError(t, err)
	require.Empty(t, entries, "half a tree was left")
}

func TestCompareVersions(t *testing.T) {
	ordered := []string{"1.0~rc1", "1.0", "1.0-1", "1.0-1+deb12u1", "1.0a", "1.0+b", "1.2", "1.10", "6.1.0-9", "6.1.0-50", "6.12.57+deb13", "1:0.1"}
	for i, a := range ordered {
		for j, b := range ordered {
			require.Equal(t, i < j, deb.CompareVersions(a, b) < 0, "%s and %s", a, b)
		}
	}
	require.Zero(t, deb.CompareVersions("1.01", "0:1.1"))
	dpkg := peer.Look(t, "dpkg")
	for _, pair := range [][2]string{{"1.0~", "1.0"}, {"1.0~~", "1.0~"}, {"1.0-", "1.0"}, {"1.a", "1.+"}, {"2-1-1", "2-1"}, {"1a1", "1a01"}, {"1.0.", "1.0"}} {
		older := exec.Command(dpkg, "--compare-versions", pair[0], "lt", pair[1]).Run() == nil
		require.Equal(t, older, deb.CompareVersions(pair[0], pair[1]) < 0, "%v", pair)
	}
}

// A user who is not root gets the same, and nothing of the machine's is used.
func TestAsNobody(t *testing.T) {
	if dir := os.Getenv("HOSTKIT_TEST_DEB_DIR"); dir != "" {
		src := &deb.Source{
			Dir: dir, Suite: "test", Arch: nfsroot.ARM64, Keyring: os.Getenv("HOSTKIT_TEST_DEB_KEYRING"),
			Mirrors: []nfsroot.Mirror{{URL: os.Getenv("HOSTKIT_TEST_DEB_URL")}},
		}
		path, _, err := src.Fetch(t.Context(), "firmware")
		require.NoError(t, err)
		require.NoError(t, deb.Unpack(t.Context(), path, filepath.Join(dir, "tree")))
		return
	}
	peer.NeedRoot(t)
	const nobody = 65534
	a := newArchive(t)
	a.add("firmware", "1.0", "arm64", "")
	a.publish(time.Now())
	before := listing(t, "/var/lib/apt", "/var/cache/apt", "/etc/apt")

	open, err := os.MkdirTemp("", "deb-nobody-") // t.TempDir is for its owner alone
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(open) })
	require.NoError(t, os.Chmod(open, 0o755))
	program := filepath.Join(open, "deb.test")
	data, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	write(t, program, string(data), 0o755)
	keyring, err := os.ReadFile(a.keyring)
	require.NoError(t, err)
	write(t, filepath.Join(open, "archive.gpg"), string(keyring), 0o644)
	dir := filepath.Join(open, "state")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.Chown(dir, nobody, nobody))

	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestAsNobody$", "-test.v")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir,
		"HOSTKIT_TEST_DEB_DIR=" + dir, "HOSTKIT_TEST_DEB_KEYRING=" + filepath.Join(open, "archive.gpg"), "HOSTKIT_TEST_DEB_URL=" + a.URL,
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.FileExists(t, filepath.Join(dir, "tree/usr/share/firmware/version"))
	require.Equal(t, before, listing(t, "/var/lib/apt", "/var/cache/apt", "/etc/apt"))
}

// listing is the names, sizes and times of all files in folders.
func listing(t *testing.T, dirs ...string) string {
	t.Helper()
	var b strings.Builder
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err == nil && !d.IsDir() {
				b.WriteString(path + " " + strconv.FormatInt(info.Size(), 10) + " " + info.ModTime().String() + "\n")
			}
			return err
		})
		require.NoError(t, err)
	}
	return b.String()
}
