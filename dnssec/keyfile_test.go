package dnssec_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

var when = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func allTimes() dnssec.Timing {
	day := func(n int) time.Time { return when.AddDate(0, 0, n) }
	return dnssec.Timing{
		Created: day(0), Publish: day(1), Activate: day(2), Revoke: day(3), Inactive: day(4), Delete: day(5),
		DSPublish: day(6), SyncPublish: day(7), SyncDelete: day(8),
	}
}

func TestKeyFilesComeBack(t *testing.T) {
	dir := dnssec.KeyDir{Path: t.TempDir()}
	var made []*dnssec.Key
	for _, alg := range algorithms {
		k := key(t, dnssec.KeyOptions{Algorithm: alg, SEP: true, Others: made})
		k.Timing, k.TTL = allTimes(), 120
		require.NoError(t, dir.Save(k))
		back, err := dir.Load(k.Zone(), alg, k.Tag())
		require.NoError(t, err)
		require.Equal(t, k.DNSKEY(1), back.DNSKEY(1))
		require.Equal(t, k.Timing, back.Timing)
		require.EqualValues(t, 120, back.TTL)
		first, err := k.MarshalPrivate()
		require.NoError(t, err)
		second, err := back.MarshalPrivate()
		require.NoError(t, err)
		require.Equal(t, first, second)

		k.Timing.Delete = time.Time{}
		require.NoError(t, dir.Save(k), "a key that is there is written again")
		made = append(made, k)
	}
	keys, err := dir.List(name(t, "hosting.test"))
	require.NoError(t, err)
	require.Len(t, keys, len(algorithms))
	for _, k := range keys {
		require.True(t, k.Timing.Delete.IsZero())
	}
	entries, err := os.ReadDir(dir.Path)
	require.NoError(t, err)
	require.Len(t, entries, 2*len(algorithms), "nothing half is left")
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode(), e.Name())
	}
	require.NoError(t, dir.Remove(made[0]))
	require.NoError(t, dir.Remove(made[0]))
	_, err = dir.Load(made[0].Zone(), made[0].Algorithm(), made[0].Tag())
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A name becomes one file, and the files of one zone are not those of another.
func TestKeyFilesOfOddNames(t *testing.T) {
	dir := dnssec.KeyDir{Path: t.TempDir()}
	for _, zone := range []string{".", "a/b.test", `\.\./\.\..test`, "test", "x.test", `a\.b.test`, "a.b.test", "*.test"} {
		k, err := dnssec.GenerateKey(zone, dnssec.KeyOptions{})
		require.NoError(t, err, zone)
		require.NoError(t, dir.Save(k), zone)
		keys, err := dir.List(k.Zone())
		require.NoError(t, err, zone)
		require.Len(t, keys, 1, zone)
		require.Equal(t, k.Tag(), keys[0].Tag())
	}
	entries, err := os.ReadDir(dir.Path)
	require.NoError(t, err)
	require.Len(t, entries, 16)
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	a, b := key(t, dnssec.KeyOptions{}), key(t, dnssec.KeyOptions{})
	private, err := a.MarshalPrivate()
	require.NoError(t, err)
	other, err := b.MarshalPrivate()
	require.NoError(t, err)
	rsaKey, err := key(t, dnssec.KeyOptions{Algorithm: dnssec.RSASHA256}).MarshalPrivate()
	require.NoError(t, err)
	public := a.MarshalPublic()
	edit := func(b []byte, from, to string) []byte { return bytes.ReplaceAll(b, []byte(from), []byte(to)) }
	_, err = dnssec.ParseKey(public, private)
	require.NoError(t, err)
	for _, c := range []struct {
		name, want      string
		public, private []byte
	}{
		{"private of another", "is not of the public key", public, other},
		{"another algorithm", "is not of ECDSAP256SHA256", public, rsaKey},
		{"SHA-1", "may not sign", edit(public, " 3 13 ", " 3 5 "), private},
		{"no key of a zone", "not a zone's key", edit(public, "DNSKEY 256 ", "DNSKEY 0 "), private},
		{"protocol", "not a zone's key", edit(public, " 3 13 ", " 2 13 "), private},
		{"another record", "not a DNSKEY", []byte("a. A 192.0.2.1"), private},
		{"no record", "public key file", []byte("nonsense"), private},
		{"nothing", "not a DNSKEY", nil, private},
		{"format", "not of format v1", public, edit(private, "v1.3", "v2.0")},
		{"lines", "not a name, a colon", public, append([]byte("secretsecret\n"), private...)},
		{"twice", "twice", public, append(bytes.Clone(private), private...)},
		{"no secret", "missing", public, edit(private, "PrivateKey:", "Engine:")},
		{"no base64", "not base64", public, edit(private, "PrivateKey: ", "PrivateKey: !")},
		{"zero", "not a number of the curve", public, []byte("Private-key-format: v1.3\nAlgorithm: 13 (x)\nPrivateKey: AA==\n")},
		{"time", "not a time", public, edit(private, "Created: 2", "Created: x")},
	} {
		_, err := dnssec.ParseKey(c.public, c.private)
		require.ErrorContains(t, err, c.want, c.name)
		secret := strings.Fields(string(private))[6]
		require.NotContains(t, err.Error(), secret[:8], c.name)
		require.NotContains(t, err.Error(), "secretsecret", c.name)
	}
}

// What is wrong with a folder stops whoever would sign by it.
func TestKeyFoldersThatAreRefused(t *testing.T) {
	dir := dnssec.KeyDir{Path: t.TempDir()}
	k := key(t, dnssec.KeyOptions{})
	require.NoError(t, dir.Save(k))
	file := filepath.Join(dir.Path, k.String())

	require.NoError(t, os.Chmod(file+".private", 0o640))
	_, err := dir.List(k.Zone())
	require.ErrorContains(t, err, "chmod 0600")
	require.Error(t, dir.Save(k), "it may be another key")
	require.NoError(t, os.Chmod(file+".private", 0o600))

	require.NoError(t, os.Rename(file+".private", file+".away"))
	_, err = dir.List(k.Zone())
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.Rename(file+".away", file+".private"))

	wrong := strings.Replace(file, "+"+tail(k), "+"+tail(k.Revoke()), 1)
	require.NoError(t, os.Rename(file+".private", wrong+".private"))
	require.NoError(t, os.Rename(file+".key", wrong+".key"))
	_, err = dir.List(k.Zone())
	require.ErrorContains(t, err, "the key in it is "+k.String())

	require.NoError(t, os.WriteFile(wrong+".key", make([]byte, 1<<17), 0o600))
	_, err = dir.List(k.Zone())
	require.ErrorContains(t, err, "not a key's file")

	nowhere := dnssec.KeyDir{Path: filepath.Join(dir.Path, "nowhere")}
	_, err = nowhere.List(k.Zone())
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, nowhere.Save(k), fs.ErrNotExist)
	require.Error(t, nowhere.Remove(k))
}

func tail(k *dnssec.Key) string { return k.String()[strings.LastIndexByte(k.String(), '+')+1:] }

// A key of the same tag is never written over another.
func TestSaveKeepsAnotherKey(t *testing.T) {
	dir := dnssec.KeyDir{Path: t.TempDir()}
	a, b := colliding(t)
	require.NoError(t, dir.Save(a))
	require.ErrorIs(t, dir.Save(b), fs.ErrExist)
	require.NoError(t, os.Remove(filepath.Join(dir.Path, a.String()+".key")))
	require.ErrorIs(t, dir.Save(b), fs.ErrExist)
	require.NoError(t, dir.Save(a), "what a crash left half is completed")
	_, err := dir.Load(a.Zone(), a.Algorithm(), a.Tag())
	require.NoError(t, err)
}

// remote is a signer whose key is elsewhere.
type remote struct{ key ed25519.PrivateKey }

func (r remote) Public() crypto.PublicKey { return r.key.Public() }
func (r remote) Sign(rand io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return r.key.Sign(rand, digest, o)
}

func TestKeyThatIsNotInMemoryHasNoFile(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	k, err := dnssec.NewKey("x.test", dnssec.Ed25519, true, remote{private})
	require.NoError(t, err)
	require.ErrorIs(t, dnssec.KeyDir{Path: t.TempDir()}.Save(k), errors.ErrUnsupported)
}

// Keys of dnssec-keygen are read, and written again without a change that
// dnssec-settime would see.
func TestRealKeysOfBIND(t *testing.T) {
	keygen, settime := peer.Look(t, "dnssec-keygen"), peer.Look(t, "dnssec-settime")
	dir := dnssec.KeyDir{Path: t.TempDir()}
	for _, alg := range algorithms {
		args := []string{"-K", dir.Path, "-q", "-a", strconv.Itoa(int(alg)), "-L", "1234", "-I", "20300102030405", "-D", "+1y", "-P", "sync", "+1mo"}
		if alg == dnssec.RSASHA256 {
			args = append(args, "-b", "2048")
		} else {
			args = append(args, "-f", "KSK")
		}
		out, err := exec.CommandContext(t.Context(), keygen, append(args, "x-y_z.test")...).Output()
		require.NoError(t, err)
		base := filepath.Join(dir.Path, strings.TrimSpace(string(out)))
		theirs, err := os.ReadFile(base + ".private")
		require.NoError(t, err)
		theirPublic, err := os.ReadFile(base + ".key")
		require.NoError(t, err)
		before := settimePrint(t, settime, base)

		keys, err := dir.List(name(t, "x-y_z.test"))
		require.NoError(t, err)
		require.Len(t, keys, 1)
		k := keys[0]
		require.EqualValues(t, 1234, k.TTL)
		require.Equal(t, "2030-01-02T03:04:05Z", k.Timing.Inactive.Format(time.RFC3339))
		require.NoError(t, dir.Save(k))
		ours, err := os.ReadFile(base + ".private")
		require.NoError(t, err)
		require.Equal(t, string(theirs), string(ours))
		ourPublic, err := os.ReadFile(base + ".key")
		require.NoError(t, err)
		require.Equal(t, record(theirPublic), record(ourPublic))
		require.Equal(t, before, settimePrint(t, settime, base))
		require.NoError(t, dir.Remove(k))
	}
}

// record is the last line of a key's file, without the spaces in its base64.
func record(public []byte) string {
	lines := strings.Split(strings.TrimSpace(string(public)), "\n")
	return strings.ReplaceAll(lines[len(lines)-1], " ", "")
}

// Times that we write are read by dnssec-settime, and those it sets by us.
func TestRealSettime(t *testing.T) {
	settime := peer.Look(t, "dnssec-settime")
	dir := dnssec.KeyDir{Path: t.TempDir()}
	for _, alg := range algorithms {
		k := key(t, dnssec.KeyOptions{Algorithm: alg, SEP: true})
		k.Timing = allTimes()
		require.NoError(t, dir.Save(k))
		base := filepath.Join(dir.Path, k.String())
		printed := settimePrint(t, settime, base)
		for i, line := range []string{"Created", "Publish", "Activate", "Revoke", "Inactive", "Delete", "DS Publish", "SYNC Publish", "SYNC Delete"} {
			require.Contains(t, printed, line+": "+strconv.FormatInt(when.AddDate(0, 0, i).Unix(), 10)+"\n", alg)
		}
		out, err := exec.CommandContext(t.Context(), settime, "-D", "20310203040506", "-I", "none", base+".key").CombinedOutput()
		require.NoError(t, err, string(out))
		back, err := dir.Load(k.Zone(), alg, k.Tag())
		require.NoError(t, err)
		require.Equal(t, "20310203040506", back.Timing.Delete.Format("20060102150405"))
		require.True(t, back.Timing.Inactive.IsZero())
		require.Equal(t, k.DNSKEY(1), back.DNSKEY(1))
	}
}

func settimePrint(t *testing.T, settime, base string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), settime, "-u", "-p", "all", base+".key").CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// Nothing read panics, and what is read is written as what it was.
func FuzzParseKey(f *testing.F) {
	for _, alg := range algorithms {
		k, err := dnssec.GenerateKey("x.test", dnssec.KeyOptions{Algorithm: alg})
		require.NoError(f, err)
		k.Timing = allTimes()
		private, err := k.MarshalPrivate()
		require.NoError(f, err)
		f.Add(k.MarshalPublic(), private)
	}
	f.Fuzz(func(t *testing.T, public, private []byte) {
		if len(public)+len(private) > 8<<10 {
			return
		}
		k, err := dnssec.ParseKey(public, private)
		if err != nil {
			return
		}
		again, err := k.MarshalPrivate()
		require.NoError(t, err)
		back, err := dnssec.ParseKey(k.MarshalPublic(), again)
		require.NoError(t, err)
		require.Equal(t, k.DNSKEY(1), back.DNSKEY(1))
		require.Equal(t, k.Timing, back.Timing)
	})
}
