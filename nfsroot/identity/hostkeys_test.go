package identity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/identity"
	"github.com/stretchr/testify/require"
)

// TestRealSSHKeygen has OpenSSH read the keys, and say the same of them.
func TestRealSSHKeygen(t *testing.T) {
	keygen := peer.Look(t, "ssh-keygen")
	keys, err := identity.GenerateHostKeys("pi1")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "ssh_host_ed25519_key")
	require.NoError(t, os.WriteFile(file, keys.PrivateKey(), 0o600))
	run := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), keygen, args...).CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	public := run("-y", "-f", file)
	require.Equal(t, keys.PublicKey()+" pi1\n", public)
	require.NoError(t, os.WriteFile(file+".pub", []byte(public), 0o644))
	require.Equal(t, "256 "+keys.Fingerprint()+" pi1 (ED25519)\n", run("-l", "-f", file))

	record, err := keys.SSHFP("pi1.example.com.")
	require.NoError(t, err)
	require.Contains(t, strings.Split(run("-r", "pi1.example.com.", "-f", file), "\n"), record)

	line, err := keys.KnownHosts("pi1.example.com", "2001:db8::5")
	require.NoError(t, err)
	known := filepath.Join(t.TempDir(), "known_hosts")
	require.NoError(t, os.WriteFile(known, []byte(line+"\n"), 0o644))
	for _, host := range []string{"pi1.example.com", "2001:db8::5"} {
		require.Contains(t, run("-F", host, "-f", known), keys.PublicKey())
	}
}

func TestKeysAreNeverShown(t *testing.T) {
	keys, err := identity.GenerateHostKeys("pi1")
	require.NoError(t, err)
	id := identity.Identity{Name: "pi1", HostKeys: keys}
	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		fmt.Fprintf(&shown, verb+"\n"+verb+"\n"+verb+"\n", keys, *keys, id)
	}
	slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "keys", keys, "value", *keys, "identity", id)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("x", "keys", keys, "value", *keys, "identity", id)
	require.NoError(t, json.NewEncoder(&shown).Encode(id))

	secret := strings.Split(string(keys.PrivateKey()), "\n")[2]
	require.NotContains(t, shown.String(), secret)
	require.NotContains(t, shown.String(), "OPENSSH")
	require.NotContains(t, shown.String(), fmt.Sprintf("%x", keys.PrivateKey())[:40])
	require.NotContains(t, shown.String(), strings.Trim(fmt.Sprint([20]byte(keys.PrivateKey())), "[]"))
	require.Contains(t, shown.String(), keys.Fingerprint())
}

func TestNoKeys(t *testing.T) {
	var none identity.HostKeys
	require.Equal(t, "HostKeys(none)", none.String())
	require.Empty(t, none.PublicKey())
	_, err := none.SSHFP("pi1")
	require.ErrorContains(t, err, "no host key")
	_, err = none.KnownHosts("pi1")
	require.ErrorContains(t, err, "no host key")
}

func TestParseHostKeys(t *testing.T) {
	keys, err := identity.GenerateHostKeys("pi1")
	require.NoError(t, err)
	again, err := identity.ParseHostKeys(keys.PrivateKey())
	require.NoError(t, err)
	require.Equal(t, keys, again)
	_, err = identity.ParseHostKeys([]byte("no key"))
	require.ErrorContains(t, err, "identity: parse a host key")
	text := keys.PrivateKey()
	text[len(text)/2] ^= 1
	_, err = identity.ParseHostKeys(text)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "OPENSSH")

	for _, owner := range []string{"", "a b", "pi1\n", "*.example.com"} {
		_, err = keys.SSHFP(owner)
		require.Error(t, err, "%q", owner)
	}
	for _, names := range [][]string{nil, {"a,b"}, {"*"}, {"fe80::1%eth0"}, {"pi1", "x y"}} {
		_, err = keys.KnownHosts(names...)
		require.Error(t, err, "%q", names)
	}
}

func TestDeriveMachineID(t *testing.T) {
	secret := []byte("sixteen bytes at least")
	id, err := identity.DeriveMachineID(secret, "pi1")
	require.NoError(t, err)
	require.Equal(t, "7e212fb45e6f493abf653b82dfed045b", id)
	require.NoError(t, identity.Identity{Name: "pi1", MachineID: id}.Validate())
	other, err := identity.DeriveMachineID(secret, "pi2")
	require.NoError(t, err)
	require.NotEqual(t, id, other)
	_, err = identity.DeriveMachineID([]byte("short"), "pi1")
	require.ErrorContains(t, err, "needs 16")
	_, err = identity.DeriveMachineID(secret, "../pi1")
	require.ErrorContains(t, err, `"../pi1"`)
}

func TestKeyStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "keys")
	store := identity.KeyStore{Dir: dir}
	keys, err := store.Get("pi1.example.com")
	require.NoError(t, err)
	again, err := identity.KeyStore{Dir: dir}.Get("pi1.example.com")
	require.NoError(t, err)
	require.Equal(t, keys, again)
	other, err := store.Get("pi2")
	require.NoError(t, err)
	require.NotEqual(t, keys.PublicKey(), other.PublicKey())

	fi, err := os.Stat(filepath.Join(dir, "pi2.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), fi.Mode())
	fi, err = os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), fi.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "nothing temporary stays")

	require.NoError(t, store.Remove("pi2"))
	require.NoError(t, store.Remove("pi2"))
	third, err := store.Get("pi2")
	require.NoError(t, err)
	require.NotEqual(t, other.PublicKey(), third.PublicKey())
}

func TestKeyStoreRefuses(t *testing.T) {
	dir := t.TempDir()
	store := identity.KeyStore{Dir: dir}
	for _, name := range []string{"", "..", "../pi1", "a/b", "pi 1", "pi1\n"} {
		_, err := store.Get(name)
		require.Error(t, err, "%q", name)
		require.Error(t, store.Remove(name), "%q", name)
	}
	_, err := identity.KeyStore{}.Get("pi1")
	require.ErrorContains(t, err, "KeyStore.Dir is empty")

	keys, err := identity.GenerateHostKeys("pi1")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pi1.key"), keys.PrivateKey(), 0o644))
	_, err = store.Get("pi1")
	require.ErrorContains(t, err, "others can read it")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pi2.key"), nil, 0o600))
	_, err = store.Get("pi2")
	require.ErrorContains(t, err, "identity: host keys of pi2", "a file that was cut short is not replaced in silence")
}

// TestKeyStoreRace has many ask for a new machine at once; all get one key.
func TestKeyStoreRace(t *testing.T) {
	store := identity.KeyStore{Dir: filepath.Join(t.TempDir(), "keys")}
	got := make([]string, 16)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			if keys, err := store.Get("pi1"); err == nil {
				got[i] = keys.PublicKey()
			}
		})
	}
	wg.Wait()
	for _, key := range got {
		require.NotEmpty(t, key)
		require.Equal(t, got[0], key)
	}
}
