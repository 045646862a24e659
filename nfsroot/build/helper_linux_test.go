package build_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/build"
)

// helperEnv has the test binary build something in place of running tests, so
// that a test can kill it, or run it as another user.
const helperEnv = "HOSTKIT_BUILD_HELPER"

type helper struct {
	Dst      string // a folder, or a file if Tar
	Tar      bool
	CacheDir string
	TempDir  string
	Backend  build.Backend
	Smallest bool
	OnDisk   bool
	Sleep    string // not to build, but to run this in a sandbox
	Arch     nfsroot.Arch
}

func TestMain(m *testing.M) {
	text := os.Getenv(helperEnv)
	if text == "" {
		os.Exit(m.Run())
	}
	var h helper
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	if h.Sleep != "" {
		h.sleep()
		return
	}
	manifest, err := h.build()
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("digest", manifest.Digest)
}

func (h helper) spec() nfsroot.Spec {
	if h.Smallest {
		return smallest()
	}
	return spec()
}

// build prints a line for each event.
func (h helper) build() (*nfsroot.Manifest, error) {
	b := &build.Builder{
		CacheDir: h.CacheDir, TempDir: h.TempDir, Backend: h.Backend, MaxAge: -1, OnDisk: h.OnDisk,
		Progress: func(e build.Event) { fmt.Println("event", e.Stage, e.Package) },
	}
	if !h.Tar {
		return b.Build(context.Background(), h.spec(), h.Dst)
	}
	f, err := os.Create(h.Dst)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return b.BuildTar(context.Background(), h.spec(), f)
}

// sleep runs a script that says when it runs, and never ends by itself.
func (h helper) sleep() {
	err := (&build.Sandbox{}).Run(context.Background(), build.Command{
		Script: "echo event asleep; sleep 1000; : $1", Args: []string{h.Sleep}, Arch: h.Arch,
		Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Log: os.Stdout,
	})
	fmt.Println("ended", err)
	os.Exit(1)
}

// forNobody makes a folder that the user nobody reaches, unlike t.TempDir, with
// the test's program and a file of subordinate ids in it.
func forNobody(t *testing.T) string {
	t.Helper()
	peer.Need(t, "unshare", "newuidmap")
	dir, err := os.MkdirTemp("", "hostkit-nobody-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	self, err := os.Executable()
	require.NoError(t, err)
	run(t, "cp", self, filepath.Join(dir, "build.test"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ids"), []byte("nobody:2000000:65536\n"), 0o644))
	return dir
}

// asNobody is the helper as the user nobody, in a mount namespace in which nobody
// has subordinate ids.
func (h helper) asNobody(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := h.command(t, "unshare", "--mount", "sh", "-ec", `
		mount --bind "$1/ids" /etc/subuid
		mount --bind "$1/ids" /etc/subgid
		exec setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups --inh-caps=-all "$1/build.test"`, "sh", dir)
	cmd.Dir = dir
	return cmd
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %s: %s", name, args, out)
}

func (h helper) command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(h)
	require.NoError(t, err)
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), helperEnv+"="+string(text))
	return cmd
}

// needTools skips the test where a root cannot be built for real.
func needTools(t *testing.T, tools ...string) {
	t.Helper()
	peer.NeedRoot(t)
	peer.Need(t, append(tools, "setpriv", "dpkg")...)
}

// userCache keeps packages from one run of the tests to the next.
func userCache(t *testing.T) string {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "hostkit", "nfsroot")
}

// smallest is the smallest root, out of the suite alone without its updates, for
// tests to which a build matters but not what is built.
func smallest() nfsroot.Spec {
	s := spec()
	s.Arch, s.Packages = native(), []string{"usr-is-merged"}
	s.Mirrors = s.Archives()[:1]
	return s
}

// native is this machine's architecture.
func native() nfsroot.Arch {
	if runtime.GOARCH == "arm" {
		return nfsroot.ARMHF
	}
	return nfsroot.Arch(runtime.GOARCH)
}

// mounts below a folder.
func mounts(t *testing.T, dir string) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	var found []string
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, " "+dir+"/") {
			found = append(found, line)
		}
	}
	return found
}

// processes that work in a folder or speak of it.
func processes(dir string) []string {
	var found []string
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range procs {
		for _, link := range []string{"root", "cwd", "exe"} {
			if to, err := os.Readlink(filepath.Join(p, link)); err == nil && strings.HasPrefix(to, dir+"/") {
				found = append(found, p+" "+to)
			}
		}
		if line, err := os.ReadFile(filepath.Join(p, "cmdline")); err == nil && strings.Contains(string(line), dir+"/") {
			found = append(found, p+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
