package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/internal/pebbletest"
)

func (r *rig) accountKey() string { return r.read("state/accounts/test.key") }

// An account is opened once, shown, and gets a new key from the daemon or without one.
func TestAccount(t *testing.T) {
	r := newRig(t)
	r.configure()
	require.Contains(t, r.must("account"), "is not open yet")
	said := r.must("account", "-update")
	require.Regexp(t, `accounturi=https://127\.0\.0\.1:\d+/my-account/`, said)
	require.Contains(t, said, "contacts mailto:a@example.com")
	info, err := os.Stat(r.path("state/accounts/test.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	first := r.accountKey()

	require.Contains(t, r.must("rollover", "test"), "account test has a new key, in "+r.path("state/accounts/test.key"))
	second := r.accountKey()
	require.NotEqual(t, first, second)
	require.NoFileExists(t, r.path("state/accounts/test.key.next"))
	require.Equal(t, said, r.must("account", "-update"), "the same account")

	r.certificate(`"example.com"`, "")
	r.start()
	leaf := r.awaitLeaf("example.com")
	r.must("rollover", "test")
	require.NotEqual(t, second, r.accountKey())
	r.must("renew", "example.com")
	require.NotEqual(t, leaf.SerialNumber, r.leaf("example.com").SerialNumber, "the daemon has the new key")
	r.end(syscall.SIGTERM)
	require.Equal(t, said, r.must("account", "-update"))
	require.NotContains(t, r.said(), "PRIVATE KEY")
}

// The process is killed when the authority has changed the key, and has not answered; or
// when it has not changed it. The account goes on in either case.
func TestKilledInRollover(t *testing.T) {
	for name, changed := range map[string]bool{"changed": true, "not changed": false} {
		t.Run(name, func(t *testing.T) {
			r := newWorld(t)
			var ca *acmetest.CA
			var caught atomic.Bool
			arrived, over := make(chan struct{}), make(chan struct{})
			ca = acmetest.NewCA(t, acmetest.CAOptions{TXT: r.dns.TXT, Intercept: func(_ http.ResponseWriter, req *http.Request, resource string) bool {
				if resource != acmetest.CAKeyChange || caught.Swap(true) {
					return false
				}
				if changed {
					ca.ServeHTTP(httptest.NewRecorder(), req)
				}
				close(arrived)
				<-over
				return true
			}})
			r.ca = ca
			r.certificate(`"example.com"`, "")
			r.start()
			r.awaitLeaf("example.com")
			old := r.accountKey()
			said := make(chan error, 1)
			go func() {
				_, err := r.run("rollover", "test")
				said <- err
			}()
			<-arrived
			next := r.read("state/accounts/test.key.next")
			require.Contains(t, next, "PRIVATE KEY", "it is on disk before")
			require.Equal(t, old, r.accountKey())
			r.end(syscall.SIGKILL)
			close(over)
			require.Error(t, <-said)

			r.start()
			r.must("renew", "example.com")
			require.Len(t, ca.Issued(), 2)
			if changed {
				require.Equal(t, next, r.accountKey())
				require.NoFileExists(t, r.path("state/accounts/test.key.next"))
				return
			}
			require.Equal(t, old, r.accountKey())
			r.must("rollover", "test")
			require.Equal(t, next, r.accountKey(), "kept for the next change")
		})
	}
}

// A certificate is revoked, and replaced by the daemon.
func TestRevoke(t *testing.T) {
	r := newWorld(t)
	ca := acmetest.NewCA(t, acmetest.CAOptions{TXT: r.dns.TXT})
	r.ca = ca
	r.certificate(`"example.com"`, "")
	r.start()
	leaf := r.awaitLeaf("example.com")
	require.Equal(t, "example.com is revoked\n", r.must("revoke", "example.com", "-reason", "keyCompromise"))
	reason, ok := ca.Revoked(leaf)
	require.True(t, ok)
	require.Equal(t, acme.KeyCompromise, reason)
	r.await("another", func() bool { return r.leaf("example.com").SerialNumber.Cmp(leaf.SerialNumber) != 0 })
	r.end(syscall.SIGTERM)
	require.Contains(t, r.must("revoke", "-reason", "superseded", "example.com"), "no daemon runs to replace it: acmed issue -as example.com example.com")
}

// An authority that opens accounts for its customers only, with longer and other chains.
func TestEAB(t *testing.T) {
	r := newWorld(t)
	secret := []byte("0123456789abcdef0123456789abcdef")
	r.pebble = pebbletest.New(t, pebbletest.Options{
		DNS: r.dns.Addr(), EAB: map[string][]byte{"kid-1": secret}, ChainLength: 2, AlternateRoots: 1,
		Profiles: map[string]uint64{"short": 6 * 24 * 3600},
	})
	r.ca = r.pebble
	r.configure()
	_, err := r.run("issue", "example.com")
	require.ErrorContains(t, err, "opens accounts for its customers only: set EAB")

	want := r.pebble.Root(1).Subject.CommonName
	r.config = fmt.Sprintf("[account.test.eab]\nid = \"kid-1\"\nhmac = { file = %q }\n", r.write("eab", base64.RawURLEncoding.EncodeToString(secret)))
	r.configure()
	r.must("issue", "-profile", "short", "-chain", want, "example.com")
	leaf := r.leaf("example.com")
	require.InDelta(t, 6*24, leaf.NotAfter.Sub(leaf.NotBefore).Hours(), 2)
	require.Equal(t, 2, strings.Count(r.read("state/certs/example.com/chain.pem"), "BEGIN CERTIFICATE"))
	require.NotContains(t, r.read("state/accounts/test.key.account"), string(secret))
}

// A key that others can read is not used.
func TestKeyForOthers(t *testing.T) {
	r := newRig(t)
	r.configure()
	r.must("account", "-update")
	require.NoError(t, os.Chmod(r.path("state/accounts/test.key"), 0o644))
	_, err := r.run("account", "-update")
	require.ErrorContains(t, err, "can be read by others: chmod 600 it")
}
