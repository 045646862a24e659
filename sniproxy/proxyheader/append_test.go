package proxyheader_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/stretchr/testify/require"
)

var (
	client4 = netip.MustParseAddrPort("198.51.100.7:64221")
	front4  = netip.MustParseAddrPort("203.0.113.9:443")
	client6 = netip.MustParseAddrPort("[2001:db8::7]:64221")
	front6  = netip.MustParseAddrPort("[2001:db8::9]:443")
)

const sig = "\r\n\r\n\x00\r\nQUIT\n"

func TestAppendV1(t *testing.T) {
	cases := []struct {
		name     string
		src, dst string
		want     string
	}{
		{"IPv4", "198.51.100.7:64221", "203.0.113.9:443", "TCP4 198.51.100.7 203.0.113.9 64221 443"},
		{"IPv6", "[2001:db8::7]:64221", "[2001:db8::9]:443", "TCP6 2001:db8::7 2001:db8::9 64221 443"},
		{"IPv4 client, IPv6 destination", "198.51.100.7:1", "[2001:db8::9]:443", "TCP6 ::ffff:198.51.100.7 2001:db8::9 1 443"},
		{"IPv6 client, IPv4 destination", "[2001:db8::7]:1", "203.0.113.9:443", "TCP6 2001:db8::7 ::ffff:203.0.113.9 1 443"},
		{"IPv4 as a dual-stack socket names it", "[::ffff:198.51.100.7]:1", "[::ffff:203.0.113.9]:2", "TCP4 198.51.100.7 203.0.113.9 1 2"},
		{"zone", "[fe80::1%eth0]:65535", "[fe80::2%eth0]:0", "TCP6 fe80::1 fe80::2 65535 0"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := proxyheader.AppendV1([]byte("before"), netip.MustParseAddrPort(c.src), netip.MustParseAddrPort(c.dst))
			require.NoError(t, err)
			require.Equal(t, "beforePROXY "+c.want+"\r\n", string(got))
		})
	}
}

func TestAppendV1LongestFits(t *testing.T) {
	longest := netip.MustParseAddrPort("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")
	got, err := proxyheader.AppendV1(nil, longest, longest)
	require.NoError(t, err)
	require.Len(t, got, 104)
	_, n, err := proxyheader.Decode(got, proxyheader.DecodeOptions{})
	require.NoError(t, err)
	require.Equal(t, 104, n)
}

func TestAppendV2(t *testing.T) {
	cases := []struct {
		name string
		h    proxyheader.Header
		want string // hexadecimal, behind the signature
	}{
		{"IPv4", proxyheader.Header{Source: client4, Destination: front4},
			"21 11 000c c6336407 cb007109 fadd 01bb"},
		{"IPv6", proxyheader.Header{Source: client6, Destination: front6},
			"21 21 0024 20010db8000000000000000000000007 20010db8000000000000000000000009 fadd 01bb"},
		{"mixed", proxyheader.Header{Source: client4, Destination: front6},
			"21 21 0024 00000000000000000000ffffc6336407 20010db8000000000000000000000009 fadd 01bb"},
		{"UDP", proxyheader.Header{Source: client4, Destination: front4, Datagram: true},
			"21 12 000c c6336407 cb007109 fadd 01bb"},
		{"UDP over IPv6", proxyheader.Header{Source: client6, Destination: front6, Datagram: true},
			"21 22 0024 20010db8000000000000000000000007 20010db8000000000000000000000009 fadd 01bb"},
		{"LOCAL", proxyheader.Header{Command: proxyheader.Local, Source: client4, Destination: front4, Authority: []byte("x"), CRC32C: true},
			"20 00 0000"},
		{"unique ID and authority", proxyheader.Header{Source: client4, Destination: front4, Authority: []byte("a.b"), UniqueID: []byte("id")},
			"21 11 0017 c6336407 cb007109 fadd 01bb 05 0002 6964 02 0003 612e62"},
		{"empty values are left out", proxyheader.Header{Source: client4, Destination: front4, Authority: []byte{}, UniqueID: []byte{}},
			"21 11 000c c6336407 cb007109 fadd 01bb"},
		{"aligned", proxyheader.Header{Source: client4, Destination: front4, Align: 8},
			"21 11 0010 c6336407 cb007109 fadd 01bb 04 0001 00"},
		{"aligned, gap below the least extension", proxyheader.Header{Source: client4, Destination: front4, Align: 5},
			"21 11 0013 c6336407 cb007109 fadd 01bb 04 0004 00000000"},
		{"aligned already", proxyheader.Header{Source: client4, Destination: front4, Align: 4},
			"21 11 000c c6336407 cb007109 fadd 01bb"},
		{"unknown extension", proxyheader.Header{Source: client4, Destination: front4, TLVs: proxyheader.TLVs("\xe0\x00\x01z")},
			"21 11 0010 c6336407 cb007109 fadd 01bb e0 0001 7a"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := proxyheader.AppendV2([]byte("before"), &c.h)
			require.NoError(t, err)
			require.Equal(t, "before"+sig+unhex(t, c.want), string(got))
			c.h.Version = proxyheader.V2
			same, err := proxyheader.Append(nil, &c.h)
			require.NoError(t, err)
			require.Equal(t, got[len("before"):], same)
		})
	}
}

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return string(b)
}

// The checksum is checked against one computed as the protocol's text says it,
// over a copy with the field cleared.
func TestAppendV2Checksum(t *testing.T) {
	h := proxyheader.Header{Source: client4, Destination: front4, CRC32C: true, UniqueID: []byte("id"), Authority: []byte("a.example"), Align: 64}
	got, err := proxyheader.AppendV2([]byte("before"), &h)
	require.NoError(t, err)
	got = got[len("before"):]
	require.Equal(t, 0, len(got)%64)
	require.Equal(t, proxyheader.TypeCRC32C, got[28], "the checksum comes first")
	sum := binary.BigEndian.Uint32(got[31:])
	clear(got[31:35])
	require.Equal(t, crc32.Checksum(got, crc32.MakeTable(crc32.Castagnoli)), sum)
}

func TestAppendRefuses(t *testing.T) {
	good := proxyheader.Header{Version: proxyheader.V2, Source: client4, Destination: front4}
	with := func(change func(*proxyheader.Header)) proxyheader.Header {
		h := good
		change(&h)
		return h
	}
	cases := []struct {
		name string
		h    proxyheader.Header
		is   error
		says string
	}{
		{"no source, v2", with(func(h *proxyheader.Header) { h.Source = netip.AddrPort{} }), proxyheader.ErrAddress, "source"},
		{"no destination, v1", with(func(h *proxyheader.Header) { h.Version, h.Destination = proxyheader.V1, netip.AddrPort{} }), proxyheader.ErrAddress, "destination"},
		{"long authority", with(func(h *proxyheader.Header) { h.Authority = make([]byte, 256) }), proxyheader.ErrTooLong, "authority of 256 bytes"},
		{"long unique ID", with(func(h *proxyheader.Header) { h.UniqueID = make([]byte, 129) }), proxyheader.ErrTooLong, "unique ID of 129 bytes"},
		{"alignment", with(func(h *proxyheader.Header) { h.Align = 4097 }), proxyheader.ErrTooLong, "alignment of 4097"},
		{"negative alignment", with(func(h *proxyheader.Header) { h.Align = -1 }), proxyheader.ErrTooLong, "alignment of -1"},
		{"cut extension", with(func(h *proxyheader.Header) { h.TLVs = proxyheader.TLVs("\xe0\x00\x02z") }), proxyheader.ErrMalformed, "cut short"},
		{"beyond 64 KiB", with(func(h *proxyheader.Header) { h.TLVs = proxyheader.TLVs("\xe0\xff\xff" + strings.Repeat("z", 65535)) }), proxyheader.ErrTooLong, "header of"},
		{"command", with(func(h *proxyheader.Header) { h.Command = 2 }), nil, "no command 2"},
		{"version", with(func(h *proxyheader.Header) { h.Version = 3 }), nil, "no version 3"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := proxyheader.Append([]byte("before"), &c.h)
			require.ErrorContains(t, err, c.says)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.Equal(t, "before", string(got))
		})
	}
}

func TestAppendOff(t *testing.T) {
	got, err := proxyheader.Append([]byte("hello"), &proxyheader.Header{})
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
}

// A header that was read is relayed with its extensions, a new checksum and
// without the old padding.
func TestRelay(t *testing.T) {
	in := proxyheader.Header{Source: client4, Destination: front4, CRC32C: true, Align: 100,
		UniqueID: []byte("old"), Authority: []byte("a.example"), TLVs: proxyheader.TLVs("\xe0\x00\x01z")}
	b, err := proxyheader.AppendV2(nil, &in)
	require.NoError(t, err)
	h, _, err := proxyheader.Decode(b, proxyheader.DecodeOptions{})
	require.NoError(t, err)
	h.UniqueID = []byte("new")
	b, err = proxyheader.Append(nil, &h)
	require.NoError(t, err)
	got, _, err := proxyheader.Decode(b, proxyheader.DecodeOptions{})
	require.NoError(t, err)
	var types []byte
	for kind := range got.TLVs.All() {
		types = append(types, kind)
	}
	require.Equal(t, []byte{proxyheader.TypeCRC32C, proxyheader.TypeUniqueID, proxyheader.TypeAuthority, 0xe0}, types)
	require.Equal(t, "new", string(got.UniqueID))
	require.True(t, got.CRC32C)
}

func TestTLVs(t *testing.T) {
	tlvs, err := proxyheader.AppendTLV(nil, 0xe0, []byte("zone-a"))
	require.NoError(t, err)
	tlvs, err = proxyheader.AppendTLV(tlvs, 0xe1, nil)
	require.NoError(t, err)
	value, ok := tlvs.Get(0xe0)
	require.True(t, ok)
	require.Equal(t, "zone-a", string(value))
	value, ok = tlvs.Get(0xe1)
	require.True(t, ok)
	require.Empty(t, value)
	_, ok = tlvs.Get(0xe2)
	require.False(t, ok)
	_, ok = tlvs[:len(tlvs)-1].Get(0xe1)
	require.False(t, ok, "cut short")
	_, err = proxyheader.AppendTLV(nil, 0xe0, make([]byte, 1<<16))
	require.ErrorIs(t, err, proxyheader.ErrTooLong)
	for range tlvs.All() {
		break // the iterator may be left
	}
}

func TestNoAllocation(t *testing.T) {
	buf := make([]byte, 0, 512)
	name, id := []byte("www.example.org"), []byte("0123456789abcdef")
	extra := proxyheader.TLVs("\xe0\x00\x01z")
	check := func(what string, f func() bool) {
		t.Helper()
		good := true
		require.Zero(t, testing.AllocsPerRun(100, func() { good = good && f() }), what)
		require.True(t, good, what)
	}
	check("v1", func() bool {
		_, err := proxyheader.AppendV1(buf, client4, front4)
		return err == nil
	})
	check("v1, mixed families", func() bool {
		_, err := proxyheader.AppendV1(buf, client4, front6)
		return err == nil
	})
	check("v2", func() bool {
		h := proxyheader.Header{Version: proxyheader.V2, Source: client4, Destination: front4, Authority: name, UniqueID: id, CRC32C: true, Align: 8, TLVs: extra}
		_, err := proxyheader.Append(buf, &h)
		return err == nil
	})
	line, err := proxyheader.AppendV1(nil, client6, front6)
	require.NoError(t, err)
	binaryHeader, err := proxyheader.AppendV2(nil, &proxyheader.Header{Source: client4, Destination: front4, Authority: name, UniqueID: id, CRC32C: true})
	require.NoError(t, err)
	for _, b := range [][]byte{line, binaryHeader} {
		check("decode", func() bool {
			_, n, err := proxyheader.Decode(b, proxyheader.DecodeOptions{})
			return err == nil && n == len(b)
		})
		check("decode a part", func() bool {
			_, _, err := proxyheader.Decode(b[:len(b)-1], proxyheader.DecodeOptions{})
			return errors.Is(err, proxyheader.ErrShort)
		})
		bad := bytes.Clone(b)
		bad[13] = 'x'
		check("decode nonsense", func() bool {
			_, _, err := proxyheader.Decode(bad, proxyheader.DecodeOptions{})
			return err != nil
		})
	}
}
