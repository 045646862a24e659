package proxyheader_test

import (
	"bufio"
	"bytes"
	"net"
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/require"
)

var full = proxyheader.Header{
	Version: proxyheader.V2, Source: client4, Destination: front4,
	Authority: []byte("www.example.org"), UniqueID: []byte("0123456789abcdef"), CRC32C: true,
}

func BenchmarkAppendV1(b *testing.B) {
	buf := make([]byte, 0, proxyheader.MaxV1)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = proxyheader.AppendV1(buf, client4, front4)
	}
}

func BenchmarkAppendV2(b *testing.B) {
	plain := full
	plain.Authority, plain.UniqueID, plain.CRC32C = nil, nil, false
	for name, h := range map[string]*proxyheader.Header{"plain": &plain, "authority,unique-id,crc32c": &full} {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = proxyheader.AppendV2(buf, h)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, header := range headers(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = proxyheader.Decode(header, proxyheader.DecodeOptions{})
			}
		})
	}
}

func headers(b *testing.B) map[string][]byte {
	b.Helper()
	v1, err := proxyheader.AppendV1(nil, client4, front4)
	require.NoError(b, err)
	v1six, err := proxyheader.AppendV1(nil, client6, front6)
	require.NoError(b, err)
	v2, err := proxyheader.AppendV2(nil, &full)
	require.NoError(b, err)
	return map[string][]byte{"v1 TCP4": v1, "v1 TCP6": v1six, "v2 with extensions": v2}
}

// The same by go-proxyproto, for the comparison in the README.
func BenchmarkGoProxyproto(b *testing.B) {
	for name, header := range headers(b) {
		b.Run("read "+name, func(b *testing.B) {
			r := bytes.NewReader(header)
			br := bufio.NewReader(r)
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(header)
				br.Reset(r)
				_, _ = proxyproto.Read(br)
			}
		})
	}
	b.Run("format v1 TCP4", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = proxyproto.HeaderProxyFromAddrs(1, net.TCPAddrFromAddrPort(client4), net.TCPAddrFromAddrPort(front4)).Format()
		}
	})
	b.Run("format v2", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = proxyproto.HeaderProxyFromAddrs(2, net.TCPAddrFromAddrPort(client4), net.TCPAddrFromAddrPort(front4)).Format()
		}
	})
}
