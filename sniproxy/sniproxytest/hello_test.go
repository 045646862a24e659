package sniproxytest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// A proxy's own test sends every flight of the corpus; here the parser alone
// reads one.
func ExampleCorpus() {
	for _, c := range sniproxytest.Corpus() {
		if c.Name != "64 one-byte records" {
			continue
		}
		var p clienthello.Parser
		var info clienthello.Info
		status, _ := p.Parse(c.Bytes(), &info)
		fmt.Println(status == clienthello.Complete, string(info.ServerName), info.Records)
	}
	// Output: true www.site.example 65
}

// played is a connection with a fixed input; what is written to it is kept.
type played struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (p *played) Read(b []byte) (int, error)  { return p.in.Read(b) }
func (p *played) Write(b []byte) (int, error) { return p.out.Write(b) }
func (p *played) Close() error                { return nil }

func (p *played) SetWriteDeadline(time.Time) error { return nil }

func helloCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{sniproxytest.Site}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestServerAnswersHello: a TLS server takes the hellos for what they say, and
// answers with a ServerHello.
func TestServerAnswersHello(t *testing.T) {
	cert := helloCertificate(t)
	for name, o := range map[string]sniproxytest.HelloOptions{
		"default":   {},
		"classical": {Classical: true},
		"TLS 1.2":   {TLS12: true},
		"records":   {Records: []int{1, 2, 3}, Repeat: true},
		"large":     {Pad: 60_000, NameLast: true},
		"ECH":       {ECH: true, ALPN: []string{"h2"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := sniproxytest.Hello(sniproxytest.Site, o)
			require.Equal(t, b, sniproxytest.Hello(sniproxytest.Site, o), "the same each time")
			conn := &played{in: bytes.NewReader(b)}
			var hello *tls.ClientHelloInfo
			config := &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
				hello = h
				return &cert, nil
			}, NextProtos: []string{"h2"}}
			err := tls.Server(conn, config).Handshake()
			require.ErrorIs(t, err, io.EOF, "it waits for the client to go on")
			require.Equal(t, sniproxytest.Site, hello.ServerName)
			require.Equal(t, byte(22), conn.out.Bytes()[0], "a handshake record")
			require.Equal(t, byte(2), conn.out.Bytes()[5], "a ServerHello")
			quantum := binary.BigEndian.Uint16(conn.out.Bytes()[3:]) > 1000 // the ServerHello has a ciphertext
			require.Equal(t, !o.Classical && !o.TLS12, quantum)
		})
	}
}

func TestHelloOptions(t *testing.T) {
	parse := func(b []byte) *clienthello.Info {
		p := clienthello.Parser{Limits: clienthello.Limits{Max: 1 << 16}}
		info := new(clienthello.Info)
		status, err := p.Parse(b, info)
		require.NoError(t, err)
		require.Equal(t, clienthello.Complete, status)
		return info
	}
	info := parse(sniproxytest.Hello("a.example", sniproxytest.HelloOptions{}))
	require.InDelta(t, 1500, info.Size, 100)
	require.Equal(t, 1, info.Records)

	info = parse(sniproxytest.Hello("a.example", sniproxytest.HelloOptions{Records: []int{7, 5}}))
	require.Equal(t, 3, info.Records)
	info = parse(sniproxytest.Hello("a.example", sniproxytest.HelloOptions{Records: []int{1}, Repeat: true}))
	require.Equal(t, info.Size, info.Records)
	info = parse(sniproxytest.Hello("a.example", sniproxytest.HelloOptions{Pad: 40_000, RecordVersion: 0x0303}))
	require.Equal(t, 3, info.Records, "no record is larger than 16 KiB")
	require.EqualValues(t, 0x0303, info.RecordVersion)

	message := sniproxytest.HelloMessage("a.example", sniproxytest.HelloOptions{QUIC: []byte{}, NameLast: true})
	var p clienthello.Parser
	status, err := p.ParseMessage(message, info)
	require.NoError(t, err)
	require.Equal(t, clienthello.Complete, status)
	require.True(t, info.QUIC)
	require.True(t, bytes.HasSuffix(message, []byte("a.example")))
}

func TestCorpusIsDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range sniproxytest.Corpus() {
		require.NotEmpty(t, c.Name)
		require.False(t, seen[c.Name], c.Name)
		seen[c.Name] = true
		require.Equal(t, c.Outcome == sniproxytest.Refused, c.Reason != 0, c.Name)
		require.Equal(t, c.Outcome == sniproxytest.Routed, c.ServerName == sniproxytest.Site, c.Name)
	}
}
