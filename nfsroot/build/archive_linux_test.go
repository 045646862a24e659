package build_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
)

// archive is a signed archive of one essential package, over HTTP, whose faults
// tests choose.
type archive struct {
	dir, gnupg, keyring string
	server              *httptest.Server
	valid, until        time.Time
}

func newArchive(t *testing.T) *archive {
	t.Helper()
	peer.Need(t, "gpg", "gpgv", "dpkg-deb")
	a := &archive{dir: t.TempDir(), valid: time.Now().Add(-time.Hour), until: time.Now().Add(time.Hour)}
	a.keyring = filepath.Join(a.dir, "keys.gpg")
	a.newKeys(t)
	a.gpg(t, "--output", a.keyring, "--export")
	require.NoError(t, os.MkdirAll(filepath.Join(a.dir, "dists/test/main/binary-amd64"), 0o755))
	a.pack(t)
	a.server = httptest.NewServer(http.FileServer(http.Dir(a.dir)))
	t.Cleanup(a.server.Close)
	return a
}

// newKeys makes keys that the keyring does not have, unless it is made later.
func (a *archive) newKeys(t *testing.T) {
	t.Helper()
	// sockets of gpg-agent want a short path
	home, err := os.MkdirTemp("", "gpg")
	require.NoError(t, err)
	a.gnupg = home
	t.Cleanup(func() {
		if out, err := exec.Command("gpgconf", "--homedir", home, "--kill", "all").CombinedOutput(); err != nil {
			t.Log(err, string(out))
		}
		os.RemoveAll(home)
	})
	a.gpg(t, "--passphrase", "", "--quick-generate-key", "archive@example.org", "ed25519", "sign", "never")
}

func (a *archive) gpg(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command("gpg", append([]string{"--homedir", a.gnupg, "--batch", "--yes", "--quiet"}, args...)...).CombinedOutput()
	require.NoError(t, err, string(out))
}

func (a *archive) path(name string) string { return filepath.Join(a.dir, name) }

// pack makes the package, which is not one that anything could run.
func (a *archive) pack(t *testing.T) {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.Chmod(root, 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(root, "DEBIAN"), 0o755))
	control := "Package: essence\nVersion: 1\nArchitecture: all\nEssential: yes\nPriority: required\nMaintainer: a <a@example.org>\nDescription: x\n"
	require.NoError(t, os.WriteFile(filepath.Join(root, "DEBIAN/control"), []byte(control), 0o644))
	out, err := exec.Command("dpkg-deb", "--build", root, a.path("essence_1_all.deb")).CombinedOutput()
	require.NoError(t, err, string(out))
	deb, err := os.ReadFile(a.path("essence_1_all.deb"))
	require.NoError(t, err)
	sum := sha256.Sum256(deb)
	packages := fmt.Sprintf("%sFilename: essence_1_all.deb\nSize: %d\nSHA256: %x\n", control, len(deb), sum)
	require.NoError(t, os.WriteFile(a.path("dists/test/main/binary-amd64/Packages"), []byte(packages), 0o644))
	a.release(t)
}

// release writes and signs the archive's Release file.
func (a *archive) release(t *testing.T) {
	t.Helper()
	packages, err := os.ReadFile(a.path("dists/test/main/binary-amd64/Packages"))
	require.NoError(t, err)
	sum := sha256.Sum256(packages)
	text := fmt.Sprintf("Suite: test\nCodename: test\nArchitectures: amd64\nComponents: main\nDate: %s\nValid-Until: %s\nSHA256:\n %s %d main/binary-amd64/Packages\n",
		a.valid.UTC().Format(time.RFC1123), a.until.UTC().Format(time.RFC1123), hex.EncodeToString(sum[:]), len(packages))
	file := a.path("dists/test/Release")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	a.gpg(t, "--output", a.path("dists/test/InRelease"), "--clearsign", file)
}

func (a *archive) spec() nfsroot.Spec {
	return nfsroot.Spec{
		Suite: "test", Arch: nfsroot.AMD64, Keyring: a.keyring,
		Mirrors: []nfsroot.Mirror{{URL: a.server.URL}},
	}
}

func damage(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	text[len(text)/2] ^= 1
	require.NoError(t, os.WriteFile(name, text, 0o644))
}
