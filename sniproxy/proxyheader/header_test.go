package proxyheader_test

import (
	"net/netip"
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	for want, v := range map[string]proxyheader.Version{
		"off": proxyheader.Off, "v1": proxyheader.V1, "v2": proxyheader.V2,
	} {
		text, err := v.MarshalText()
		require.NoError(t, err)
		require.Equal(t, want, string(text))
		var got proxyheader.Version
		require.NoError(t, got.UnmarshalText(text))
		require.Equal(t, v, got)
	}
	var v proxyheader.Version
	require.ErrorContains(t, v.UnmarshalText([]byte("2")), "use off, v1 or v2")
	require.NoError(t, v.UnmarshalText(nil))
	require.Equal(t, proxyheader.Off, v)
	_, err := proxyheader.Version(7).MarshalText()
	require.ErrorContains(t, err, "version 7")
	require.Equal(t, "Version(7)", proxyheader.Version(7).String())

	require.Equal(t, "PROXY LOCAL Command(9)",
		proxyheader.Proxy.String()+" "+proxyheader.Local.String()+" "+proxyheader.Command(9).String())
}

func TestTLVSetText(t *testing.T) {
	var s proxyheader.TLVSet
	require.NoError(t, s.UnmarshalText([]byte(" crc32c, authority,,unique-id")))
	require.Equal(t, proxyheader.WithAuthority|proxyheader.WithUniqueID|proxyheader.WithCRC32C, s)
	text, err := s.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "authority,unique-id,crc32c", string(text))
	require.NoError(t, s.UnmarshalText(nil))
	require.Zero(t, s)
	s = proxyheader.WithCRC32C
	require.ErrorContains(t, s.UnmarshalText([]byte("crc32c,ssl")), `"ssl"`)
	require.Equal(t, proxyheader.WithCRC32C, s, "a wrong list changes nothing")
}

func TestKnown(t *testing.T) {
	a := netip.MustParseAddrPort("192.0.2.1:1")
	require.True(t, (&proxyheader.Header{Source: a, Destination: a}).Known())
	require.False(t, (&proxyheader.Header{Source: a, Destination: a, Command: proxyheader.Local}).Known())
	require.False(t, (&proxyheader.Header{Source: a}).Known())
	require.False(t, (&proxyheader.Header{}).Known())
}
