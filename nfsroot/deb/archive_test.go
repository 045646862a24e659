package deb_test

import (
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/deb"
)

// archive is a small signed archive of Debian packages, served by HTTP.
type archive struct {
	t       testing.TB
	dir     string // of the files
	gpg     string // home of the signing key
	keyring string
	stanzas string // of Packages
	*httptest.Server
}

func newArchive(t testing.TB) *archive {
	t.Helper()
	peer.Need(t, "apt-get", "apt-cache", "dpkg-deb", "gpg")
	a := &archive{t: t, dir: t.TempDir()}
	a.gpg, a.keyring = key(t)
	a.Server = httptest.NewServer(http.FileServer(http.Dir(a.dir)))
	t.Cleanup(a.Close)
	return a
}

// key makes a signing key, and returns gpg's home and the file of the keyring.
func key(t testing.TB) (home, keyring string) {
	t.Helper()
	home, err := os.MkdirTemp("", "gpg") // a socket's name must be short
	require.NoError(t, err)
	t.Cleanup(func() {
		exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() // it may have no daemon
		os.RemoveAll(home)
	})
	keyring = filepath.Join(t.TempDir(), "archive.gpg")
	command(t, "gpg", "--homedir", home, "--batch", "--passphrase", "", "--quick-generate-key", "archive@example.org", "ed25519", "sign", "never")
	command(t, "gpg", "--homedir", home, "--batch", "--output", keyring, "--export")
	return home, keyring
}

func command(t testing.TB, name string, args ...string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
}

// add puts a package into the pool whose scripts would leave a trace.
func (a *archive) add(name, version, arch, depends string) (path string) {
	a.t.Helper()
	tree := filepath.Join(a.t.TempDir(), "tree")
	trace := filepath.Join(a.dir, "script-was-run")
	write(a.t, filepath.Join(tree, "DEBIAN/preinst"), "#!/bin/sh\ntouch "+trace+"\n", 0o755)
	write(a.t, filepath.Join(tree, "usr/share", name, "version"), version, 0o640)
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: A <a@example.org>\nSection: kernel\nDescription: test\n", name, version, arch)
	if depends != "" {
		control += "Depends: " + depends + "\n"
	}
	write(a.t, filepath.Join(tree, "DEBIAN/control"), control, 0o644)
	path = filepath.Join(a.dir, "pool", fmt.Sprintf("%s_%s_%s.deb", name, strings.TrimPrefix(version, "1:"), arch))
	require.NoError(a.t, os.MkdirAll(filepath.Dir(path), 0o755))
	command(a.t, "dpkg-deb", "--root-owner-group", "-b", tree, path)
	data, err := os.ReadFile(path)
	require.NoError(a.t, err)
	a.stanzas += control + fmt.Sprintf("Filename: pool/%s\nSize: %d\nSHA256: %x\n\n", filepath.Base(path), len(data), sha256.Sum256(data))
	return path
}

func write(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
	require.NoError(t, os.Chmod(path, mode))
}

// publish writes and signs the lists; fields are further ones of Release.
func (a *archive) publish(date time.Time, fields ...string) {
	a.t.Helper()
	var release strings.Builder
	release.WriteString("Suite: test\nCodename: test\nArchitectures: arm64\nComponents: main\nDate: " + date.UTC().Format(time.RFC1123) + "\n")
	release.WriteString(strings.Join(append(fields, "SHA256:\n"), "\n"))
	for _, name := range []string{"main/binary-arm64/Packages", "main/binary-arm64/Packages.gz"} {
		data := a.stanzas
		if strings.HasSuffix(name, ".gz") {
			var b strings.Builder
			z := gzip.NewWriter(&b)
			_, err := z.Write([]byte(data))
			require.NoError(a.t, err)
			require.NoError(a.t, z.Close())
			data = b.String()
		}
		write(a.t, filepath.Join(a.dir, "dists/test", name), data, 0o644)
		fmt.Fprintf(&release, " %x %d %s\n", sha256.Sum256([]byte(data)), len(data), name)
	}
	plain, signed := filepath.Join(a.dir, "Release"), filepath.Join(a.dir, "dists/test/InRelease")
	write(a.t, plain, release.String(), 0o644)
	command(a.t, "gpg", "--homedir", a.gpg, "--batch", "--yes", "--output", signed, "--clearsign", plain)
}

func (a *archive) source() *deb.Source {
	return &deb.Source{
		Dir: a.t.TempDir(), Suite: "test", Arch: nfsroot.ARM64, Keyring: a.keyring,
		Mirrors: []nfsroot.Mirror{{URL: a.URL}},
	}
}
