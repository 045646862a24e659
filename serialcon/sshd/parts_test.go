package sshd_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/mythic-beasts/hostkit/serialcon/sshd"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func TestWeakKeysAreRefused(t *testing.T) {
	l := newLab(t, nil)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	short, err := ssh.NewSignerFromKey(weak)
	require.NoError(t, err)
	_, alice := newKey(1)
	cert := &ssh.Certificate{Key: alice.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"anybody"}, ValidBefore: ssh.CertTimeInfinity}
	require.NoError(t, cert.SignCert(rand.Reader, alice))
	signed, err := ssh.NewCertSigner(cert, alice)
	require.NoError(t, err)
	for _, s := range []ssh.Signer{short, signed} {
		config := clientConfig("anybody")
		config.Auth = []ssh.AuthMethod{ssh.PublicKeys(s)}
		require.Error(t, l.from("127.0.0.1", config))
	}
	require.NoError(t, l.from("127.0.0.1", clientConfig("anybody", 1)))
	config := clientConfig("anybody")
	config.Auth = []ssh.AuthMethod{ssh.Password("")}
	require.Error(t, l.from("127.0.0.1", config))
}

func TestSources(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1:22":          "192.0.2.1/32",
		"[::ffff:192.0.2.1]:22": "192.0.2.1/32",
		"[2001:db8::1]:22":      "2001:db8::/64",
		"[2001:db8::ffff:2]:9":  "2001:db8::/64",
		"[fe80::1%lo]:9":        "fe80::/64",
	} {
		got := sshd.SourceOf(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(text)))
		require.Equal(t, netip.MustParsePrefix(want), got, text)
	}
	require.Zero(t, sshd.SourceOf(&net.UnixAddr{Name: "x"}))
}

func TestLimiterForgives(t *testing.T) {
	l := sshd.NewLimiter(9, 9, 9, 3, time.Minute)
	from := netip.MustParsePrefix("192.0.2.1/32")
	for range 3 {
		require.True(t, l.Fail(from, noon))
	}
	require.False(t, l.Fail(from, noon))
	require.False(t, l.Fail(from, noon.Add(59*time.Second)))
	require.True(t, l.Fail(from, noon.Add(time.Minute)))
	require.False(t, l.Fail(from, noon.Add(time.Minute)))
	require.False(t, l.Fail(from, noon.Add(-24*time.Hour)), "a clock that is set back forgives nothing")
	require.True(t, l.Fail(from, noon.Add(-24*time.Hour+time.Minute)), "and does not lock out for ever")
}

// A flood from many addresses costs bounded memory, and does not make the
// server forget those that have connections.
func TestLimiterIsBounded(t *testing.T) {
	l := sshd.NewLimiter(9, 9, 9, 3, time.Minute)
	for i := range 20000 {
		from := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32)
		require.True(t, l.Fail(from, noon))
		require.LessOrEqual(t, l.Sources(), 8192)
	}
}

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"":                      nil,
		"  log  -n 5\n":         {"log", "-n", "5"},
		`grep 'a "b' "c 'd"`:    {"grep", `a "b`, "c 'd"},
		`grep a\ b "" '\x' "\"`: nil,
		`grep a\ b "" '\x'`:     {"grep", "a b", "", `\x`},
		`a"b"'c'`:               {"abc"},
		`end\`:                  nil,
	} {
		got, err := sshd.Split(line)
		require.Equal(t, want, got, line)
		require.Equal(t, want == nil && line != "", err != nil, line)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(`grep -E "a\"b" 'c'`)
	f.Fuzz(func(t *testing.T, line string) {
		words, err := sshd.Split(line)
		if err != nil {
			require.Empty(t, words)
			return
		}
		require.LessOrEqual(t, len(strings.Join(words, "")), 3*len(line)) // U+FFFD for a byte
	})
}

// No control character gets through, however the text is cut.
func FuzzSafeWriter(f *testing.F) {
	f.Add([]byte("a\x1b[2J\xc2\x9b\x9bé\r\n"), uint8(3), false)
	f.Add([]byte("\xe2\x82"), uint8(1), true)
	f.Fuzz(func(t *testing.T, text []byte, cut uint8, crlf bool) {
		var whole, pieces bytes.Buffer
		_, err := sshd.NewSafeWriter(&whole, crlf).Write(text)
		require.NoError(t, err)
		w := sshd.NewSafeWriter(&pieces, crlf)
		for rest := text; len(rest) > 0; {
			n := min(max(1, int(cut)), len(rest))
			m, err := w.Write(rest[:n])
			require.NoError(t, err)
			require.Equal(t, n, m)
			rest = rest[n:]
		}
		require.Equal(t, whole.String(), pieces.String())
		require.True(t, utf8.Valid(whole.Bytes()))
		for _, r := range whole.String() {
			require.True(t, !unicode.IsControl(r) || r == '\n' || r == '\t' || crlf && r == '\r', "%q", r)
		}
	})
}
