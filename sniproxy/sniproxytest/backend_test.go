package sniproxytest_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
	"github.com/stretchr/testify/require"
)

func dialBackend(t *testing.T, b *sniproxytest.Backend, send string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", b.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(c, send)
	require.NoError(t, err)
	return c.(*net.TCPConn)
}

func all(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}

func TestBackendEcho(t *testing.T) {
	for _, addr := range []string{"", "127.0.0.1:0"} {
		b := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{Addr: addr})
		c := dialBackend(t, b, "hello")
		require.NoError(t, c.CloseWrite())
		require.Equal(t, "hello", all(t, c))
		seen := b.Await(t, 1)
		require.Len(t, seen, 1)
		require.Equal(t, c.LocalAddr().String(), seen[0].Peer.String())
		require.Equal(t, "hello", string(seen[0].Received))
		require.Equal(t, int64(5), seen[0].Bytes)
		require.NoError(t, seen[0].Err)
		require.Equal(t, addr == "", b.Addr().Addr().Is6())
	}
}

func TestBackendRecordsTheFirst64KiB(t *testing.T) {
	b := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{})
	c := dialBackend(t, b, "")
	payload := bytes.Repeat([]byte("x"), 200_000)
	go func() {
		_, _ = c.Write(payload)
		_ = c.CloseWrite()
	}()
	require.Len(t, all(t, c), len(payload))
	seen := b.Await(t, 1)
	require.Len(t, seen[0].Received, 64<<10)
	require.Equal(t, int64(len(payload)), seen[0].Bytes)
}

func TestBackendHalfClose(t *testing.T) {
	b := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{Mode: sniproxytest.BackendAfterEOF})
	c := dialBackend(t, b, "question")
	require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "nothing before the end")
	require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	require.NoError(t, c.CloseWrite())
	require.Equal(t, "question", all(t, c))

	b = sniproxytest.NewBackend(t, sniproxytest.BackendOptions{Mode: sniproxytest.BackendGreets})
	c = dialBackend(t, b, "")
	require.Equal(t, "ready\r\n", all(t, c))
	_, err = io.WriteString(c, "thanks")
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	require.Equal(t, "thanks", string(b.Await(t, 1)[0].Received))
}

func TestBackendTLS(t *testing.T) {
	b := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{
		TLS: true, Names: []string{"a.example", "b.example"}, ALPN: []string{"h2"}, Proxy: proxyheader.V1,
	})
	raw := dialBackend(t, b, "PROXY TCP4 198.51.100.7 203.0.113.9 64221 443\r\n")
	c := tls.Client(raw, b.ClientConfig("b.example"))
	_, err := io.WriteString(c, "secret")
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	require.Equal(t, "secret", all(t, c))
	seen := b.Await(t, 1)[0]
	require.Equal(t, "b.example", seen.ServerName)
	require.Equal(t, "h2", seen.ALPN)
	require.Equal(t, "secret", string(seen.Received))
	require.Equal(t, netip.MustParseAddrPort("198.51.100.7:64221"), seen.Header.Source)
	require.Equal(t, raw.LocalAddr().String(), seen.Peer.String(), "the socket's own end")

	plain := dialBackend(t, b, "PROXY TCP4 198.51.100.7 203.0.113.9 64221 443\r\nGET / HTTP/1.1\r\n\r\n")
	_, _ = io.Copy(io.Discard, plain)
	require.Error(t, b.Await(t, 2)[1].Err)
}

func TestBackendRequiresHeader(t *testing.T) {
	const line = "PROXY TCP4 198.51.100.7 203.0.113.9 64221 443\r\n"
	binary, err := proxyheader.AppendV2(nil, &proxyheader.Header{
		Source: netip.MustParseAddrPort("198.51.100.7:64221"), Destination: netip.MustParseAddrPort("203.0.113.9:443"), UniqueID: []byte("id"),
	})
	require.NoError(t, err)
	good := map[proxyheader.Version]string{proxyheader.V1: line, proxyheader.V2: string(binary)}
	for version, header := range good {
		b := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{Proxy: version})
		c := dialBackend(t, b, header+"hello")
		require.NoError(t, c.CloseWrite())
		require.Equal(t, "hello", all(t, c))
		require.Equal(t, version, b.Await(t, 1)[0].Header.Version)

		for _, wrong := range []string{"hello", good[3-version]} {
			c := dialBackend(t, b, wrong)
			_, _ = io.Copy(io.Discard, c)
		}
		seen := b.Await(t, 3)
		require.ErrorIs(t, seen[1].Err, proxyheader.ErrNotProxy)
		require.ErrorIs(t, seen[2].Err, proxyheader.ErrMalformed)
	}
}

func TestBackendResets(t *testing.T) {
	const line = "PROXY TCP4 198.51.100.7 203.0.113.9 64221 443\r\n"
	for _, o := range []sniproxytest.BackendOptions{{}, {After: 5}, {After: 5, Proxy: proxyheader.V1}} {
		o.Mode = sniproxytest.BackendResets
		b := sniproxytest.NewBackend(t, o)
		c, err := net.Dial("tcp", b.Addr().String())
		if err == nil { // else it was reset before Dial returned
			defer c.Close()
			if o.Proxy == proxyheader.V1 {
				_, err = io.WriteString(c, line)
				require.NoError(t, err)
			}
			if o.After > 0 {
				_, err = io.WriteString(c, "hello")
				require.NoError(t, err)
			}
			_, err = c.Read(make([]byte, 1))
		}
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.Equal(t, o.After, b.Await(t, 1)[0].Bytes)
	}
}

func TestBackendBlackHole(t *testing.T) {
	b := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{Mode: sniproxytest.BackendBlackHole, TLS: true})
	c := dialBackend(t, b, "hello")
	require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	b.Close()
	require.True(t, b.Await(t, 1)[0].Done)
	_, err = net.Dial("tcp", b.Addr().String())
	require.ErrorIs(t, err, syscall.ECONNREFUSED, "a closed backend refuses")
}

func TestBackendFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		peer.Skip(t, "BackendFull needs Linux")
	}
	b := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{Mode: sniproxytest.BackendFull})
	_, err := net.DialTimeout("tcp", b.Addr().String(), 50*time.Millisecond)
	var slow net.Error
	require.ErrorAs(t, err, &slow)
	require.True(t, slow.Timeout(), "%v", err)
	require.Empty(t, b.Conns())
}
