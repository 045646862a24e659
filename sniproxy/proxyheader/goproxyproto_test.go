package proxyheader_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/require"
)

// Both encoders write the same bytes, and go-proxyproto reads ours.
func TestSameAsGoProxyproto(t *testing.T) {
	addrs := []netip.AddrPort{client4, front4, client6, front6,
		netip.AddrPortFrom(netip.AddrFrom16(client4.Addr().As16()), 1), netip.MustParseAddrPort("[::]:0"), netip.MustParseAddrPort("0.0.0.0:65535")}
	for _, src := range addrs {
		for _, dst := range addrs {
			for _, version := range []proxyheader.Version{proxyheader.V1, proxyheader.V2} {
				ours, err := proxyheader.Append(nil, &proxyheader.Header{Version: version, Source: src, Destination: dst})
				require.NoError(t, err)
				theirs, err := proxyproto.HeaderProxyFromAddrs(byte(version), net.TCPAddrFromAddrPort(src), net.TCPAddrFromAddrPort(dst)).Format()
				require.NoError(t, err)
				require.Equal(t, string(theirs), string(ours))
			}
			full, err := proxyheader.AppendV2(nil, &proxyheader.Header{Source: src, Destination: dst, CRC32C: true, Authority: []byte("a.example"), UniqueID: []byte("id"), Align: 16})
			require.NoError(t, err)
			h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(full)))
			require.NoError(t, err)
			got, ok := endpoint(h.SourceAddr)
			require.True(t, ok)
			require.Equal(t, src.Addr().Unmap(), got.Addr())
			list, err := h.TLVs()
			require.NoError(t, err)
			require.Equal(t, "id", string(list[1].Value))
			require.Equal(t, "a.example", string(list[2].Value))
		}
	}
}

// The README's reasons not to build the Listener on go-proxyproto. If this test
// fails with a new version, look at them again.
func TestWhyNotGoProxyproto(t *testing.T) {
	accept := func(t *testing.T, timeout time.Duration, send string) net.Conn {
		t.Helper()
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		l := &proxyproto.Listener{Listener: inner, ReadHeaderTimeout: timeout}
		t.Cleanup(func() { _ = l.Close() })
		front, err := net.Dial("tcp", inner.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = front.Close() })
		c, err := l.Accept()
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(front, send)
		require.NoError(t, err)
		return c
	}
	t.Run("version 1 in two segments is an error", func(t *testing.T) {
		_, err := accept(t, time.Hour, line[:20]).Read(make([]byte, 1)) // the second is not waited for
		require.Error(t, err)
	})
	t.Run("RemoteAddr waits for the client", func(t *testing.T) {
		c := accept(t, 200*time.Millisecond, "")
		start := time.Now()
		_ = c.RemoteAddr()
		require.GreaterOrEqual(t, time.Since(start), 150*time.Millisecond)
	})
	t.Run("no half-close", func(t *testing.T) {
		_, ok := accept(t, time.Hour, line).(interface{ CloseWrite() error })
		require.False(t, ok)
	})
	t.Run("checksums are not verified", func(t *testing.T) {
		wrong := sig + "\x21\x11\x00\x13" + string(make([]byte, 12)) + "\x03\x00\x04abcd"
		_, err := accept(t, time.Hour, wrong+"x").Read(make([]byte, 1))
		require.NoError(t, err)
	})
}
