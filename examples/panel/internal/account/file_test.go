package account_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
)

func inFile(name string) func(*account.Options) {
	return func(o *account.Options) { o.File = name }
}

func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "accounts.json")
	r := newRig(t, inFile(name))
	s, who := r.login("alice")
	token, err := r.NewToken(t.Context(), who, "a script", account.Write, 0)
	require.NoError(t, err)
	_, err = account.Open(account.Options{File: name})
	require.ErrorContains(t, err, "another process")
	require.NoError(t, r.Close())

	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	for _, secret := range []daemon.Secret{s.Token, s.Device, token.Secret, password} {
		require.NotContains(t, string(data), secret.Reveal(), "hashes alone are kept")
	}
	require.Contains(t, string(data), "$argon2id$v=19$m=64,t=1,p=1$")

	again, err := account.Open(account.Options{File: name, Hash: cheap})
	require.NoError(t, err)
	defer again.Close()
	back, err := again.Session(t.Context(), s.Token, home)
	require.NoError(t, err)
	require.Equal(t, who, back)
	_, err = again.Token(t.Context(), token.Secret, home)
	require.NoError(t, err)
	_, err = again.Login(t.Context(), account.Attempt{Name: "alice", Password: password, Addr: home, Device: s.Device})
	require.NoError(t, err)
	tokens := again.Tokens(back)
	require.Len(t, tokens, 1)
	require.False(t, tokens[0].Used.IsZero())
}

// A file that cannot be written leaves everything as it was.
func TestFileCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "accounts.json")
	r := newRig(t, inFile(name))
	s, who := r.login("alice")
	require.NoError(t, os.Remove(name))
	require.NoError(t, os.Mkdir(name, 0o700))
	require.Error(t, r.Logout(t.Context(), who))
	r.identity(s)
	_, err := r.attempt("alice", password, home, daemon.Secret{})
	require.ErrorContains(t, err, "write")
	require.NotContains(t, err.Error(), password.Reveal())
	require.NoError(t, os.Remove(name))
	require.NoError(t, r.Logout(t.Context(), who))
	r.over(s)
}

func TestSpoiltFiles(t *testing.T) {
	good := account.NewHash(cheap, "four words and more")
	for what, c := range map[string]struct {
		data string
		mode os.FileMode
		want string
	}{
		"rubbish":       {"{", 0o600, "unexpected EOF"},
		"empty":         {"", 0o600, "EOF"},
		"newer":         {`{"version": 2, "people": {}, "sessions": {}, "tokens": {}}`, 0o600, "reads version 1"},
		"unknown field": {`{"version": 1, "groups": {}}`, 0o600, `unknown field "groups"`},
		"open to all":   {`{"version": 1, "people": {}, "sessions": {}, "tokens": {}}`, 0o644, "chmod 600"},
		"bad hash":      {`{"version": 1, "people": {"a": {"role": "operator", "created": "2026-01-01T00:00:00Z", "handle": "AAAA", "hash": "secret"}}, "sessions": {}, "tokens": {}}`, 0o600, "not the hash of a password"},
		"no role":       {`{"version": 1, "people": {"a": {"role": "king", "created": "2026-01-01T00:00:00Z", "handle": "AAAA", "hash": "` + good + `"}}, "sessions": {}, "tokens": {}}`, 0o600, "the name, role or handle"},
	} {
		t.Run(what, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "accounts.json")
			require.NoError(t, os.WriteFile(name, []byte(c.data), c.mode))
			_, err := account.Open(account.Options{File: name})
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "secret")
			data, err := os.ReadFile(name)
			require.NoError(t, err)
			require.Equal(t, c.data, string(data), "it stays as it is")
			_, err = account.Open(account.Options{File: name})
			require.NotContains(t, err.Error(), "another process", "it is let go of")
		})
	}
}

func TestOptions(t *testing.T) {
	for _, cost := range []account.Cost{
		{Time: 1}, {Memory: 64, Threads: 1}, {Time: 1, Memory: 64}, {Time: 1, Memory: 8, Threads: 2},
		{Time: 100, Memory: 64, Threads: 1}, {Time: 1, Memory: 1 << 30, Threads: 1},
	} {
		_, err := account.Open(account.Options{Hash: cost})
		require.ErrorContains(t, err, "RFC 9106", "%+v", cost)
	}
	_, err := account.Open(account.Options{File: filepath.Join(t.TempDir(), "none", "accounts.json")})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestHash(t *testing.T) {
	// RFC 9106's second choice, in the PHC format.
	h := account.NewHash(account.Cost{Time: 3, Memory: 64 << 10, Threads: 4}, "password")
	require.True(t, strings.HasPrefix(h, "$argon2id$v=19$m=65536,t=3,p=4$"), h)
	again, cost, err := account.ParseHash(h)
	require.NoError(t, err)
	require.Equal(t, h, again)
	require.Equal(t, account.Cost{Time: 3, Memory: 64 << 10, Threads: 4}, cost)

	good := "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	_, _, err = account.ParseHash(good)
	require.NoError(t, err)
	for _, change := range [][2]string{
		{"argon2id", "argon2i"}, {"v=19", "v=16"}, {"m=64", "m=4"}, {"m=64", "m=4294967295"}, {"m=64", "m=064"}, {"t=1", "t=0"},
		{"t=1", "t=1000"}, {"p=1", "p=0"}, {"p=1", "p=1,x=1"}, {"m=64,t=1", "t=1,m=64"}, {"$AAAAAAAAAAAAAAAAAAAAAA$", "$AA$"},
		{"$AAAAAAAAAAAAAAAAAAAAAA$", "$AAAAAAAAAAAAAAAAAAAAAB$"}, {"$argon", "argon"}, {"AAA$AAA", "AAA$!"},
	} {
		_, _, err = account.ParseHash(strings.Replace(good, change[0], change[1], 1))
		require.Error(t, err, "%v", change)
	}
}

func FuzzHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=2097152,t=64,p=255$$")
	f.Fuzz(func(t *testing.T, s string) {
		again, cost, err := account.ParseHash(s)
		if err != nil {
			require.NotContains(t, err.Error(), "$AAAA")
			return
		}
		require.Equal(t, s, again)
		require.LessOrEqual(t, cost.Memory, uint32(2<<20))
	})
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"version": 1, "people": {}, "sessions": {}, "tokens": {}}`))
	f.Add([]byte(`{"version": 1, "people": {"a": {"role": "operator", "handle": "AAAA"}}, "sessions": {"x": {"from": "::1"}}, "tokens": {}}`))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = account.DecodeState(data) })
}

// forget removes a hash from a file.
func forget(t *testing.T, name, hash string) {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Contains(t, string(data), hash)
	require.NoError(t, os.WriteFile(name, []byte(strings.ReplaceAll(string(data), hash, "")), 0o600))
}
