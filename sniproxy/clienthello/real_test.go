package clienthello_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	utls "github.com/refraction-networking/utls"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
)

// recorder keeps what a client writes first and then fails.
type recorder struct {
	replay
	wrote []byte
}

var errRecorded = errors.New("recorded")

func (r *recorder) Read([]byte) (int, error) { return 0, errRecorded }

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = append(r.wrote, b...)
	return len(b), nil
}

// goHello is the first flight of crypto/tls.
func goHello(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	r := &recorder{}
	require.ErrorIs(t, tls.Client(r, config).Handshake(), errRecorded)
	return r.wrote
}

// requireEverySplit parses a flight cut in two everywhere, and checks it against
// crypto/tls.
func requireEverySplit(t *testing.T, b []byte, name string) {
	t.Helper()
	var info clienthello.Info
	for at := 1; at <= len(b); at++ {
		var p clienthello.Parser
		status, err := p.Parse(b[:at], &info)
		require.NoError(t, err, "at %d", at)
		if status == clienthello.NeedMore {
			status, err = p.Parse(b, &info)
			require.NoError(t, err, "at %d", at)
		}
		require.Equal(t, clienthello.Complete, status)
		require.Equal(t, name, string(info.ServerName), "at %d", at)
	}
	requireAgreement(t, b)
}

func TestRealGo(t *testing.T) {
	for _, tc := range []struct {
		name   string
		config *tls.Config
		large  bool
	}{
		{"post-quantum", &tls.Config{ServerName: site, CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519}}, true},
		{"default", &tls.Config{ServerName: site, NextProtos: []string{"h2", "http/1.1"}}, true},
		{"TLS 1.2", &tls.Config{ServerName: site, MaxVersion: tls.VersionTLS12}, false},
		{"TLS 1.0", &tls.Config{ServerName: site, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := goHello(t, tc.config)
			require.Equal(t, tc.large, len(b) > 1460, "%d bytes", len(b))
			requireEverySplit(t, b, site)
		})
	}
	t.Run("no name", func(t *testing.T) {
		requireEverySplit(t, goHello(t, &tls.Config{ServerName: "192.0.2.1"}), "")
	})
}

// TestRealResumption has the pre_shared_key of a real ticket.
func TestRealResumption(t *testing.T) {
	server := &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	client := &tls.Config{ServerName: site, InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	require.NoError(t, err)
	defer l.Close()
	go func() {
		if s, err := l.Accept(); err == nil {
			_, _ = s.Write([]byte("hello"))
			s.Close()
		}
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), client)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Read(make([]byte, 16)) // the ticket comes before it
	require.NoError(t, err)

	resumed := goHello(t, client)
	fresh := goHello(t, &tls.Config{ServerName: site})
	require.Greater(t, len(resumed), len(fresh)+100, "it carries a ticket")
	requireEverySplit(t, resumed, site)
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{site}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestRealBrowsers are the hellos of browsers as utls imitates them: several of
// each, since the extensions of Chrome are shuffled.
func TestRealBrowsers(t *testing.T) {
	for _, id := range []utls.ClientHelloID{
		utls.HelloGolang, utls.HelloChrome_58, utls.HelloChrome_83, utls.HelloChrome_100, utls.HelloChrome_106_Shuffle,
		utls.HelloChrome_115_PQ, utls.HelloChrome_120, utls.HelloChrome_120_PQ, utls.HelloChrome_131, utls.HelloChrome_133,
		utls.HelloFirefox_55, utls.HelloFirefox_99, utls.HelloFirefox_105, utls.HelloFirefox_120, utls.HelloSafari_16_0,
		utls.HelloIOS_11_1, utls.HelloIOS_14, utls.HelloEdge_85, utls.HelloEdge_106, utls.HelloAndroid_11_OkHttp, utls.HelloQQ_11_1,
	} {
		t.Run(id.Str(), func(t *testing.T) {
			for range 8 {
				r := &recorder{}
				u := utls.UClient(r, &utls.Config{ServerName: site}, id)
				require.ErrorIs(t, u.Handshake(), errRecorded)
				requireAgreement(t, r.wrote)
				var p clienthello.Parser
				var info clienthello.Info
				status, _, err := arrive(&p, r.wrote, 1460, &info)
				require.NoError(t, err)
				require.Equal(t, clienthello.Complete, status)
				require.Equal(t, site, string(info.ServerName))
				require.Equal(t, len(r.wrote), info.Wire)
			}
		})
	}
}

// TestRealOpenSSL are the hellos of openssl s_client, in records of 512 bytes
// too.
func TestRealOpenSSL(t *testing.T) {
	openssl := peer.Look(t, "openssl")
	for _, tc := range []struct {
		name    string
		args    []string
		want    string
		several bool // records
	}{
		{name: "default", args: []string{"-servername", site}, want: site},
		{name: "capitals", args: []string{"-servername", "WWW.Site.Example"}, want: site},
		{name: "TLS 1.2", args: []string{"-servername", site, "-tls1_2"}, want: site},
		{name: "TLS 1.0", args: []string{"-servername", site, "-tls1", "-cipher", "DEFAULT@SECLEVEL=0"}, want: site},
		{name: "no name", args: []string{"-noservername"}},
		{name: "several records", args: []string{"-servername", site, "-max_send_frag", "512", "-alpn", longProtocols()}, want: site, several: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, info := firstFlight(t, openssl, tc.args)
			require.Equal(t, tc.want, string(info.ServerName))
			require.Equal(t, tc.several, info.Records > 1)
			requireAgreement(t, b)
		})
	}
}

// longProtocols fill more than a record of 512 bytes.
func longProtocols() string {
	var list strings.Builder
	list.WriteString("h2")
	for i := range 100 {
		list.WriteString(",x-" + strconv.Itoa(1000+i))
	}
	return list.String()
}

// firstFlight is what openssl s_client sends, as it comes from the socket.
func firstFlight(t *testing.T, openssl string, args []string) ([]byte, *clienthello.Info) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	args = append([]string{"s_client", "-connect", l.Addr().String()}, args...)
	client := exec.CommandContext(t.Context(), openssl, args...)
	program := peer.Start(t, client, peer.Options{})
	require.NoError(t, l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)))
	conn, err := l.Accept()
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))

	var p clienthello.Parser
	info := new(clienthello.Info)
	b := make([]byte, 0, p.Limits.Wire())
	for {
		n, err := conn.Read(b[len(b):cap(b)])
		require.NoError(t, err)
		b = b[:len(b)+n]
		status, err := p.Parse(b, info)
		require.NoError(t, err)
		if status == clienthello.Complete {
			refusal := clienthello.Alert(clienthello.AlertUnrecognizedName)
			_, err := conn.Write(refusal[:])
			require.NoError(t, err)
			_, err = program.WaitOutput(t.Context(), regexp.MustCompile("unrecognized.name"))
			require.NoError(t, err, "the alert arrives as what it is")
			return b, info
		}
	}
}
