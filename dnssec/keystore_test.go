package dnssec_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

// labels is a hardware module in memory. Of the standard library's types only.
type labels struct {
	keys map[string]crypto.Signer
	fail error
	next crypto.Signer // what is generated, if it is set
}

func (l *labels) Generate(_ context.Context, label string, algorithm uint8, bits int) (key crypto.Signer, err error) {
	switch {
	case l.fail != nil:
		return nil, l.fail
	case l.keys[label] != nil:
		return nil, fs.ErrExist
	case l.next != nil:
		key = l.next
	case algorithm == 8:
		key, err = rsa.GenerateKey(rand.Reader, bits)
	case algorithm == 15:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case algorithm == 14:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if l.keys == nil {
		l.keys = map[string]crypto.Signer{}
	}
	l.keys[label] = key
	return key, err
}

func (l *labels) Find(_ context.Context, label string) (crypto.Signer, error) {
	if l.keys[label] == nil {
		return nil, fs.ErrNotExist
	}
	return l.keys[label], l.fail
}

func (l *labels) List(_ context.Context, prefix string) (out []string, err error) {
	for label := range l.keys {
		if strings.HasPrefix(label, prefix) {
			out = append(out, label)
		}
	}
	return out, l.fail
}

func (l *labels) Remove(_ context.Context, label string) error {
	delete(l.keys, label)
	return l.fail
}

// What every key store does.
func TestKeyStores(t *testing.T) {
	for name, open := range map[string]func(*testing.T) dnssec.KeyStore{
		"files":   func(t *testing.T) dnssec.KeyStore { return dnssec.KeyFiles{Path: t.TempDir()} },
		"folders": func(t *testing.T) dnssec.KeyStore { return dnssec.KeyFiles{Path: t.TempDir(), Folders: true} },
		"signers": func(*testing.T) dnssec.KeyStore { return &dnssec.SignerKeys{Signers: &labels{}} },
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			s := open(t)
			zone, other := apexOf(t, "example.org"), apexOf(t, "a.example.org")
			none, err := s.List(ctx, zone)
			require.NoError(t, err)
			require.Empty(t, none)
			var made []string
			for _, o := range []dnssec.KeyOptions{
				{}, {SEP: true}, {Algorithm: dnssec.Ed25519}, {Algorithm: dnssec.ECDSAP384SHA384, SEP: true}, {Algorithm: dnssec.RSASHA256},
			} {
				k, err := s.Generate(ctx, zone, o)
				require.NoError(t, err)
				require.Equal(t, o.SEP, k.SEP())
				require.Equal(t, zone, k.Zone())
				require.WithinDuration(t, time.Now(), k.Timing.Created, time.Minute)
				made = append(made, k.String())
			}
			foreign, err := s.Generate(ctx, other, dnssec.KeyOptions{})
			require.NoError(t, err)
			list, err := s.List(ctx, zone)
			require.NoError(t, err)
			var found []string
			for _, k := range list {
				found = append(found, k.String())
				require.NoError(t, s.Save(ctx, k))
				require.False(t, k.Timing.Created.IsZero())
			}
			require.ElementsMatch(t, made, found)
			require.NoError(t, dnssec.CheckTags(list))

			require.NoError(t, s.Remove(ctx, list[0]))
			require.NoError(t, s.Remove(ctx, list[0]), "it is gone already")
			list, err = s.List(ctx, zone)
			require.NoError(t, err)
			require.Len(t, list, len(made)-1)
			list, err = s.List(ctx, other)
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.Equal(t, foreign.DNSKEY(0), list[0].DNSKEY(0))

			_, err = s.Generate(ctx, zone, dnssec.KeyOptions{Algorithm: 5})
			require.Error(t, err)
			_, err = s.Generate(ctx, zone, dnssec.KeyOptions{Algorithm: dnssec.RSASHA256, Bits: 1024})
			require.Error(t, err)
		})
	}
}

func apexOf(t *testing.T, s string) dnssec.Name {
	n, err := dnssec.ParseName(s)
	require.NoError(t, err)
	return n
}

// A folder that is gone, or a file that cannot be read, is not a zone without keys.
func TestKeyFilesLost(t *testing.T) {
	for _, folders := range []bool{false, true} {
		s := dnssec.KeyFiles{Path: filepath.Join(t.TempDir(), "keys"), Folders: folders}
		zone := apexOf(t, "example.org")
		_, err := s.List(t.Context(), zone)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.NoError(t, os.Mkdir(s.Path, 0o700))
		_, err = s.Generate(t.Context(), zone, dnssec.KeyOptions{})
		require.NoError(t, err)
		private, err := filepath.Glob(filepath.Join(s.Path, "*.private"))
		require.NoError(t, err)
		deep, err := filepath.Glob(filepath.Join(s.Path, "*", "*.private"))
		require.NoError(t, err)
		require.NoError(t, os.Remove(append(private, deep...)[0]))
		_, err = s.List(t.Context(), zone)
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := dnssec.KeyFiles{Path: t.TempDir()}.List(ended, apexOf(t, "example.org"))
	require.ErrorIs(t, err, context.Canceled)
}

// A key whose tag another has is destroyed, and the error tells nothing but that.
func TestSignerKeysCollide(t *testing.T) {
	module := &labels{}
	s := &dnssec.SignerKeys{Signers: module}
	k, err := s.Generate(t.Context(), apexOf(t, "example.org"), dnssec.KeyOptions{})
	require.NoError(t, err)
	for _, key := range module.keys {
		module.next = key
	}
	_, err = s.Generate(t.Context(), apexOf(t, "example.org"), dnssec.KeyOptions{})
	require.ErrorContains(t, err, "tags of others")
	require.Len(t, module.keys, 1)
	_, err = s.Generate(t.Context(), apexOf(t, "other.org"), dnssec.KeyOptions{Others: []*dnssec.Key{k}})
	require.ErrorContains(t, err, "tags of others")
	require.Len(t, module.keys, 1)
}

// What fails in the module, and what others keep there, is told.
func TestSignerKeysFail(t *testing.T) {
	zone := apexOf(t, "example.org")
	module := &labels{}
	s := &dnssec.SignerKeys{Signers: module}
	k, err := s.Generate(t.Context(), zone, dnssec.KeyOptions{})
	require.NoError(t, err)
	module.fail = errors.New("token is gone")
	_, err = s.Generate(t.Context(), zone, dnssec.KeyOptions{})
	require.ErrorIs(t, err, module.fail)
	_, err = s.List(t.Context(), zone)
	require.ErrorIs(t, err, module.fail)
	require.ErrorIs(t, s.Save(t.Context(), k), module.fail)
	require.ErrorIs(t, s.Remove(t.Context(), k), module.fail)
	module.fail = nil

	good := slices.Collect(func(yield func(string) bool) {
		for label := range module.keys {
			yield(label)
		}
	})[0]
	for _, bad := range []string{"Kexample.org.+x", "Kexample.org.+013+256+20260101000000", "Kexample.org.+13+256+20260101000000+X", "Kexample.org.+013+256+2026+X"} {
		module.keys[bad] = module.keys[good]
		_, err := s.List(t.Context(), zone)
		require.ErrorContains(t, err, "not one of ours", bad)
		delete(module.keys, bad)
	}
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	module.keys[good] = key
	_, err = s.List(t.Context(), zone)
	require.Error(t, err, "a key of another algorithm than the label says")
	require.ErrorIs(t, s.Save(t.Context(), k), fs.ErrNotExist)
}

func TestTTLs(t *testing.T) {
	z, err := dnssec.ParseZone(strings.NewReader("@ 300 SOA ns h 1 7200 3600 1209600 600\n@ 60 NS ns\n@ 90 DNSKEY 256 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\nns 7000 A 192.0.2.1\n"), "example.org", dnssec.Options{})
	require.NoError(t, err)
	require.Equal(t, dnssec.TTLs{Max: 7000, Negative: 300, DNSKEY: 90}, z.TTLs())
}
